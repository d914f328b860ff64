"""Request bodies, read strictly: forms and JSON objects in which nothing is repeated and every text is storable."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from kompetenspass.core.errors import Problem
from kompetenspass.openid.jose import strict_json

Refuse = Callable[[str], Problem]
"""Makes the Problem for a body that cannot be read, from a sentence that says why."""

MAX_FIELDS = 64


def form_parameters(body: bytes, refuse: Refuse) -> dict[str, str]:
    """Return the parameters of an `application/x-www-form-urlencoded` body; empty values count as absent.

    Raises what `refuse` makes for bytes that are not UTF-8, repeated names or control characters.
    Source: RFC 6749, sections 3.2 and appendix B.
    """
    fields = body.split(b"&")
    try:
        body.decode("utf-8")  # what is not quoted must be UTF-8 by itself, before anything is joined
        pairs = [_parameter(field) for field in fields if field]
    except ValueError as error:
        raise refuse("The form cannot be read as UTF-8 parameters.") from error
    if len(fields) > MAX_FIELDS:
        raise refuse("The form has too many parameters.")
    return unique_parameters(pairs, refuse)


def _parameter(field: bytes) -> tuple[str, str]:
    """Return name and value as `urllib.parse.parse_qsl` does, which takes several times as long for a long value."""
    name, _, value = field.replace(b"+", b" ").partition(b"=")
    return unquote_to_bytes(name).decode("utf-8"), unquote_to_bytes(value).decode("utf-8")


def unique_parameters(pairs: list[tuple[str, str]], refuse: Refuse) -> dict[str, str]:
    """Return the pairs as a dict without empty values; raises what `refuse` makes if a name is repeated."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise refuse("A parameter is repeated.")
        if not _storable(name) or not _storable(value):
            raise refuse("A parameter holds characters that are not text.")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def json_object(body: bytes | str, refuse: Refuse) -> dict[str, object]:
    """Return the JSON object in `body`.

    Raises what `refuse` makes for anything else: no object, a repeated member, NaN, lone surrogates, NUL, too deep.
    Source: RFC 8259; RFC 7493, sections 2.1 to 2.3.
    """
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    try:
        value = strict_json(data)
    except ValueError as error:
        raise refuse("The body is not JSON, or repeats a member.") from error
    if not isinstance(value, dict):
        raise refuse("The body is not a JSON object.")
    if b"\\u0000" in data and not _all_storable(value):
        raise refuse("A text holds NUL.")
    return value


def _all_storable(value: object) -> bool:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, dict):
        return all(_storable(name) and _all_storable(member) for name, member in value.items())
    return all(map(_all_storable, value)) if isinstance(value, list) else True


def _storable(text: str) -> bool:
    return "\x00" not in text
