"""Schemas and golden examples of every event, as files."""

from __future__ import annotations

import json
from typing import Any

from contract.values import CONTEXT, EVENT_ID, MOMENT, example_of, stream_template
from kompetenspass.events.audiences import reaches
from kompetenspass.events.base import AUDIENCES, Audience, Event
from kompetenspass.events.cloudevents import cloud_event
from kompetenspass.events.codec import EVENTS
from kompetenspass.events.envelope import seal
from kompetenspass.events.schemas import schema_of
from kompetenspass.log.api import Recorded

FOLDER = "events"
PUBLIC_URLS = {
    owner: f"https://{owner}.kompetenspass.example" for owner in sorted({e.owner() for e in EVENTS.values()})
}
"""The public base URL of each service in the generated files; a deployment has its own."""


def as_json(value: Any) -> str:
    """Return `value` as the text of a generated file."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def schema_path(event_type: str, audience: Audience) -> str:
    """Return the path of a schema's file under docs/generated."""
    return f"{FOLDER}/{event_type}.{audience}.schema.json"


def example_path(event_type: str) -> str:
    """Return the path of an example's file under docs/generated."""
    return f"{FOLDER}/examples/{event_type}.json"


def files() -> dict[str, str]:
    """Return every schema and example: path under docs/generated to text."""
    made: dict[str, str] = {}
    for event in EVENTS.values():
        for audience in AUDIENCES:
            if schema := schema_of(event, audience):
                made[schema_path(event.type, audience)] = as_json(schema)
        made[example_path(event.type)] = as_json(example(event))
    return made


def example(event: type[Event]) -> dict[str, Any]:
    """Return one event as each audience gets it: audience to CloudEvent in structured mode."""
    given = example_of(event)
    draft = seal(EVENT_ID, given, CONTEXT)
    stream = stream_template(event).format(**given.model_dump())
    recorded = Recorded(1234, stream, 2, draft.id, draft.type, MOMENT, draft.data)
    source = PUBLIC_URLS[event.owner()]
    shown = {audience: cloud_event(recorded, audience, source=source) for audience in reversed(AUDIENCES)}
    return {audience: one.structured() for audience, one in shown.items() if one}


def sent(owner: str, audience: Audience) -> list[type[Event]]:
    """Return the events of an owner that an audience gets, by type."""
    mine = (event for name, event in sorted(EVENTS.items()) if event.owner() == owner)
    return [event for event in mine if reaches(event, audience)]
