"""Events of every type with values of all kinds; each text is one that occurs nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st

from kompetenspass.events.base import Event, Value
from kompetenspass.events.codec import EVENTS
from kompetenspass.events.envelope import Actor, Context, seal
from kompetenspass.log.api import Recorded

tokens = st.uuids().map(lambda one: f"t{one.hex}")
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  Hypothesis wants naive bounds
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: tokens,
    int: st.integers(0, 2**31),
    bool: st.booleans(),
    UUID: st.uuids(),
    datetime: moments,
    date: st.dates(),
    Any: tokens,
    type(None): st.none(),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Return what a field of this annotation may hold."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in (Union, UnionType):
        return st.one_of([values(part) for part in parts])
    if origin is tuple:
        return st.lists(values(parts[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(tokens, values(parts[1]), max_size=2)
    return instances(annotation)


def instances(model: type[Value]) -> st.SearchStrategy[Any]:
    """Return values of a model with every field given."""
    return st.builds(model, **{name: values(field.annotation) for name, field in model.model_fields.items()})


events: st.SearchStrategy[Event] = st.sampled_from(list(EVENTS.values())).flatmap(instances)
contexts = st.builds(Context, st.builds(Actor, tokens, tokens), moments, tokens, tokens, tokens, tokens)
streams = st.builds("{}-{}".format, st.sampled_from(["def", "org", "status", "cred", "stack", "learner"]), tokens)


@st.composite
def recorded(draw: st.DrawFn) -> Recorded:
    """Return an event as a log holds it, on a stream of any kind."""
    draft = seal(draw(st.uuids()), draw(events), draw(contexts))
    place = draw(st.integers(1, 2**40)), draw(streams), draw(st.integers(1, 2**20))
    return Recorded(*place, draft.id, draft.type, draw(moments), draft.data)


def texts(value: Any) -> Iterator[str]:
    """Return every text within a JSON value, keys of objects included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, held in value.items():
            yield name
            yield from texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from texts(held)
