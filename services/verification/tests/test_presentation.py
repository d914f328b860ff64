from __future__ import annotations

from datetime import timedelta

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.verification.domain import presentation
from services.verification.domain.checks import Check, Outcome, Verdict

ID, END = uuid7(), NOON + timedelta(minutes=5)


def requested() -> tuple[Event, ...]:
    return tuple(
        presentation.request(
            presentation.INITIAL, request_id=ID, verifier_org="org:x", definitions=["urn:a"], expires_at=END
        )
    )


def judged(outcome: Outcome) -> tuple[Event, ...]:
    state = given(presentation.INITIAL, presentation.evolve, requested())
    return (
        *requested(),
        *presentation.judge(state, request_id=ID, outcome=outcome, failed_checks=["status"], now=NOON),
    )


def code_of(*events: Event) -> str:
    state = given(presentation.INITIAL, presentation.evolve, events)
    with pytest.raises(Problem) as refused:
        presentation.judge(state, request_id=ID, outcome="verified", failed_checks=[], now=NOON)
    return refused.value.code


def test_folding_a_prefix_and_the_rest_is_folding_all() -> None:
    assert prefixes_agree(presentation.INITIAL, presentation.evolve, judged("refused"))


@pytest.mark.parametrize("outcome", ["verified", "declined"])
def test_what_is_verified_or_declined_is_closed(outcome: Outcome) -> None:
    assert code_of(*judged(outcome)) == "request_answered"


def test_what_was_never_asked_has_no_answer() -> None:
    assert code_of() == "not_found"


def test_a_request_is_made_once() -> None:
    state = given(presentation.INITIAL, presentation.evolve, requested())
    with pytest.raises(Problem):
        presentation.request(state, request_id=ID, verifier_org="org:x", definitions=[], expires_at=END)


def test_a_fact_of_no_concern_changes_nothing() -> None:
    received = CredentialReceived(account_id=ID, digest="d", issuer="i")
    assert presentation.evolve(presentation.INITIAL, received) == presentation.INITIAL


def test_a_verdict_needs_every_check_made_and_held() -> None:
    held, not_made, failed = Check("form", True), Check("status", None), Check("query", False, "why", "text")
    assert Verdict((held,)).outcome == "verified"
    assert Verdict((held, not_made)).outcome == "refused"
    assert Verdict(()).outcome == "refused"
    assert Verdict((not_made, failed)).failed == ("query",)
    with pytest.raises(Problem, match="why"):
        Verdict((not_made, failed)).raise_refusal()
    with pytest.raises(Problem, match="presentation_refused"):
        Verdict((not_made,)).raise_refusal()


def test_a_lighter_check_refuses_only_as_its_weight_says() -> None:
    held = Check("form", True)
    optional = [Check("stack_rule", ok, weight="optional") for ok in (True, None, False)]
    told = [Check("status", ok, weight="told") for ok in (True, None, False)]
    assert [Verdict((held, check)).outcome for check in optional] == ["verified", "verified", "refused"]
    assert {Verdict((held, check)).outcome for check in told} == {"verified"}
    assert Verdict((*told, *optional[:2])).outcome == "refused"
    assert Verdict((held, told[2], optional[2])).failed == ("stack_rule",)
    assert [check.as_json().get("weight") for check in (held, optional[0], told[0])] == [None, "optional", "told"]
    with pytest.raises(Problem, match="presentation_refused"):
        Verdict((held, told[2], optional[2])).raise_refusal()
