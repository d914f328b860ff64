"""Supersession: which credential may take the place of which, and what the one that is replaced can no longer do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued, CredentialOffered, OfferWithdrawn
from kompetenspass.events.registry import StatusRef
from kompetenspass.events.stacking import CredentialSuperseded
from kompetenspass.openid.oauth.errors import OAuthError
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given
from services.issuance.domain import credential
from services.issuance.domain.credential import Credential, Issue
from services.issuance.domain.supersession import Successor, supersede

OLD, NEW, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)
OFFER, LATER_OFFER = UUID(int=11), UUID(int=12)


def offered(id_: UUID = OLD, offer_id: UUID = OFFER, **changes: Any) -> CredentialOffered:
    values = {
        "credential_id": id_,
        "achievement_id": UUID(int=4),
        "learner_ref": "learner",
        "offer_id": offer_id,
        "definition_id": "sko-ys-01",
        "definition_version": 1,
        "definition_digest": "digest",
        "issuer_org": "org:a",
        "formats": ("dc+sd-jwt",),
        "recognition_level": "R4",
        "tx_code": False,
        "offer_expires_at": NOON + timedelta(days=1),
    }
    return CredentialOffered.model_validate(values | changes)


def issued(id_: UUID = OLD, **changes: Any) -> Credential:
    copies = (StatusRef(digest=f"copy of {id_}", status_uri="https://r/1", index=7),)
    state = given(Credential(), credential.evolve, [offered(id_, **changes)])
    command = Issue(OFFER, "https://i/issuers/a", "vct", "kid", copies, NOON, None)
    return given(state, credential.evolve, credential.issue(state, command, None))


def superseded(by: UUID = NEW, id_: UUID = OLD) -> CredentialSuperseded:
    return CredentialSuperseded(
        credential_id=id_,
        by_credential_id=by,
        learner_ref="learner",
        definition_id="sko-ys-01",
        issuer_org="org:a",
        cause="correction",
    )


def after(state: Credential, *events: Event) -> Credential:
    return given(state, credential.evolve, events)


def refused(state: Credential, successor: Successor, status: Any = None, cause: Any = "correction") -> str:
    with pytest.raises(Problem) as refusal:
        supersede(state, status, successor, cause)
    return refusal.value.code


def test_a_credential_takes_the_place_of_another() -> None:
    assert supersede(issued(), None, Successor(issued(NEW), "valid"), "correction") == (superseded(),)


def test_a_suspended_credential_can_be_superseded() -> None:
    assert supersede(issued(), "suspended", Successor(issued(NEW), None), "correction") == (superseded(),)


def test_an_offer_that_was_not_fetched_is_withdrawn_with_it() -> None:
    state = after(issued(), offered(offer_id=LATER_OFFER))
    withdrawn = OfferWithdrawn(credential_id=OLD, offer_id=LATER_OFFER, cause="replaced")
    assert supersede(state, None, Successor(issued(NEW), None), "correction") == (withdrawn, superseded())


def test_saying_it_again_says_nothing() -> None:
    assert supersede(after(issued(), superseded()), "revoked", Successor(issued(NEW), None), "correction") == ()


def test_saying_it_again_with_another_cause_or_successor_is_refused() -> None:
    state = after(issued(), superseded())
    assert refused(state, Successor(issued(NEW), None), cause="renewal") == "already_superseded"
    assert refused(state, Successor(issued(THIRD), None)) == "already_superseded"


def test_both_have_been_issued() -> None:
    only_offered = after(Credential(), offered())
    assert refused(only_offered, Successor(issued(NEW), None)) == "not_issued"
    assert refused(issued(), Successor(after(Credential(), offered(NEW)), None)) == "not_issued"


def test_both_are_one_learners() -> None:
    assert refused(issued(), Successor(issued(NEW, learner_ref="another"), None)) == "other_learner"


def test_both_are_of_one_definition_whatever_its_version() -> None:
    assert refused(issued(), Successor(issued(NEW, definition_id="sko-ys-02"), None)) == "other_definition"
    (event,) = supersede(issued(), None, Successor(issued(NEW, definition_version=2), None), "new_version")
    assert isinstance(event, CredentialSuperseded)


@pytest.mark.parametrize("status", ["revoked", "expired"])
def test_neither_is_over(status: Any) -> None:
    assert refused(issued(), Successor(issued(NEW), None), status) == "credential_over"
    assert refused(issued(), Successor(issued(NEW), status)) == "credential_over"


def test_nothing_takes_its_own_place_on_whatever_way() -> None:
    assert refused(issued(), Successor(issued(), None)) == "would_be_a_circle"
    replaced = after(issued(NEW), superseded(by=THIRD, id_=NEW))
    assert refused(issued(), Successor(replaced, "revoked", (THIRD, OLD))) == "would_be_a_circle"


def test_the_successor_is_not_itself_superseded() -> None:
    replaced = after(issued(NEW), superseded(by=THIRD, id_=NEW))
    assert refused(issued(), Successor(replaced, None, (THIRD,))) == "already_superseded"


def test_a_superseded_credential_is_not_offered_again() -> None:
    with pytest.raises(Problem, match="credential_over"):
        credential.offer(after(issued(), superseded()), offered(offer_id=LATER_OFFER), "valid")


def test_a_superseded_credential_is_not_issued_again() -> None:
    state = after(issued(), superseded())
    with pytest.raises(OAuthError, match="superseded"):
        credential.require_issuable(state, OFFER, "valid")
    assert isinstance(state.issued, CredentialIssued)
