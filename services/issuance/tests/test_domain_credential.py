"""Credential: one stream for all that is offered and issued of one achievement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued, CredentialOffered, OfferWithdrawn
from kompetenspass.events.registry import StatusRef
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.issuance.domain import credential
from services.issuance.domain.credential import Credential, Issue

CREDENTIAL, FIRST, SECOND = UUID(int=1), UUID(int=11), UUID(int=12)


def offered(offer_id: UUID = FIRST) -> CredentialOffered:
    return CredentialOffered(
        credential_id=CREDENTIAL,
        achievement_id=UUID(int=2),
        learner_ref="learner",
        offer_id=offer_id,
        definition_id="sko-ys-01",
        definition_version=1,
        definition_digest="digest",
        issuer_org="org:a",
        formats=("dc+sd-jwt",),
        recognition_level="R4",
        tx_code=False,
        offer_expires_at=NOON + timedelta(days=1),
    )


def command(offer_id: UUID = FIRST, digest: str = "d1") -> Issue:
    copies = (StatusRef(digest=digest, status_uri="https://r/1", index=7),)
    return Issue(offer_id, "https://i/issuers/a", "vct", "kid", copies, NOON, None)


def after(*events: Event) -> Credential:
    return given(Credential(), credential.evolve, events)


def issued(state: Credential, digest: str = "d1") -> Event:
    return credential.issue(state, command(digest=digest), None)[0]


def refused(state: Credential, issue: Issue, status: Any = None) -> str:
    with pytest.raises(Problem) as refusal:
        credential.issue(state, issue, status)
    return refusal.value.code


def test_a_new_offer_withdraws_the_older_one() -> None:
    withdrawn, new = credential.offer(after(offered()), offered(SECOND), None)
    assert withdrawn == OfferWithdrawn(credential_id=CREDENTIAL, offer_id=FIRST, cause="replaced")
    assert new == offered(SECOND)


def test_a_fetched_offer_is_not_withdrawn_by_a_new_one() -> None:
    state = after(offered(), issued(after(offered())))
    assert credential.offer(state, offered(SECOND), None) == (offered(SECOND),)


@pytest.mark.parametrize("status", ["suspended", "revoked", "expired"])
def test_what_does_not_hold_is_not_offered(status: Any) -> None:
    with pytest.raises(Problem, match="credential_over"):
        credential.offer(Credential(), offered(), status)


def test_a_first_issue_replaces_nothing() -> None:
    event = issued(after(offered()))
    assert isinstance(event, CredentialIssued)
    assert event.replaces == ()


def test_a_second_issue_names_every_live_copy_in_replaces() -> None:
    once = after(offered(), issued(after(offered())))
    twice = given(once, credential.evolve, [issued(once, "d2")])
    thrice = issued(twice, "d3")
    assert isinstance(thrice, CredentialIssued)
    assert thrice.replaces == ("d2",)


def test_an_offer_that_was_replaced_issues_nothing() -> None:
    assert refused(after(offered(), offered(SECOND)), command(FIRST)) == "credential_request_denied"


def test_an_offer_that_was_withdrawn_issues_nothing() -> None:
    state = after(offered(), *credential.withdraw(after(offered()), FIRST, "issuer"))
    assert refused(state, command()) == "credential_request_denied"


@pytest.mark.parametrize("status", ["suspended", "revoked", "expired"])
def test_a_credential_that_does_not_hold_is_not_issued_again(status: Any) -> None:
    state = after(offered(), issued(after(offered())))
    assert refused(state, command(digest="d2"), status) == "credential_request_denied"


def test_a_fetched_offer_cannot_be_withdrawn() -> None:
    state = after(offered(), issued(after(offered())))
    assert credential.withdraw(state, FIRST, "expired") == ()


def test_an_offer_that_was_fetched_is_known_even_when_a_later_one_was_fetched_too() -> None:
    once = after(offered(), issued(after(offered())), offered(SECOND))
    credential.require_not_fetched(once, SECOND)
    twice = given(once, credential.evolve, credential.issue(once, command(SECOND, "d2"), None))
    for offer_id in (FIRST, SECOND):
        with pytest.raises(Problem, match="credential_issued"):
            credential.require_not_fetched(twice, offer_id)


def test_withdrawing_twice_changes_nothing() -> None:
    state = after(offered(), *credential.withdraw(after(offered()), FIRST, "issuer"))
    assert credential.withdraw(state, FIRST, "issuer") == ()


EVENTS = [offered(), offered(SECOND), issued(after(offered())), issued(after(offered()), "d2")]
EVENTS += [OfferWithdrawn(credential_id=CREDENTIAL, offer_id=offer, cause="issuer") for offer in (FIRST, SECOND)]


@for_all(st.lists(st.sampled_from(EVENTS), max_size=8))
def test_evolve_is_total_and_any_prefix_then_the_rest_is_the_whole(events: list[Event]) -> None:
    assert prefixes_agree(Credential(), credential.evolve, tuple(events))


@for_all(st.lists(st.sampled_from(["offer", "issue", "withdraw"]), max_size=12))
def test_never_are_two_copies_live_whatever_is_commanded(steps: list[str]) -> None:
    state, live = Credential(), set[str]()
    for number, step in enumerate(steps):
        for event in _tried(state, step, UUID(int=100 + number)):
            if isinstance(event, CredentialIssued):
                live = (live - set(event.replaces)) | {copy.digest for copy in event.copies}
            state = credential.evolve(state, event)
        assert len(live) <= 1


def _tried(state: Credential, step: str, fresh: UUID) -> tuple[Event, ...]:
    if step == "offer":
        return tuple(credential.offer(state, offered(fresh), None))
    if state.offer is None:
        return ()
    if step == "withdraw":
        return tuple(credential.withdraw(state, state.offer.offer_id, "issuer"))
    return tuple(credential.issue(state, command(state.offer.offer_id, str(fresh)), None))
