"""Base64url and JSON as signed tokens need them: strict when read, compact when written, quick in both directions.

The quick roads are orjson's and pydantic's, in Rust. Each is more lenient than a signed token may be, so what it lets
through is checked here, and what it does not know goes another way.
"""

from __future__ import annotations

import binascii
import json
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from orjson import dumps, loads
from pydantic_core import SchemaValidator, ValidationError, core_schema, to_json

_TO_URL = bytes.maketrans(b"+/", b"-_")
_LONG = 256
_from_base64 = SchemaValidator(core_schema.bytes_schema(), {"val_json_bytes": "base64"}).validate_python
_PLAIN = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def write_json(value: object) -> bytes:
    """Return a value that `check_json` has passed as JSON without white space, in UTF-8. Raises ValueError."""
    try:
        return dumps(value)
    except TypeError:  # a lone surrogate, which has no UTF-8, or an integer beyond 64 bits, which JSON may hold
        return to_json(value)


def write_each(values: Iterable[object]) -> list[bytes]:
    """Return each of `values` as `write_json` does."""
    values = tuple(values)
    try:
        return [*map(dumps, values)]
    except TypeError:
        return [*map(to_json, values)]


def b64u_lines(items: Iterable[bytes]) -> bytes:
    """Return each of `items` as base64url without padding on a line of its own, in ASCII bytes."""
    return _to_url(b"".join(map(binascii.b2a_base64, items)))


def b64u_ascii(data: bytes) -> bytes:
    """Return `data` as base64url without padding, in ASCII bytes. Source: RFC 7515, section 2."""
    return _to_url(binascii.b2a_base64(data, newline=False))


def _to_url(text: bytes) -> bytes:
    """Return base64 as base64url without padding: a long one by looking for bytes, which is faster than a table."""
    if len(text) < _LONG:
        return text.translate(_TO_URL, b"=")
    return text.replace(b"+", b"-").replace(b"/", b"_").replace(b"=", b"")


def b64u_encode(data: bytes) -> str:
    """Return `data` as base64url without padding. Source: RFC 7515, section 2."""
    return b64u_ascii(data).decode("ascii")


def b64u_decode_strict(text: str) -> bytes:
    """Return the bytes of base64url `text`, which must be the one spelling of them.

    Padding, other characters and non-zero spare bits raise ValueError: two spellings of one signature would give one
    token two digests. Source: RFC 7515, section 2; RFC 4648, section 3.5.
    """
    if "=" in text or "+" in text or "/" in text:  # the decoder reads base64 of either alphabet, padded or not
        raise ValueError("not base64url without padding")
    try:
        data: bytes = _from_base64(text)
    except ValidationError:
        raise ValueError("not base64url without padding") from None  # its own message repeats the token
    return data


def check_json(value: Any, reserved: Collection[str] = ()) -> None:
    """Raise ValueError or TypeError for what JSON cannot hold, KeyError for a member that has a `reserved` name.

    The writer would find some form for dates, bytes, sets and NaN: nobody asked for it, and it would be signed.
    """
    kind = type(value)
    inner: Iterable[Any] = ()
    if kind is dict or isinstance(value, dict):
        if reserved and not value.keys().isdisjoint(reserved):
            raise KeyError("a reserved name")
        inner = value.values()
    elif kind is list or isinstance(value, list | tuple):
        inner = value
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is not finite")
    elif not isinstance(value, str | int | None):
        raise TypeError("not a JSON value")
    for item in inner:
        if type(item) not in _PLAIN:
            check_json(item, reserved)


def json_bytes(value: object) -> bytes:
    """Return `value` as JSON in UTF-8, without white space. Raises ValueError or TypeError for what is not JSON."""
    check_json(value)
    return write_json(value)


def json_text(value: object) -> str:
    """Return `value` as JSON without white space. Raises ValueError or TypeError for what JSON cannot hold."""
    return json_bytes(value).decode("utf-8")


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
    try:
        value = loads(data)
        if dumps(value) == data:  # so no member was given twice, and no number rounded: so are most tokens
            return value
    except (ValueError, TypeError):
        pass  # the strict reader says what is wrong, or reads what is only written in another way
    return _read_slowly(data)


def _read_slowly(data: bytes) -> Any:
    text = data.decode("utf-8").strip(" \t\r\n")
    try:
        value, end = _decoder.raw_decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if end != len(text):
        raise ValueError("something follows the value")
    if "\\u" in text and ("\\ud" in text or "\\uD" in text):
        _encode(value).encode("utf-8")  # a lone surrogate cannot be written as UTF-8: UnicodeEncodeError, a ValueError
    return value


def is_strings(value: object) -> bool:
    """Return whether `value` is a JSON array of strings."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value)
