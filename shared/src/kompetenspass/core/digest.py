"""Canonical JSON, base64url and SHA-256: what is hashed or signed is written here once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
import rfc8785

_B64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
_LARGEST = 2**53 - 1  # of the integers that a double holds one by one
_STRINGS = frozenset({str})
_ALWAYS_PLAIN = frozenset({str, bool, type(None)})
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def canonical_json(value: object) -> bytes:
    """Return `value` as canonical JSON in UTF-8. Raises ValueError for what JSON cannot hold. Source: RFC 8785."""
    if not _is_plain(value):
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # the library's recursive type is narrower than its check
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested deep, or a lone surrogate, which has no UTF-8: a ValueError here
        return _encode(value).encode("utf-8")


def canonical_around(texts: Mapping[str, str], name: str, inner: bytes) -> bytes:
    """Return an object of texts, with `inner`, which is canonical JSON already, as one more member, as canonical JSON.

    The names are ASCII. Raises TypeError for a text that has no UTF-8.
    """
    return orjson.dumps({**texts, name: orjson.Fragment(inner)}, option=orjson.OPT_SORT_KEYS)


def _is_plain(value: Any) -> bool:
    """Return whether encoders written in C and Rust give the canonical form of `value`.

    They escape strings as the RFC demands. Floats and larger integers they write otherwise, keys that are no strings
    they refuse or make strings, and they sort by code point instead of UTF-16 unit, which is the same for ASCII: those
    are not plain.
    """
    kind = type(value)
    if kind is dict:
        if not _STRINGS.issuperset(map(type, value)) or not "".join(value).isascii():
            return False
        inner = value.values()
    elif kind is list or kind is tuple:
        inner = value
    else:
        return kind in _ALWAYS_PLAIN or (kind is int and -_LARGEST <= value <= _LARGEST)
    return all(map(_is_plain, [member for member in inner if type(member) not in _ALWAYS_PLAIN]))


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
