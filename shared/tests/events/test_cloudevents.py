"""CloudEvents 1.0: names, types and headers as the specification has them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings

from kompetenspass.core.digest import canonical_json
from kompetenspass.events.base import AUDIENCES, Event
from kompetenspass.events.cloudevents import CloudEvent, cloud_event, schema_url
from kompetenspass.events.codec import EVENTS, UPCASTS
from kompetenspass.events.envelope import Actor, Context, seal
from kompetenspass.events.registry import CredentialRevoked, RoleWithdrawn, StatusRef
from kompetenspass.events.schemas import schema_of
from kompetenspass.log.api import Recorded
from kompetenspass.testing.events import recorded

MOMENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SOURCE = "https://registry.example"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WITHDRAWN = RoleWithdrawn(org_id="org:a", role="issuer", withdrawn_from=MOMENT, reason_code="ended")
REVOKED = CredentialRevoked(
    credential_id=UUID(int=1),
    copies=(StatusRef(digest="d", status_uri="https://r/status/1", index=3),),
    reason_code="fraud",
    effective_from=MOMENT,
    void_ab_initio=True,
)


def stated(event: Event, stream: str, trace: str | None = TRACE) -> Recorded:
    draft = seal(UUID(int=9), event, Context(Actor("org:rise", "scheme_owner"), MOMENT, "c", None, trace))
    return Recorded(5_000_000_000, stream, 2, draft.id, draft.type, MOMENT, draft.data)


def sent(event: Event, stream: str, audience: Any, trace: str | None = TRACE) -> CloudEvent:
    made = cloud_event(stated(event, stream, trace), audience, source=SOURCE)
    assert made is not None
    return made


def test_a_public_fact_says_who_acted_and_nothing_of_the_request() -> None:
    assert sent(WITHDRAWN, "org-a", "public").structured() == {
        "specversion": "1.0",
        "id": str(UUID(int=9)),
        "source": SOURCE,
        "type": "registry.RoleWithdrawn.v1",
        "subject": "org-a",
        "time": "2026-11-20T12:00:00.000000Z",
        "datacontenttype": "application/json",
        "dataschema": f"{SOURCE}/v1/events/schemas/registry.RoleWithdrawn.v1.public.schema.json",
        "partitionkey": "org-a",
        "position": "5000000000",
        "recordedtime": "2026-11-20T12:00:00.000000Z",
        "actororg": "org:rise",
        "actorrole": "scheme_owner",
        "data": {
            "org_id": "org:a",
            "role": "issuer",
            "withdrawn_from": "2026-11-20T12:00:00Z",
            "reason_code": "ended",
        },
    }


def test_a_change_of_status_names_neither_the_credential_nor_who_acted() -> None:
    partner = sent(REVOKED, f"status-{UUID(int=1)}", "partner").structured()
    assert partner["data"] == {"copies": [{"status_uri": "https://r/status/1", "index": 3}]}
    assert {"subject", "actororg", "actorrole"} & partner.keys() == set()
    assert partner["partitionkey"].startswith("part-")
    assert cloud_event(stated(REVOKED, "status-1"), "public", source=SOURCE) is None


def test_internally_the_data_is_the_stored_bytes_themselves() -> None:
    event = sent(REVOKED, "status-1", "internal")
    assert event.data == stated(REVOKED, "status-1").data.encode()
    assert (event.key, event.attributes["streamversion"], event.attributes["traceparent"]) == ("status-1", "2", TRACE)
    assert "traceparent" not in sent(REVOKED, "status-1", "internal", trace=None).attributes


def test_kafka_gets_prefixed_headers_and_the_media_type_of_the_data() -> None:
    headers = dict(sent(WITHDRAWN, "org-å", "public").kafka_headers())
    assert headers["content-type"] == b"application/json"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_subject"] == "org-å".encode()
    assert "ce_datacontenttype" not in headers


@settings(max_examples=100, deadline=None)
@given(recorded())
def test_every_event_is_a_cloudevent_and_its_data_is_as_its_schema_says(one: Recorded) -> None:
    for audience in AUDIENCES:
        event, schema = cloud_event(one, audience, source=SOURCE), schema_of(EVENTS[one.type], audience)
        assert (event is None) == (schema is None)
        if event is None or schema is None:
            continue
        assert all(re.fullmatch(r"[a-z][a-z0-9]{0,19}", name) and name != "data" for name in event.attributes)
        assert all(isinstance(value, str) and value for value in event.attributes.values())
        jsonschema.Draft202012Validator(closed(schema)).validate(json.loads(event.data))
        assert event.attributes["dataschema"] == schema_url(SOURCE, one.type, audience)
        assert event.structured_json() == canonical_json(event.structured())


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_schema_is_a_schema_and_says_what_the_event_means(event: type[Event]) -> None:
    for audience in AUDIENCES:
        schema = schema_of(event, audience)
        if schema is not None:
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["description"].endswith(".")
            assert "$ref" not in json.dumps(schema)
            assert all(field["description"] for field in schema["properties"].values() if "audience" in field)


def closed(schema: Any) -> Any:
    """Return the schema with every further field forbidden, so that what is sent and not described is found."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(one) for name, one in schema.items()}
    return inner | ({"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {})


def test_what_was_stored_as_an_old_version_leaves_in_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    old = "registry.RoleWithdrawn.v0"
    monkeypatch.setitem(UPCASTS, old, (WITHDRAWN.type, dict))
    now = stated(WITHDRAWN, "org-a")
    data = now.data.replace(WITHDRAWN.type, old)
    before = Recorded(now.position, now.stream, now.version, now.id, old, now.recorded, data)
    types = {audience: cloud_event(before, audience, source=SOURCE) for audience in AUDIENCES}
    assert {audience: event and event.attributes["type"] for audience, event in types.items()} == {
        "public": WITHDRAWN.type,
        "partner": WITHDRAWN.type,
        "internal": old,
    }
