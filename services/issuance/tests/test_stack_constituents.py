"""When a constituent changes: a test for every cell of the table in domain.md, section 4.3."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from kompetenspass.events.base import Event
from kompetenspass.events.stacking import ConstituentInvalidated, StackRebound, StackReviewOpened, StackSuspended
from kompetenspass.testing.clock import NOON
from services.issuance.tests.stacking import (
    DAY,
    LAPSE,
    LIVE,
    SNAPSHOT,
    Story,
    all_of,
    held,
    id_of,
    leaf,
    names,
    of_award,
    path,
)

AGAIN = {"standing": "valid", "reason_code": None, "valid_to": None}
VOID: list[dict[str, Any]] = [
    *({"standing": "revoked", "reason_code": reason} for reason in ("issued_in_error", "fraud", "achievement_voided")),
    {"standing": "revoked", "reason_code": "key_compromise", "void_ab_initio": True},
]
HOLDER = {"standing": "revoked", "reason_code": "holder_request"}
COMPROMISED = {"standing": "revoked", "reason_code": "key_compromise"}
ENDED = {"standing": "revoked", "reason_code": "issuer_ended"}
SUCCEEDED = {"standing": "revoked", "reason_code": "superseded", "superseded_by": id_of("a/new")}


def not_yet(percent: int | None = None) -> Story:
    return Story(path(all_of(leaf("a", SNAPSHOT, min_result_percent=percent), leaf("b"))), "b")


def snapshot(percent: int | None = None, on_lapse: Literal["none", "suspend"] = "suspend") -> Story:
    rule = all_of(leaf("a", SNAPSHOT, min_result_percent=percent), leaf("b"))
    return Story(path(rule, on_lapse=on_lapse), "a", "b", result_percent=90).awarded()


def live(percent: int | None = None) -> Story:
    rule = all_of(leaf("a", LIVE, min_result_percent=percent), leaf("b"))
    return Story(path(rule, on_lapse="suspend"), "a", "b", result_percent=90).awarded()


def suspended_for(events: tuple[Event, ...], change: str) -> None:
    (event,) = [event for event in events if isinstance(event, StackSuspended)]
    assert (event.cause, event.reason_code, event.ground) == (LAPSE, "constituent_lapsed", "reservation")
    assert [(one.credential_id, one.definition_id, one.change) for one in event.lapsed] == [(id_of("a"), "a", change)]


def rebound_to(events: tuple[Event, ...], name: str) -> None:
    (event,) = events
    assert isinstance(event, StackRebound)
    assert (event.from_credential_id, event.to.credential_id) == (id_of("a"), id_of(name))


# expired


@pytest.mark.parametrize("expired", [{"standing": "expired"}, {"valid_to": NOON}])
def test_expired_before_award_the_leaf_is_unusable(expired: dict[str, Any]) -> None:
    story = not_yet()
    story.gets(held("a", **expired))
    assert story.tried() == ()
    assert story.assessed().evaluation.outcome == "not_satisfied"


@pytest.mark.parametrize("expired", [{"standing": "expired"}, {"valid_to": NOON}])
def test_expired_after_award_snapshot_the_award_is_unaffected_and_the_date_noted(expired: dict[str, Any]) -> None:
    story = snapshot()
    (noted,) = story.becomes("a", **expired)
    assert isinstance(noted, ConstituentInvalidated)
    assert (noted.credential_id, noted.change) == (id_of("a"), "expired")
    assert story.state.name == "awarded"


def test_expired_after_award_live_suspends_the_award() -> None:
    story = live()
    suspended_for(story.becomes("a", standing="expired", valid_to=NOON), "expired")
    assert story.state.name == "suspended"


def test_expired_after_award_live_is_reinstated_on_renewal() -> None:
    story = live()
    story.becomes("a", standing="expired", valid_to=NOON)
    story.gets(held("a/renewed", awarded_at=NOON))
    assert names(story.reassessed()) == ["StackRebound", "StackReinstated"]
    assert story.state.name == "awarded"
    assert set(story.state.constituents) == {id_of("a/renewed"), id_of("b")}


# suspended


def test_suspended_before_award_is_unknown_until_resolved() -> None:
    story = not_yet()
    story.gets(held("a", standing="suspended"))
    assert story.tried() == ()
    assert story.assessed().evaluation.outcome == "indeterminate"
    story.gets(held("a"))
    assert names(story.tried()) == ["CredentialStacked"]


def test_suspended_after_award_snapshot_changes_nothing_but_is_noted() -> None:
    story = snapshot()
    assert names(story.becomes("a", standing="suspended", reason_code="inquiry")) == ["ConstituentInvalidated"]
    assert story.state.name == "awarded"
    assert names(story.becomes("a", **AGAIN)) == ["ConstituentRestored"]
    assert story.state.noted == {}


def test_suspended_after_award_live_suspends_the_award_and_reinstates_it() -> None:
    story = live()
    suspended_for(story.becomes("a", standing="suspended"), "suspended")
    assert names(story.becomes("a", **AGAIN)) == ["ConstituentRestored", "StackReinstated"]
    assert story.state.name == "awarded"


# revoked: void ab initio


@pytest.mark.parametrize("void", VOID)
def test_void_before_award_is_unusable(void: dict[str, Any]) -> None:
    story = not_yet()
    story.gets(held("a", **void))
    assert story.tried() == ()
    assert story.assessed().evaluation.outcome == "not_satisfied"


@pytest.mark.parametrize("void", VOID)
def test_void_after_award_snapshot_opens_a_review_and_the_award_is_valid_until_then(void: dict[str, Any]) -> None:
    story = snapshot(on_lapse="none")
    events = story.becomes("a", **void)
    assert names(events) == ["ConstituentInvalidated", "StackReviewOpened"]
    assert isinstance(opened := events[-1], StackReviewOpened)
    assert (opened.constituent_id, opened.reason_code) == (id_of("a"), void["reason_code"])
    assert opened.deadline == NOON + 30 * DAY
    assert story.state.name == "awarded"


@pytest.mark.parametrize(
    ("decision", "name"), [("confirm", "awarded"), ("suspend", "suspended"), ("revoke", "revoked")]
)
def test_void_after_award_snapshot_is_then_confirmed_suspended_or_revoked(decision: str, name: str) -> None:
    story = snapshot(on_lapse="none")
    story.becomes("a", **VOID[0])
    story.reviewed(decision)
    assert story.state.name == name
    assert story.reassessed() == ()


@pytest.mark.parametrize("void", VOID)
def test_void_after_award_live_suspends_at_once_and_opens_a_review(void: dict[str, Any]) -> None:
    story = live()
    events = story.becomes("a", **void)
    assert names(events) == ["ConstituentInvalidated", "StackReviewOpened", "StackSuspended"]
    suspended_for(events, "revoked")


# revoked: holder_request


def test_holder_request_before_award_is_unusable() -> None:
    story = not_yet()
    story.gets(held("a", **HOLDER))
    assert story.tried() == ()


def test_holder_request_after_award_snapshot_leaves_the_award_unaffected() -> None:
    story = snapshot()
    assert names(story.becomes("a", **HOLDER)) == ["ConstituentInvalidated"]
    assert (story.state.name, story.state.review) == ("awarded", None)


def test_holder_request_after_award_live_suspends_the_award() -> None:
    story = live()
    events = story.becomes("a", **HOLDER)
    suspended_for(events, "revoked")
    assert story.state.review is None


# revoked: key_compromise, re-issued (superseded)


@pytest.mark.parametrize("gone", [COMPROMISED | {"superseded_by": id_of("a/new")}, SUCCEEDED])
def test_superseded_before_award_the_successor_counts(gone: dict[str, Any]) -> None:
    story = not_yet()
    story.gets(held("a", **gone), held("a/new", awarded_at=NOON))
    assert names(story.tried()) == ["CredentialStacked"]
    assert set(story.state.constituents) == {id_of("a/new"), id_of("b")}


@pytest.mark.parametrize("gone", [COMPROMISED | {"superseded_by": id_of("a/new")}, SUCCEEDED])
def test_superseded_after_award_snapshot_is_rebound_silently(gone: dict[str, Any]) -> None:
    story = snapshot()
    story.gets(held("a/new", awarded_at=NOON))
    rebound_to(story.becomes("a", **gone), "a/new")


def test_copies_issued_anew_are_rebound_silently() -> None:
    story = snapshot()
    story.digests[id_of("a")] = ("another copy",)
    rebound_to(story.reassessed(), "a")
    assert story.state.constituents[id_of("a")].digests == ("another copy",)


def test_key_compromise_without_a_successor_leaves_a_snapshot_unaffected() -> None:
    story = snapshot()
    assert names(story.becomes("a", **COMPROMISED)) == ["ConstituentInvalidated"]


@pytest.mark.parametrize("gone", [COMPROMISED | {"superseded_by": id_of("a/new")}, SUCCEEDED])
def test_superseded_after_award_live_is_rebound_without_a_gap(gone: dict[str, Any]) -> None:
    story = live()
    story.gets(held("a/new", awarded_at=NOON))
    rebound_to(story.becomes("a", **gone), "a/new")
    assert story.state.name == "awarded"


def test_key_compromise_without_a_successor_suspends_a_live_award_until_there_is_one() -> None:
    story = live()
    suspended_for(story.becomes("a", **COMPROMISED), "revoked")
    story.gets(held("a/new", awarded_at=NOON))
    assert of_award(story.becomes("a", superseded_by=id_of("a/new"))) == ["StackReinstated"]


# superseded by correction with lower result


@pytest.mark.parametrize("gone", [SUCCEEDED, {"superseded_by": id_of("a/new")}])
def test_lower_result_before_award_is_evaluated_again(gone: dict[str, Any]) -> None:
    story = not_yet(percent=80)
    story.gets(held("a", result_percent=90, **gone), held("a/new", result_percent=60))
    assert story.tried() == ()
    assert story.assessed().evaluation.outcome == "not_satisfied"


def test_lower_result_after_award_snapshot_opens_a_review_if_the_rule_no_longer_holds() -> None:
    story = snapshot(percent=80, on_lapse="none")
    story.gets(held("a/new", result_percent=60))
    events = story.becomes("a", **SUCCEEDED)
    assert names(events) == ["ConstituentInvalidated", "StackReviewOpened"]
    assert isinstance(events[-1], StackReviewOpened)
    assert (events[-1].constituent_id, events[-1].reason_code) == (id_of("a"), "superseded")
    assert story.state.name == "awarded"


def test_lower_result_after_award_that_was_confirmed_takes_the_place() -> None:
    story = snapshot(percent=80, on_lapse="none")
    story.gets(held("a/new", result_percent=60))
    story.becomes("a", **SUCCEEDED)
    story.reviewed("confirm")
    rebound_to(story.reassessed(), "a/new")
    assert story.reassessed() == ()


def test_lower_result_after_award_snapshot_is_rebound_silently_if_the_rule_holds() -> None:
    story = snapshot(percent=50)
    story.gets(held("a/new", result_percent=60))
    rebound_to(story.becomes("a", **SUCCEEDED), "a/new")


def test_lower_result_after_award_live_suspends_without_a_review_if_the_rule_no_longer_holds() -> None:
    story = live(percent=80)
    story.gets(held("a/new", result_percent=60))
    events = story.becomes("a", **SUCCEEDED)
    assert of_award(events) == ["StackSuspended"]
    suspended_for(events, "superseded")


# definition retired, issuer ended: a retired definition changes nothing that is held (test_queries_holdings)


@pytest.mark.parametrize("ended", [{}, ENDED])
def test_retired_definition_or_ended_issuer_before_award_is_usable_as_history(ended: dict[str, Any]) -> None:
    story = not_yet()
    story.gets(held("a", **ended))
    assert names(story.tried()) == ["CredentialStacked"]


def test_retired_definition_or_ended_issuer_after_award_snapshot_leaves_the_award_unaffected() -> None:
    story = snapshot()
    assert story.reassessed() == ()
    assert names(story.becomes("a", **ENDED)) == ["ConstituentInvalidated"]
    assert (story.state.name, story.state.review) == ("awarded", None)


@pytest.mark.parametrize("ended", [{}, ENDED])
def test_retired_definition_or_ended_issuer_after_award_live_has_no_effect_until_expiry(ended: dict[str, Any]) -> None:
    story = live()
    assert of_award(story.becomes("a", valid_to=NOON + DAY, **ended)) == []
    story.later(DAY)
    assert of_award(story.reassessed()) == ["StackSuspended"]
