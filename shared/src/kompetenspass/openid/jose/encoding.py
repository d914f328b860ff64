"""Base64url and JSON as signed tokens need them: strict when read, compact when written, quick in both directions."""

from __future__ import annotations

import binascii
import json
import math
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST = (None, b"", _ALPHABET[::16], _ALPHABET[::4])  # the last characters with no spare bits, by length modulo 4
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False).encode

quote = encode_basestring
"""Return a string as a JSON string with its quotation marks, not escaping what is not ASCII."""


def b64u_ascii(data: bytes) -> bytes:
    """Return `data` as base64url without padding, in ASCII bytes. Source: RFC 7515, section 2."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=")


def b64u_encode(data: bytes) -> str:
    """Return `data` as base64url without padding. Source: RFC 7515, section 2."""
    return b64u_ascii(data).decode("ascii")


def b64u_decode_strict(text: str) -> bytes:
    """Return the bytes of base64url `text`, which must be the one spelling of them.

    Padding, other characters and non-zero spare bits raise ValueError: two spellings of one signature would give one
    token two digests. Source: RFC 7515, section 2; RFC 4648, section 3.5.
    """
    raw = text.encode("ascii")  # UnicodeEncodeError is a ValueError
    last = _LAST[len(raw) % 4]
    if raw.translate(None, _ALPHABET) or (last is not None and raw[-1] not in last):
        raise ValueError("not base64url without padding")
    return binascii.a2b_base64(raw.translate(_FROM_URL) + b"==")


def json_text(value: object) -> str:
    """Return `value` as JSON without white space. Raises ValueError or TypeError for what JSON cannot hold."""
    return _encode(value)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name appears twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_members, parse_float=_finite, parse_constant=_no_constant)


def strict_json(data: bytes) -> Any:
    """Return the JSON value in `data` (UTF-8).

    Raises ValueError for a member name given twice, NaN, a number beyond a double, a lone surrogate, a value nested
    too deep, or what is not JSON. Source: RFC 7515, section 4 (unique names); RFC 8259, section 8.
    """
    text = data.decode("utf-8")
    try:
        value, end = _decoder.raw_decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if end != len(text) and text[end:].strip(" \t\r\n"):
        raise ValueError("something follows the value")
    if "\\u" in text and ("\\ud" in text or "\\uD" in text):
        _encode(value).encode("utf-8")  # a lone surrogate cannot be written as UTF-8: UnicodeEncodeError, a ValueError
    return value


def is_strings(value: object) -> bool:
    """Return whether `value` is a JSON array of strings."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value)
