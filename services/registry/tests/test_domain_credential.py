"""The status of a credential: given, when, then."""

import contextlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    StatusRef,
)
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.registry.domain.credential import (
    CredentialStatus,
    Known,
    evolve,
    expire,
    own,
    reinstate,
    revoke,
    suspend,
)

ID = UUID("0190f7a0-0000-7000-8000-000000000001")
COPIES = (StatusRef(digest="d1", status_uri="https://registry.example/status/1", index=7),)
KNOWN = Known(ID, "org:alfa", COPIES, suspendable=True, valid_to=NOON)


def state(*events: Event) -> CredentialStatus:
    return given(CredentialStatus(), evolve, events)


def suspended(*causes: str) -> CredentialSuspended:
    return CredentialSuspended(credential_id=ID, copies=COPIES, cause=causes[-1], causes=causes, reason_code="review")


REVOKED = CredentialRevoked(
    credential_id=ID, copies=COPIES, reason_code="fraud", effective_from=NOON, void_ab_initio=False
)
EXPIRED = CredentialExpired(credential_id=ID, copies=COPIES, at=NOON)


def refused(code: str) -> Any:
    return pytest.raises(Problem, match=f"^{code}:")


def test_only_the_own_issuer_sees_a_credential() -> None:
    assert own(KNOWN, "org:alfa") is KNOWN
    for known, org in ((KNOWN, "org:beta"), (None, "org:alfa")):
        with refused("not_found"):
            own(known, org)


def test_a_suspension_adds_its_cause_to_the_set() -> None:
    (event,) = suspend(state(suspended("lapse:1")), KNOWN, cause="issuer", reason_code="review")
    assert isinstance(event, CredentialSuspended)
    assert (event.cause, event.causes, event.copies) == ("issuer", ("issuer", "lapse:1"), COPIES)


def test_a_cause_that_stands_is_not_stated_again() -> None:
    assert suspend(state(suspended("issuer")), KNOWN, cause="issuer", reason_code="review") == ()


def test_clearing_one_cause_leaves_the_others() -> None:
    before = state(suspended("issuer", "lapse:1"))
    (event,) = reinstate(before, KNOWN, cause="lapse:1", reason_code="renewed")
    assert isinstance(event, CredentialReinstated)
    assert event.causes == ("issuer",)
    assert evolve(before, event).name == "suspended"


def test_it_is_valid_again_when_no_cause_is_left() -> None:
    before = state(suspended("issuer"))
    (event,) = reinstate(before, KNOWN, cause="issuer", reason_code="cleared")
    assert evolve(before, event).name == "valid"


def test_a_cause_that_does_not_stand_cannot_be_cleared() -> None:
    with refused("not_suspended"):
        reinstate(state(suspended("lapse:1")), KNOWN, cause="issuer", reason_code="cleared")


def test_a_credential_on_a_one_bit_list_cannot_be_suspended() -> None:
    one_bit = Known(ID, "org:alfa", COPIES, suspendable=False)
    with refused("suspension_not_supported"):
        suspend(state(), one_bit, cause="issuer", reason_code="review")


@pytest.mark.parametrize("before", [(), (suspended("issuer"),)])
def test_a_credential_is_revoked_from_now_on(before: tuple[Event, ...]) -> None:
    (event,) = revoke(state(*before), KNOWN, reason_code="fraud", void_ab_initio=False, now=NOON)
    assert event == REVOKED
    assert evolve(state(*before), event).name == "revoked"


def test_the_same_revocation_again_is_nothing() -> None:
    later = NOON + timedelta(hours=1)
    assert revoke(state(REVOKED), KNOWN, reason_code="fraud", void_ab_initio=False, now=later) == ()


@pytest.mark.parametrize(("over_by", "code"), [(REVOKED, "credential_revoked"), (EXPIRED, "credential_expired")])
def test_what_is_over_cannot_be_changed(over_by: Event, code: str) -> None:
    with refused(code):
        revoke(state(over_by), KNOWN, reason_code="holder_request", void_ab_initio=False, now=NOON)
    with refused(code):
        suspend(state(over_by), KNOWN, cause="issuer", reason_code="review")
    with refused(code):
        reinstate(state(suspended("issuer"), over_by), KNOWN, cause="issuer", reason_code="cleared")


def test_a_merit_expires_at_its_own_end_once() -> None:
    assert expire(state(), KNOWN, now=NOON - timedelta(seconds=1)) == ()
    assert expire(state(), KNOWN, now=NOON + timedelta(days=1)) == (EXPIRED,)
    assert expire(state(EXPIRED), KNOWN, now=NOON) == ()


def test_a_merit_that_is_revoked_or_has_no_end_does_not_expire() -> None:
    endless = Known(ID, "org:alfa", COPIES, suspendable=True)
    assert expire(state(REVOKED), KNOWN, now=NOON) == ()
    assert expire(state(), endless, now=NOON) == ()


COMMANDS = st.lists(st.tuples(st.sampled_from("srve"), st.sampled_from(["issuer", "lapse:1", "lapse:2"])), max_size=12)


@over(COMMANDS)
def test_whatever_is_commanded_a_revocation_is_final_and_folding_agrees(commands: list[tuple[str, str]]) -> None:
    events: tuple[Event, ...] = ()
    revoked = False
    for command, cause in commands:
        with contextlib.suppress(Problem):
            events += tuple(_decided(command, cause, state(*events)))
        assert not (revoked and state(*events).name != "revoked")
        revoked = state(*events).name == "revoked"
    assert prefixes_agree(CredentialStatus(), evolve, events)


def _decided(command: str, cause: str, before: CredentialStatus) -> Any:
    if command == "s":
        return suspend(before, KNOWN, cause=cause, reason_code="review")
    if command == "r":
        return reinstate(before, KNOWN, cause=cause, reason_code="cleared")
    if command == "v":
        return revoke(before, KNOWN, reason_code="fraud", void_ab_initio=False, now=NOON)
    return expire(before, KNOWN, now=NOON)
