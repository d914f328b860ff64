"""Canonical JSON, base64url and SHA-256: what is hashed or signed is written here once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

import rfc8785

_B64URL = re.compile(r"[A-Za-z0-9_-]*\Z")


def canonical_json(value: object) -> bytes:
    """Return `value` as canonical JSON in UTF-8. Raises ValueError for what JSON cannot hold. Source: RFC 8785."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # the library's recursive type is narrower than its check


def b64u(data: bytes) -> str:
    """Return `data` as base64url without padding. Source: RFC 7515, section 2."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64u_decode(text: str) -> bytes:
    """Return the bytes of base64url `text` without padding; raises ValueError for any other character."""
    if not _B64URL.match(text):
        raise ValueError("not base64url without padding")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url without padding") from error


def sha256_b64u(data: bytes) -> str:
    """Return the SHA-256 digest of `data` as base64url: 43 characters."""
    return b64u(hashlib.sha256(data).digest())


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 digest of `data` as 64 lower-case hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


def integrity(data: bytes) -> str:
    """Return the Subresource Integrity string of `data`: `sha256-` and base64 with padding."""
    return "sha256-" + base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")


def content_digest(value: object) -> str:
    """Return the digest that names one immutable version of a document: SHA-256 of its canonical JSON, base64url."""
    return sha256_b64u(canonical_json(value))
