"""The awarding body's review: grounds, the holder heard first, what is lifted, and appeals."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.events.stacking import (
    StackAppealLodged,
    StackConfirmed,
    StackReinstated,
    StackReviewOpened,
    StackRevoked,
    StackSuspended,
)
from kompetenspass.testing.clock import NOON
from services.issuance.domain.stack import REVIEW
from services.issuance.domain.stack_award import revoked_by_issuer
from services.issuance.tests.stacking import (
    DAY,
    LAPSE,
    LIVE,
    STACK,
    Story,
    all_of,
    held,
    id_of,
    leaf,
    names,
    of_award,
    path,
)

FRAUD = {"standing": "revoked", "reason_code": "fraud", "void_ab_initio": True}


def snapshot() -> Story:
    return Story(path(all_of(leaf("a"), leaf("b"))), "a", "b").awarded()


def live() -> Story:
    return Story(path(all_of(leaf("a", LIVE), leaf("b", LIVE)), on_lapse="suspend"), "a", "b").awarded()


def in_review(story: Story) -> Story:
    story.becomes("a", **FRAUD)
    assert story.state.review is not None
    return story


def refused(story: Story, decision: str, **members: Any) -> Problem:
    with pytest.raises(Problem) as refusal:
        story.reviewed(decision, **members)
    assert refusal.value.remedy
    return refusal.value


def test_a_confirmation_accepts_what_the_review_was_about() -> None:
    story = in_review(snapshot())
    (confirmed,) = story.reviewed("confirm")
    assert confirmed == StackConfirmed(stack_id=STACK, decision_ref="d-2", accepted=(id_of("a"),))
    assert (story.state.name, story.state.review) == ("awarded", None)
    assert story.reassessed() == ()


def test_a_confirmation_lifts_the_lapse_that_the_accepted_constituent_caused() -> None:
    story = in_review(live())
    events = story.reviewed("confirm")
    assert names(events) == ["StackConfirmed", "StackReinstated"]
    assert isinstance(events[-1], StackReinstated)
    assert events[-1].cause == LAPSE
    assert story.state.name == "awarded"
    assert story.reassessed() == ()


def test_a_confirmation_does_not_lift_a_lapse_that_another_constituent_caused() -> None:
    story = in_review(live())
    story.becomes("b", standing="expired")
    assert names(story.reviewed("confirm")) == ["StackConfirmed"]
    assert story.state.name == "suspended"
    story.gets(held("b/renewed"))
    assert of_award(story.reassessed()) == ["StackReinstated"]


def test_a_decided_suspension_has_a_cause_of_its_own() -> None:
    story = in_review(snapshot())
    (suspended,) = story.reviewed("suspend", ground="wrong_information", heard_on=date(2026, 11, 21))
    assert isinstance(suspended, StackSuspended)
    assert (suspended.cause, suspended.reason_code, suspended.ground) == (REVIEW, "fraud", "wrong_information")
    assert suspended.heard_on == date(2026, 11, 21)
    assert (suspended.decision_ref, [one.credential_id for one in suspended.lapsed]) == ("d-2", [id_of("a")])
    assert (story.state.name, story.state.review) == ("suspended", None)


def test_a_decided_suspension_is_not_lifted_by_a_lapse_that_ends() -> None:
    story = in_review(live())
    story.reviewed("suspend")
    assert story.state.causes == {LAPSE, REVIEW}
    story.gets(held("a/new"))
    reinstated = story.reassessed()[-1]
    assert isinstance(reinstated, StackReinstated)
    assert reinstated.cause == LAPSE
    assert (story.state.name, *story.state.causes) == ("suspended", REVIEW)


def test_a_lapse_adds_its_cause_to_a_decided_suspension() -> None:
    story = in_review(snapshot())
    story.reviewed("suspend")
    story.pathway = path(all_of(leaf("a"), leaf("b", LIVE)), on_lapse="suspend")
    assert of_award(story.becomes("b", standing="expired")) == ["StackSuspended"]
    assert story.state.causes == {LAPSE, REVIEW}


def test_a_decided_suspension_can_be_lifted_by_a_later_decision() -> None:
    story = in_review(snapshot())
    story.reviewed("suspend")
    events = story.reviewed("confirm", "d-3")
    assert names(events) == ["StackConfirmed", "StackReinstated"]
    assert isinstance(events[-1], StackReinstated)
    assert (events[-1].cause, events[-1].decision_ref) == (REVIEW, "d-3")
    assert story.state.name == "awarded"


def test_a_revocation_is_for_the_reason_of_the_review_unless_another_is_given() -> None:
    story = in_review(snapshot())
    (revoked,) = story.reviewed("revoke", ground="reservation")
    assert isinstance(revoked, StackRevoked)
    assert (revoked.reason_code, revoked.void_ab_initio, revoked.ground) == ("fraud", True, "reservation")
    story = in_review(snapshot())
    (revoked,) = story.reviewed("revoke", reason_code="issuer_ended")
    assert isinstance(revoked, StackRevoked)
    assert (revoked.reason_code, revoked.void_ab_initio) == ("issuer_ended", False)


def test_a_revocation_needs_a_reason_that_the_registry_knows() -> None:
    refusal = refused(in_review(snapshot()), "revoke", reason_code="bad_mood")
    assert refusal.code == "reason_unknown"
    assert "fraud" in str(refusal.members["reasons"])


@pytest.mark.parametrize("decision", ["suspend", "revoke"])
def test_a_decision_against_the_holder_needs_a_ground(decision: str) -> None:
    assert refused(in_review(snapshot()), decision, ground=None).code == "ground_needed"


@pytest.mark.parametrize("decision", ["suspend", "revoke"])
@pytest.mark.parametrize("heard_on", [None, date(2026, 11, 22)])
def test_the_holder_is_heard_before_a_decision_against_them(decision: str, heard_on: date | None) -> None:
    assert refused(in_review(snapshot()), decision, heard_on=heard_on).code == "not_heard"


def test_safety_does_not_wait_until_the_holder_is_heard() -> None:
    story = in_review(snapshot())
    assert names(story.reviewed("suspend", ground="safety", heard_on=None)) == ["StackSuspended"]


def test_a_day_in_the_future_is_refused_whatever_the_ground() -> None:
    refusal = refused(in_review(snapshot()), "suspend", ground="safety", heard_on=date(2026, 11, 22))
    assert refusal.code == "not_heard"


def test_there_is_nothing_to_decide_without_a_review() -> None:
    assert refused(snapshot(), "confirm").code == "no_review"
    assert refused(Story(path(leaf("a"))), "confirm").code == "not_found"
    proposed = Story(path(leaf("a"), mode="decision"), "a")
    proposed.tried()
    assert refused(proposed, "confirm").code == "no_review"


@pytest.mark.parametrize("decision", ["confirm", "suspend", "revoke"])
def test_the_same_decision_again_changes_nothing(decision: str) -> None:
    story = in_review(snapshot())
    story.reviewed(decision)
    assert story.reviewed(decision) == ()


def test_a_review_is_opened_once_about_a_constituent_whatever_is_decided() -> None:
    story = in_review(snapshot())
    story.reviewed("suspend")
    assert story.reassessed() == ()


def test_an_appeal_opens_a_review_of_the_award_as_a_whole() -> None:
    story = in_review(snapshot())
    story.reviewed("suspend")
    lodged, opened = story.appealed()
    assert lodged == StackAppealLodged(stack_id=STACK, appeal_ref="a-1")
    assert isinstance(opened, StackReviewOpened)
    assert (opened.constituent_id, opened.reason_code, opened.deadline) == (None, "appeal", NOON + 30 * DAY)
    assert story.appealed() == ()


def test_an_appeal_is_upheld_by_suspending_again_and_granted_by_confirming() -> None:
    story = in_review(snapshot())
    story.reviewed("suspend")
    story.appealed()
    story.reviewed("suspend", "d-3")
    assert (*story.state.causes, story.state.review) == (REVIEW, None)
    story.appealed("a-2")
    assert names(story.reviewed("confirm", "d-4")) == ["StackConfirmed", "StackReinstated"]


def test_an_appeal_against_a_lapse_that_is_granted_accepts_what_lapsed() -> None:
    story = live()
    story.becomes("a", standing="expired", valid_to=NOON)
    story.appealed()
    events = story.reviewed("confirm")
    assert names(events) == ["StackConfirmed", "StackReinstated"]
    assert isinstance(events[0], StackConfirmed)
    assert events[0].accepted == (id_of("a"),)
    assert story.reassessed() == ()


def test_a_review_without_an_appeal_does_not_accept_what_merely_lapsed() -> None:
    story = in_review(snapshot())
    story.becomes("b", standing="expired")
    (confirmed,) = story.reviewed("confirm")
    assert isinstance(confirmed, StackConfirmed)
    assert confirmed.accepted == (id_of("a"),)


def test_what_is_not_awarded_cannot_be_appealed() -> None:
    with pytest.raises(Problem, match="not_found"):
        Story(path(leaf("a"))).appealed()
    proposed = Story(path(leaf("a"), mode="decision"), "a")
    proposed.tried()
    with pytest.raises(Problem, match="no_review"):
        proposed.appealed()


def test_a_revoked_award_is_over_for_good() -> None:
    story = in_review(live())
    story.reviewed("revoke")
    over = story.state
    assert refused(story, "confirm", ref="d-3").code == "award_revoked"
    with pytest.raises(Problem, match="award_revoked"):
        story.appealed()
    story.gets(held("a/new"))
    assert story.reassessed() == ()
    assert revoked_by_issuer(over, "fraud", True) == ()
    story.follows([StackReinstated(**over.subject.as_change(), cause=LAPSE)])
    assert story.state == over
