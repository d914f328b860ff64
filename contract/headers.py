"""The CloudEvents attributes of a message, described for AsyncAPI: as headers of Kafka, and in structured mode.

On internal topics two headers stand beside them, and watermarks between the events.
"""

from __future__ import annotations

from typing import Any

from kompetenspass.events.base import Audience
from kompetenspass.log.kafka.headers import ENDED, WATERMARK

_ALWAYS: dict[str, dict[str, Any]] = {
    "specversion": {"const": "1.0", "description": "The version of CloudEvents."},
    "id": {"format": "uuid", "description": "The id of the event. What has the same id is the same event: drop it."},
    "source": {"format": "uri", "description": "The service that states the fact; `position` counts within it."},
    "type": {"description": "owner.Event.vN"},
    "time": {"format": "date-time", "description": "When it happened."},
    "datacontenttype": {"const": "application/json", "description": "The media type of the data."},
    "dataschema": {"format": "uri", "description": "Where the JSON Schema of the data is published."},
    "partitionkey": {"description": "What has the same key comes in order. The key of the Kafka record."},
    "position": {
        "pattern": "^[1-9][0-9]*$",
        "description": "The place in the owner's log. It grows; numbers of what is not for this audience are left out.",
    },
    "recordedtime": {"format": "date-time", "description": "When the log took the event."},
}
_NAMED = {"subject": {"description": "The stream. Absent where its name could lead to a person."}}
_ACTOR: dict[str, dict[str, Any]] = {
    "actororg": {"description": "The organisation that acted. Absent where the subject is."},
    "actorrole": {"description": "The role it acted in. Absent where the subject is."},
}
_INTERNAL: dict[str, dict[str, Any]] = {
    "streamversion": {"pattern": "^[1-9][0-9]*$", "description": "The place in the stream, from 1, without gaps."},
    "traceparent": {"description": "The trace of the request (W3C Trace Context). Absent where there was none."},
}
_PLACE: dict[str, dict[str, Any]] = {
    "epoch": {"format": "uuid", "description": "In which life of the log. A restored log has a new one: begin anew."},
    "fence": {
        "pattern": "^[1-9][0-9]*$",
        "description": "It grows with each relay. Drop what has a smaller one than what stands before it.",
    },
}
_WATERMARK: dict[str, dict[str, Any]] = {
    WATERMARK: {
        "pattern": "^(0|[1-9][0-9]*)$",
        "description": "All events of the partition up to this place in the log stand before it.",
    },
}
_ENDED: dict[str, dict[str, Any]] = {
    ENDED: {"format": "date-time", "description": "When the log ended there. Absent where more was known to come."},
}


def attributes(audience: Audience) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the attributes that an audience gets, name to schema, and which of them are always there."""
    always, sometimes = dict(_ALWAYS), _NAMED | _ACTOR
    if audience == "internal":
        always |= {"subject": _NAMED["subject"], "streamversion": _INTERNAL["streamversion"]}
        sometimes = {"traceparent": _INTERNAL["traceparent"]}
    return _texts(always | sometimes), list(always)


def binary(audience: Audience) -> dict[str, Any]:
    """Return the schema of the headers in binary mode. Source: CloudEvents, Kafka binding, section 3.2."""
    named, always = attributes(audience)
    beside = _PLACE if audience == "internal" else {}
    headers = {_header(name): said for name, said in named.items()} | _texts(beside)
    return {"type": "object", "properties": headers, "required": [*(_header(name) for name in always), *beside]}


def watermark() -> dict[str, Any]:
    """Return the schema of the headers of a watermark."""
    always = _WATERMARK | _PLACE
    return {"type": "object", "properties": _texts(always | _ENDED), "required": [*always]}


def structured(audience: Audience, event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an event in structured mode. Source: CloudEvents, JSON format, section 3."""
    named, always = attributes(audience)
    named["type"] = {"const": event_type, **named["type"]}
    return {"type": "object", "properties": {**named, "data": data}, "required": [*always, "data"]}


def _header(name: str) -> str:
    return "content-type" if name == "datacontenttype" else f"ce_{name}"


def _texts(named: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return schemas that say of each value that it is text, as headers of Kafka are here."""
    return {name: {"type": "string", **said} for name, said in named.items()}
