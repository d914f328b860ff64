"""The published language: strict when built, tolerant when read, and the same bytes each time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import ValidationError

from kompetenspass.core.errors import Problem
from kompetenspass.events.codec import EVENTS, UPCASTS, UnknownEventType, decode, envelope
from kompetenspass.events.envelope import SYSTEM, Actor, Context, seal
from kompetenspass.events.issuance import OfferWithdrawn
from kompetenspass.events.registry import CredentialRevoked, OrganisationRegistered, StatusRef

MOMENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CONTEXT = Context(Actor("org:a", "issuer"), MOMENT, "correlation", "cause", "00-aa-bb-01")
REVOKED = CredentialRevoked(
    credential_id=UUID(int=1),
    copies=(StatusRef(digest="d", status_uri="https://r/status/1", index=3),),
    reason_code="fraud",
    effective_from=MOMENT,
    void_ab_initio=True,
)


def test_every_type_string_names_its_owner_its_fact_and_its_version() -> None:
    for name, event in EVENTS.items():
        owner, fact, version = name.split(".")
        assert (owner, fact, version) == (event.owner(), event.__name__, "v1")
        room = "issuance" if event.__module__.endswith(".stacking") else event.__module__.rpartition(".")[2]
        assert room == owner
        assert event.__doc__


def test_an_event_comes_back_from_its_bytes() -> None:
    draft = seal(UUID(int=9), REVOKED, CONTEXT)
    read = envelope(draft.id, draft.type, draft.data)
    assert (read.event, read.context, read.id) == (REVOKED, CONTEXT, UUID(int=9))


@pytest.mark.parametrize("broken", ["actor", "occurred_at", "correlation_id"])
def test_a_context_that_cannot_be_read_is_refused_when_it_is_asked_for(broken: str) -> None:
    draft = seal(UUID(int=9), REVOKED, CONTEXT)
    surroundings = json.loads(draft.data)
    del surroundings[broken]
    read = envelope(draft.id, draft.type, json.dumps(surroundings))
    assert read.event == REVOKED
    with pytest.raises(ValueError, match=broken):
        _ = read.context


@pytest.mark.parametrize("data", ["", "{", "[]", "{}", '{"type":"registry.CredentialRevoked.v1"}'])
def test_bytes_that_hold_no_event_are_refused(data: str) -> None:
    with pytest.raises(ValueError):
        envelope(UUID(int=9), REVOKED.type, data)


def test_bytes_of_another_type_than_the_row_says_are_refused() -> None:
    draft = seal(UUID(int=9), REVOKED, CONTEXT)
    with pytest.raises(ValueError):
        envelope(draft.id, OfferWithdrawn.type, draft.data)


def test_the_same_draft_is_the_same_bytes() -> None:
    assert seal(UUID(int=9), REVOKED, CONTEXT) == seal(UUID(int=9), REVOKED, CONTEXT)


def test_a_field_that_does_not_exist_is_refused_when_built() -> None:
    with pytest.raises(ValidationError, match="surprise"):
        OfferWithdrawn(credential_id=UUID(int=1), offer_id=UUID(int=2), cause="issuer", surprise=1)  # type: ignore[call-arg]


def test_a_field_of_a_newer_writer_is_ignored_when_read() -> None:
    payload = {**REVOKED.model_dump(mode="json"), "newer": 1}
    assert decode(REVOKED.type, payload) == REVOKED


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        REVOKED.reason_code = "holder_request"  # type: ignore[misc]


def test_an_unknown_type_is_told_apart_from_a_broken_payload() -> None:
    with pytest.raises(UnknownEventType):
        decode("registry.Nothing.v1", {})
    with pytest.raises(ValidationError):
        decode(REVOKED.type, {"credential_id": "x"})


def test_an_old_version_is_lifted_when_read(monkeypatch: pytest.MonkeyPatch) -> None:
    upcasts = {"registry.CredentialRevoked.v0": (REVOKED.type, lambda old: {**old, "void_ab_initio": True})}
    monkeypatch.setattr("kompetenspass.events.codec.UPCASTS", {**UPCASTS, **upcasts})
    payload = REVOKED.model_dump(mode="json")
    del payload["void_ab_initio"]
    assert decode("registry.CredentialRevoked.v0", payload) == REVOKED


def test_who_may_see_a_field_is_said_field_by_field() -> None:
    properties = CredentialRevoked.model_json_schema()["properties"]
    assert properties["copies"]["audience"] == "partner"
    assert "audience" not in properties["credential_id"]
    assert all("audience" in field for field in OrganisationRegistered.model_json_schema()["properties"].values())


def test_timers_and_reactions_act_as_the_system() -> None:
    assert (SYSTEM.org, SYSTEM.role) == ("system", "system")


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\\\x00"])
def test_a_text_that_no_reader_could_keep_is_no_event(text: str) -> None:
    with pytest.raises(Problem, match="text_unusable"):
        seal(UUID(int=2), REVOKED.model_copy(update={"reason_code": text}), CONTEXT)


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "u0000"])
def test_the_letters_of_the_escape_are_a_text_like_any_other(text: str) -> None:
    draft = seal(UUID(int=2), REVOKED.model_copy(update={"reason_code": text}), CONTEXT)
    assert json.loads(draft.data)["payload"]["reason_code"] == text
