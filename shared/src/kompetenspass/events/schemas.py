"""The JSON Schema (2020-12) of an event for an audience: what a subscriber may rely on.

Every schema stands on its own, without references. Fields may be added to an event, so no schema forbids more of them.
"""

from __future__ import annotations

import inspect
from typing import Any

from kompetenspass.events.audiences import reaches, sees
from kompetenspass.events.base import Audience, Event
from kompetenspass.events.meanings import MEANINGS

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ENVELOPE: dict[str, dict[str, Any]] = {
    "actor": {
        "type": "object",
        "description": "The organisation that acted, in which role; both are `system` for timers and reactions.",
        "properties": {"org": {"type": "string"}, "role": {"type": "string"}},
        "required": ["org", "role"],
        "additionalProperties": True,
    },
    "causation_id": {"type": ["string", "null"], "description": "The event or command that led to this one."},
    "correlation_id": {"type": "string", "description": "What one request led to has the same one."},
    "id": {"type": "string", "format": "uuid", "description": "The id of the event: what has the same id is the same."},
    "occurred_at": {"type": "string", "format": "date-time", "description": "When it happened, UTC."},
    "policy_version": {"type": "string", "description": "The version of the rules by which it was decided."},
    "traceparent": {"type": ["string", "null"], "description": "The trace of the request (W3C Trace Context)."},
}


def schema_of(event: type[Event], audience: Audience) -> dict[str, Any] | None:
    """Return the schema of the data of an event for an audience; None where the event is not sent to it.

    Internally the data is the envelope with the whole payload; for others it is the part of the payload they may see.
    """
    if not reaches(event, audience):
        return None
    payload = payload_schema(event, audience)
    said = {"title": event.type, "description": meaning(event), "x-owner": event.owner(), "x-audience": audience}
    head = {"$schema": DIALECT, "$id": f"urn:kompetenspass:event:{event.type}:{audience}", **said}
    return head | (_enveloped(event, payload) if audience == "internal" else payload)


def payload_schema(event: type[Event], audience: Audience) -> dict[str, Any]:
    """Return the schema of the part of an event's payload that an audience may see, without a head."""
    raw = event.model_json_schema()
    shown: dict[str, Any] = _part(raw, raw.get("$defs", {}), audience)
    return shown


def meaning(event: type[Event]) -> str:
    """Return what an event means: its docstring, on one line."""
    return " ".join(inspect.cleandoc(event.__doc__ or "").split())


def _enveloped(event: type[Event], payload: dict[str, Any]) -> dict[str, Any]:
    properties = {**_ENVELOPE, "type": {"type": "string", "const": event.type}, "payload": payload}
    return {
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": sorted(properties),
        "additionalProperties": True,
    }


def _part(schema: Any, named: dict[str, Any], audience: Audience) -> Any:
    """Return a schema with its references resolved, and without what the audience may not see."""
    if isinstance(schema, list):
        return [_part(one, named, audience) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        schema = {**named[schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}
    dropped = {"title", "$defs", "properties", "required", "default", "description", "additionalProperties"}
    kept = {key: _part(value, named, audience) for key, value in schema.items() if key not in dropped}
    if "description" in schema:
        kept["description"] = " ".join(schema["description"].split())
    if "default" in schema:
        kept["default"] = schema["default"]
    if "properties" in schema:
        return kept | _object(schema, named, audience)
    if "additionalProperties" in schema:
        kept["additionalProperties"] = _part(schema["additionalProperties"], named, audience)
    return kept


def _object(schema: dict[str, Any], named: dict[str, Any], audience: Audience) -> dict[str, Any]:
    properties = {
        name: {"audience": "internal"} | _part(field, named, audience) | {"description": MEANINGS[name]}
        for name, field in schema["properties"].items()
        if sees(audience, field.get("audience", "internal"))
    }
    required = [name for name in schema.get("required", ()) if name in properties]
    return {"properties": properties, "required": required, "additionalProperties": True}
