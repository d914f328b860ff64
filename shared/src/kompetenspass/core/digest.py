"""Canonical JSON, base64url and SHA-256: what is hashed or signed is written here once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any

import rfc8785

_B64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
_LARGEST = 2**53 - 1  # of the integers that a double holds one by one
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def canonical_json(value: object) -> bytes:
    """Return `value` as canonical JSON in UTF-8. Raises ValueError for what JSON cannot hold. Source: RFC 8785."""
    if _is_plain(value):
        return _encode(value).encode("utf-8")
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # the library's recursive type is narrower than its check


def _is_plain(value: Any) -> bool:
    """Return whether the standard library's encoder, which is written in C, gives the canonical form of `value`.

    It escapes strings as the RFC demands. Floats and larger integers it writes otherwise, keys that are no strings it
    makes strings, and it sorts by code point instead of UTF-16 unit, which is the same for ASCII: those are not plain.
    """
    kind = type(value)
    if kind is dict:
        for key, member in value.items():
            if type(key) is not str or not key.isascii():
                return False
            if type(member) is not str and member is not None and not _is_plain(member):
                return False
        return True
    if kind is list or kind is tuple:
        return all(type(member) is str or _is_plain(member) for member in value)
    return kind is str or kind is bool or value is None or (kind is int and -_LARGEST <= value <= _LARGEST)


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
