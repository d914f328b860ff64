"""What leaves the platform: nothing of a person, and nothing that was not declared."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from pydantic import create_model

from kompetenspass.events import audiences
from kompetenspass.events.audiences import (
    HIDDEN_PARTS,
    SHOWN,
    for_audience,
    key_for,
    reaches,
    stream_is_shown,
    values_in,
    visible,
)
from kompetenspass.events.base import Audience, Event, Value, partner, public
from kompetenspass.events.cloudevents import cloud_event
from kompetenspass.events.codec import EVENTS
from kompetenspass.events.registry import CredentialRevoked, RoleGranted, StatusRef
from kompetenspass.testing.events import events, recorded, texts

OUTSIDE: tuple[Audience, ...] = ("public", "partner")
CATALOG = {"definition_id", "urn", "version", "owner_org", "awarding_body", "provider", "content", "content_digest"}
CATALOG |= {"effective_from", "superseded_by", "last_issue_date", "sector_org", "decision_ref", "approved_on"}
PATHWAYS = {"pathway_id", "rule_digest"}
ORGANISATIONS = {"org_id", "legal_name", "slug", "registration_no", "country", "region", "parent", "mandate_ref"}
ROLES = {"role", "scope", "fields", "regions", "definitions", "granted_by", "valid_from", "valid_to"}
ROLES |= {"withdrawn_from", "reason_code"}
KEYS = {"issuer", "kid", "purpose", "jwk", "jwk_thumbprint", "x5c", "compromised_since"}
LISTS = {"list_id", "uri", "issuer_org", "size", "bits", "ttl_seconds"}
PUBLIC = CATALOG | PATHWAYS | ORGANISATIONS | ROLES | KEYS | LISTS
PARTNER = PUBLIC | {"copies", "status_uri", "index"}

PERSONAL = {"learner_ref", "credential_id", "achievement_id", "stack_id", "vault_ref", "assessor_ref", "account_id"}
PERSONAL |= {"digest", "digests", "offer_id", "request_id", "constituents", "lapsed", "replaces", "appeal_ref"}


def fields_seen(model: type[Value], audience: Audience) -> Iterator[tuple[str, Any]]:
    """Return name and annotation of every field that an audience sees, at any depth."""
    for name in visible(model, audience):
        annotation = model.model_fields[name].annotation
        yield name, annotation
        for value in values_in(annotation):
            yield from fields_seen(value, audience)


def seen(audience: Audience) -> dict[str, set[Any]]:
    found = defaultdict(set)
    for event in EVENTS.values():
        for name, annotation in fields_seen(event, audience):
            found[name].add(str(annotation))
    return found


def test_the_fields_that_leave_are_these_and_no_others() -> None:
    assert seen("public").keys() == PUBLIC
    assert seen("partner").keys() == PARTNER
    assert PARTNER.isdisjoint(PERSONAL)


@pytest.mark.parametrize("audience", OUTSIDE)
def test_no_id_but_a_status_lists_own_leaves(audience: Audience) -> None:
    ids = {name for name, annotations in seen(audience).items() if any(UUID.__name__ in one for one in annotations)}
    assert ids == {"list_id"}


@pytest.mark.parametrize("audience", OUTSIDE)
def test_a_field_of_any_content_leaves_only_where_it_is_a_published_document_or_a_public_key(
    audience: Audience,
) -> None:
    assert {name for name, kinds in seen(audience).items() if "Any" in str(kinds)} == {"content", "jwk"}


def test_only_facts_of_catalog_and_registry_leave_and_none_about_a_credential_is_public() -> None:
    sent = {audience: {name for name, event in EVENTS.items() if reaches(event, audience)} for audience in OUTSIDE}
    assert {name.partition(".")[0] for name in sent["partner"]} == {"catalog", "registry"}
    assert sent["partner"] - sent["public"] == {
        f"{fact}.v1"
        for fact in (
            "catalog.IssuingRightGranted",
            "catalog.IssuingRightWithdrawn",
            "registry.AssessorAuthorised",
            "registry.AssessorWithdrawn",
            "registry.CredentialSuspended",
            "registry.CredentialReinstated",
            "registry.CredentialRevoked",
            "registry.CredentialExpired",
        )
    }


def test_a_change_of_status_reaches_partners_as_places_in_status_lists_only() -> None:
    about = [event for name, event in EVENTS.items() if name.startswith("registry.Credential")]
    assert len(about) == 4
    for event in about:
        assert visible(event, "partner") == {"copies": {"__all__": {"status_uri": True, "index": True}}}
        assert not reaches(event, "public")


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
@pytest.mark.parametrize("audience", OUTSIDE)
def test_a_field_that_nobody_declared_stays(event: type[Event], audience: Audience) -> None:
    later = create_model("Later", __base__=event, added=(str, "x"), at_depth=(tuple[StatusRef, ...], ()))
    assert visible(later, audience) == visible(event, audience)


def test_a_field_that_nobody_declared_stays_within_a_value_that_is_shown() -> None:
    class Later(StatusRef):
        holder: str = "somebody"

    class Changed(Event):
        one: Later = partner()
        many: tuple[Later, ...] = partner()
        maybe: Later | None = partner(default=None)

    one = Later(digest="d", status_uri="u", index=1)
    place = {"status_uri": "u", "index": 1}
    changed = Changed(one=one, many=(one,), maybe=one)
    assert for_audience(changed, "partner") == {"one": place, "many": [place], "maybe": place}
    assert for_audience(changed, "public") is None


def test_a_shape_whose_visible_part_is_not_foreseen_is_refused_and_not_shown() -> None:
    class Tabled(Event):
        copies: dict[str, StatusRef] = public()

    with pytest.raises(TypeError, match="visible part"):
        visible(Tabled, "public")


def test_an_audience_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="press"):
        audiences.sees("public", "press")


@settings(max_examples=100, deadline=None)
@given(events)
def test_each_audience_sees_what_those_before_it_see(event: Event) -> None:
    parts = [for_audience(event, audience) or {} for audience in ("public", "partner", "internal")]
    assert parts[0].keys() <= parts[1].keys() <= parts[2].keys()
    assert parts[2] == event.model_dump(mode="json")


@settings(max_examples=200, deadline=None)
@given(recorded())
def test_no_text_that_an_audience_may_not_see_is_anywhere_in_what_it_gets(stated: Any) -> None:
    everything = set(texts(json.loads(stated.data))) | {stated.stream, stated.stream.partition("-")[2]}
    for audience in OUTSIDE:
        sent = cloud_event(stated, audience, source="https://registry.example")
        allowed = set(texts(for_audience(stated.event, audience) or {})) | {str(stated.id), stated.type}
        if stream_is_shown(stated.stream, audience):
            actor = stated.context.actor
            allowed |= {stated.stream, stated.stream.partition("-")[2], actor.org, actor.role}
        secrets = {text for text in everything - allowed if len(text) > 30 and not text.endswith("Z")}
        whole = json.dumps([sent.structured(), str(sent.kafka_headers())]) if sent else ""
        assert [secret for secret in secrets if secret in whole] == []


def test_a_stream_that_names_no_person_is_the_key_itself() -> None:
    assert [key_for(f"{kind}-1", "public") for kind in sorted(SHOWN)] == ["def-1", "list-1", "org-1", "path-1"]
    assert key_for("status-1", "internal") == "status-1"


@pytest.mark.parametrize("audience", OUTSIDE)
def test_another_streams_key_is_always_the_same_and_shared_by_many(audience: Audience) -> None:
    names = [f"status-{UUID(int=number)}" for number in range(2000)]
    keys = [key_for(name, audience) for name in names]
    assert keys == [key_for(name, audience) for name in names]
    assert len(set(keys)) == HIDDEN_PARTS
    assert min(keys.count(key) for key in set(keys)) > 10


@pytest.mark.parametrize("stream", ["learner7", "evidence-x", "progress-x-y", "", "-", "Def-1"])
def test_a_stream_of_an_undeclared_kind_is_not_named(stream: str) -> None:
    assert key_for(stream, "partner").startswith("part-")


def test_a_role_is_shown_with_its_whole_scope() -> None:
    assert visible(RoleGranted, "public")["scope"] == {"fields": True, "regions": True, "definitions": True}
    assert "credential_id" not in visible(CredentialRevoked, "partner")
