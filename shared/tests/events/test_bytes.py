"""The stored bytes of every event: what the reference library would write, and what comes back from them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from kompetenspass.core.clock import rfc3339
from kompetenspass.events.base import Event
from kompetenspass.events.codec import EVENTS, decode, envelope
from kompetenspass.events.envelope import Actor, Context, seal

MOMENTS = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: INTEGERS,
    bool: st.booleans(),
    UUID: st.uuids(),
    date: st.dates(),
    datetime: MOMENTS,
    NoneType: st.none(),
    Any: st.none() | st.booleans() | INTEGERS | TEXTS | st.dictionaries(TEXTS, TEXTS),
}
CONTEXTS = st.builds(Context, st.builds(Actor, TEXTS, TEXTS), MOMENTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of([of_type(each) for each in arguments])
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(of_type(arguments[0]), of_type(arguments[1]), max_size=3)
    return built(kind)


def built(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Return instances of a model."""
    return st.builds(model, **{name: of_type(field.annotation) for name, field in model.model_fields.items()})


@pytest.mark.parametrize("event_type", EVENTS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_an_event_is_stored_as_the_reference_library_writes_it_and_comes_back(
    event_type: str, data: st.DataObject
) -> None:
    event: Event = data.draw(built(EVENTS[event_type]))
    event_id, context = data.draw(st.uuids()), data.draw(CONTEXTS)
    draft = seal(event_id, event, context)
    assert draft.data.encode() == rfc8785.dumps(_envelope(event_id, event, context))
    read = envelope(event_id, event_type, draft.data)
    assert (read.event, read.context) == (event, context)
    assert decode(event_type, json.loads(draft.data)["payload"]) == event


def _envelope(event_id: UUID, event: Event, context: Context) -> dict[str, Any]:
    return {
        "type": event.type,
        "id": str(event_id),
        "actor": {"org": context.actor.org, "role": context.actor.role},
        "occurred_at": rfc3339(context.occurred_at),
        "correlation_id": context.correlation_id,
        "causation_id": context.causation_id,
        "traceparent": context.traceparent,
        "policy_version": context.policy_version,
        "payload": event.model_dump(mode="json"),
    }
