"""Who may see what of an event, and which name of its stream may be shown.

Public is for anyone: definitions, pathways, organisations, roles, keys, status lists; no person, not even by reference.
Partner is for organisations that were let in: the places in status lists whose value changed, issuing rights, and that
an organisation has an assessor. All else is internal. A field says itself who may see it (`public()`, `partner()`), and
a field that says nothing is internal, also within a value that is shown. An event that has nothing to show to an
audience is not sent to it.

What surrounds an event is decided by its stream. A stream of one of the kinds `SHOWN` names no person: its name leaves,
and so do the acting organisation and its role. The name of any other stream stays, and so does who acted: a part of a
hash, shared by very many streams, stands for it, so that order within the stream is kept. Correlation, cause, trace and
stream version never leave. Id, times and position do: a position tells how long the log is and nothing of one event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin

from kompetenspass.events.base import AUDIENCES, Audience, Event, Value

SHOWN = frozenset({"def", "path", "org", "list"})
"""The kinds of streams whose names say nothing of a person."""

HIDDEN_PARTS = 64
"""How many keys stand for all streams whose names stay; a power of two up to 256."""


def sees(audience: Audience, declared: str) -> bool:
    """Return whether an audience may see what is declared for another: each sees what those before it see."""
    return AUDIENCES.index(audience) >= [*AUDIENCES].index(declared)  # type: ignore[arg-type]  # refused if it is none


def for_audience(event: Event, audience: Audience) -> dict[str, Any] | None:
    """Return the payload that an audience may see, as JSON values; None where the event has nothing to show to it."""
    if audience == "internal":
        return event.model_dump(mode="json")
    part = visible(type(event), audience)
    return event.model_dump(mode="json", include=part) if part else None


def reaches(event: type[Event], audience: Audience) -> bool:
    """Return whether events of this type are sent to an audience at all."""
    return audience == "internal" or bool(visible(event, audience))


@cache
def visible(model: type[Value], audience: Audience) -> dict[str, Any]:
    """Return the fields of `model` that an audience may see: name to True, or to the visible part of what it holds."""
    parts = {
        name: _within(field.annotation, audience)
        for name, field in model.model_fields.items()
        if sees(audience, declared(field.json_schema_extra))
    }
    return {name: part for name, part in parts.items() if part}


def declared(extra: object) -> str:
    """Return the audience that a field's declaration names, `internal` where it names none."""
    return str(extra.get("audience", "internal")) if isinstance(extra, Mapping) else "internal"


def _within(annotation: Any, audience: Audience) -> Any:
    """Return True for what holds no Value, and else its visible part. Raises TypeError for a shape not foreseen."""
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return visible(annotation, audience)
    if not (held := values_in(annotation)):
        return True
    if get_origin(annotation) is tuple and get_args(annotation) == (held[0], ...):
        part = visible(held[0], audience)
        return {"__all__": part} if part else {}
    if len(held) == 1 and set(get_args(annotation)) == {held[0], type(None)}:
        return visible(held[0], audience)
    raise TypeError(f"{annotation}: it is not said how the visible part of such a field is found")


def values_in(annotation: Any) -> list[type[Value]]:
    """Return the Values that an annotation names, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return [annotation]
    return [value for part in get_args(annotation) for value in values_in(part)]


def stream_is_shown(stream: str, audience: Audience) -> bool:
    """Return whether the name of a stream, and who acted on it, may be shown to an audience."""
    return audience == "internal" or stream.partition("-")[0] in SHOWN


def key_for(stream: str, audience: Audience) -> str:
    """Return the key that keeps the order of a stream for an audience: the stream, or one of `HIDDEN_PARTS` names."""
    if stream_is_shown(stream, audience):
        return stream
    return f"part-{hashlib.sha256(stream.encode()).digest()[0] % HIDDEN_PARTS}"
