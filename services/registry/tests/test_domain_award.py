"""What issuance says of an award, and what becomes of its credential's status: given, when, then."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
)
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given
from services.registry.domain import award as domain
from services.registry.domain.award import REVIEW, Award
from services.registry.domain.credential import CredentialStatus, Known, evolve
from services.registry.tests.stacked import AWARD, CONSTITUENT, LAPSE, STACK, reinstated, revoked, suspended

OTHER = UUID("0190f7a0-0000-7000-8000-0000000000ff")
KNOWN = Known(AWARD, "org:alfa", (), suspendable=True, stack_id=STACK)
UNTOUCHED = Award(STACK, AWARD, "path-1", "org:alfa")
HELD = Award(STACK, AWARD, "path-1", "org:alfa", frozenset({LAPSE}))


def state(*causes: str, over: Event | None = None) -> CredentialStatus:
    held = CredentialSuspended(credential_id=AWARD, copies=(), cause="issuer", causes=causes, reason_code="x")
    return given(CredentialStatus(), evolve, [held, over] if over else [held])


EXPIRED = CredentialExpired(credential_id=AWARD, copies=(), at=NOON)
REVOKED = CredentialRevoked(
    credential_id=AWARD, copies=(), reason_code="fraud", effective_from=NOON, void_ab_initio=False
)


def test_a_lapse_suspends_for_its_cause_beside_the_issuers_own_and_names_what_lapsed() -> None:
    before = state("issuer")
    assert domain.needs_suspension(before, HELD, suspended())
    (event,) = domain.suspended(before, KNOWN, suspended())
    assert isinstance(event, CredentialSuspended)
    assert (event.cause, event.causes, event.lapsed) == (LAPSE, ("issuer", LAPSE), (CONSTITUENT,))
    assert event.reason_code == "constituent_lapsed"


@pytest.mark.parametrize(
    ("before", "award"),
    [
        (state(LAPSE), HELD),
        (state(), UNTOUCHED),
        (state(over=REVOKED), HELD),
        (state(over=EXPIRED), HELD),
    ],
)
def test_a_cause_that_stands_was_cleared_since_or_comes_too_late_suspends_nothing(
    before: CredentialStatus, award: Award
) -> None:
    assert not domain.needs_suspension(before, award, suspended())


def test_a_credential_on_a_one_bit_list_cannot_be_suspended() -> None:
    one_bit = Known(AWARD, "org:alfa", (), suspendable=False, stack_id=STACK)
    with pytest.raises(Problem, match="suspension_not_supported"):
        domain.suspended(state(), one_bit, suspended())


@pytest.mark.parametrize(("cause", "reason"), [(LAPSE, "lapse_over"), (REVIEW, "review_over")])
def test_the_end_of_a_cause_leaves_the_others(cause: str, reason: str) -> None:
    before = state("issuer", LAPSE, REVIEW)
    (event,) = domain.reinstated(before, KNOWN, UNTOUCHED, reinstated(cause))
    assert isinstance(event, CredentialReinstated)
    assert (event.causes, event.reason_code) == (tuple(sorted({"issuer", LAPSE, REVIEW} - {cause})), reason)
    assert evolve(before, event).name == "suspended"


@pytest.mark.parametrize(
    ("before", "award"),
    [
        (state(), UNTOUCHED),
        (state("issuer"), UNTOUCHED),
        (state(LAPSE), HELD),
        (state(LAPSE, over=REVOKED), UNTOUCHED),
        (state(LAPSE, over=EXPIRED), UNTOUCHED),
    ],
)
def test_a_cause_that_is_not_there_or_stands_again_and_what_is_over_are_left_alone(
    before: CredentialStatus, award: Award
) -> None:
    assert domain.reinstated(before, KNOWN, award, reinstated()) == ()


@pytest.mark.parametrize("before", [state(), state("issuer", LAPSE)])
def test_an_award_that_is_over_ends_its_credential(before: CredentialStatus) -> None:
    (event,) = domain.revoked(before, KNOWN, reason_code="fraud", void_ab_initio=True, at=NOON)
    assert isinstance(event, CredentialRevoked)
    assert (event.reason_code, event.void_ab_initio, event.effective_from) == ("fraud", True, NOON)


@pytest.mark.parametrize("over", [REVOKED, EXPIRED])
def test_a_credential_ends_once(over: Event) -> None:
    assert domain.revoked(state(over=over), KNOWN, reason_code="superseded", void_ab_initio=False, at=NOON) == ()


@pytest.mark.parametrize(
    ("event", "award", "known"),
    [
        (suspended(), HELD, KNOWN),
        (reinstated(REVIEW), None, KNOWN),
        (revoked(), HELD, None),
        (revoked(), None, None),
    ],
)
def test_what_fits_together_or_was_not_seen_yet_is_the_awards_own(
    event: domain.AwardChange, award: Award | None, known: Known | None
) -> None:
    assert domain.foreign(event, award, known) is None


@pytest.mark.parametrize(
    ("change", "award", "known", "fault"),
    [
        ({"issuer_org": "org:beta"}, None, KNOWN, "issuers"),
        ({"issuer_org": "org:beta"}, HELD, None, "issuers"),
        ({"credential_id": OTHER}, HELD, None, "another credential"),
        ({"stack_id": OTHER}, None, KNOWN, "something else"),
        ({"cause": "issuer"}, HELD, KNOWN, "not one of this award"),
        ({"cause": f"lapse:{OTHER}"}, HELD, KNOWN, "not one of this award"),
    ],
)
def test_what_does_not_fit_together_is_foreign(
    change: dict[str, Any], award: Award | None, known: Known | None, fault: str
) -> None:
    assert fault in str(domain.foreign(suspended(**change), award, known))
