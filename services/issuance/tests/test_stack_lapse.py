"""When an award lapses and when it does not: what else the learner holds, nested awards, several things at once."""

from __future__ import annotations

import pytest

from kompetenspass.events.stacking import ConstituentInvalidated, StackRebound, StackSuspended
from kompetenspass.pathway.held import Held
from kompetenspass.pathway.rule import Age, AnyOf, CredentialLeaf, Credits, NOf
from kompetenspass.testing.clock import NOON
from services.issuance.tests.stacking import (
    DAY,
    LAPSE,
    LIVE,
    Story,
    all_of,
    held,
    id_of,
    leaf,
    names,
    nested,
    of_award,
    path,
    pathway_leaf,
)


def either() -> Story:
    rule = AnyOf(("rule",), (leaf("a", LIVE), all_of(leaf("b", LIVE), leaf("c", LIVE))))
    return Story(path(rule, on_lapse="suspend"), "a").awarded()


def test_without_the_reservation_a_live_leaf_that_lapses_suspends_nothing() -> None:
    story = Story(path(all_of(leaf("a", LIVE), leaf("b"))), "a", "b").awarded()
    assert names(story.becomes("a", standing="expired")) == ["ConstituentInvalidated"]
    assert story.state.name == "awarded"


def test_a_lapsed_snapshot_suspends_nothing_even_with_the_reservation() -> None:
    story = Story(path(all_of(leaf("a", LIVE), leaf("b")), on_lapse="suspend"), "a", "b").awarded()
    assert names(story.becomes("b", standing="expired")) == ["ConstituentInvalidated"]


def test_a_snapshot_that_never_was_a_merit_suspends_at_once_with_the_reservation() -> None:
    story = Story(path(all_of(leaf("a"), leaf("b")), on_lapse="suspend"), "a", "b").awarded()
    events = story.becomes("a", standing="revoked", reason_code="fraud")
    assert of_award(events) == ["StackReviewOpened", "StackSuspended"]


def test_only_what_does_not_count_any_more_is_told_as_lapsed() -> None:
    story = Story(path(all_of(leaf("a", LIVE), leaf("b")), on_lapse="suspend"), "a", "b").awarded()
    story.becomes("b", standing="expired")
    suspended = story.becomes("a", standing="suspended", reason_code="inquiry")[-1]
    assert isinstance(suspended, StackSuspended)
    assert [(one.credential_id, one.reason_code) for one in suspended.lapsed] == [(id_of("a"), "inquiry")]


def test_another_credential_of_the_learner_takes_the_leaf_instead() -> None:
    story = Story(path(all_of(leaf("a", LIVE)), on_lapse="suspend"), "a").awarded()
    story.gets(held("a/other"))
    assert story.reassessed() == ()
    assert names(story.becomes("a", standing="suspended")) == ["ConstituentInvalidated", "StackRebound"]
    assert set(story.state.constituents) == {id_of("a/other")}
    assert story.state.noted == {}


def test_another_branch_of_the_rule_takes_the_place_with_all_its_credentials() -> None:
    story = either()
    story.gets(held("b"), held("c"))
    events = story.becomes("a", standing="expired")
    assert [(event.from_credential_id, event.to.credential_id) for event in events if isinstance(event, StackRebound)]
    assert set(story.state.constituents) == {id_of("b"), id_of("c")}
    assert story.reassessed() == ()


def test_what_still_counts_keeps_its_place_when_another_branch_helps_out() -> None:
    rule = AnyOf(("rule",), (all_of(leaf("a", LIVE), leaf("b")), leaf("c", LIVE)))
    story = Story(path(rule, on_lapse="suspend"), "a", "b").awarded()
    story.gets(held("c"))
    story.becomes("a", standing="suspended")
    assert set(story.state.constituents) == {id_of("b"), id_of("c")}
    story.becomes("b", standing="expired")
    story.becomes("a", standing="valid")
    assert of_award(story.becomes("c", standing="expired")) == []
    assert story.state.name == "awarded"


def test_one_of_several_that_are_enough_is_replaced_by_one_that_was_not_needed() -> None:
    rule = NOf(("rule",), 2, (leaf("a", LIVE), leaf("b", LIVE), leaf("c", LIVE)))
    story = Story(path(rule, on_lapse="suspend"), "a", "b", "c").awarded()
    before = set(story.state.constituents)
    (gone, *_) = sorted(before)
    name = next(name for name in "abc" if id_of(name) == gone)
    assert names(story.becomes(name, standing="expired")) == ["ConstituentInvalidated", "StackRebound"]
    assert set(story.state.constituents) == {id_of(name) for name in "abc"} - {gone}


def test_a_measured_credential_that_lapses_is_replaced_where_the_measure_is_reached_without_it() -> None:
    rule = all_of(Credits(("rule", "hours"), "hours", 10, ("a", "b")))
    story = Story(path(rule, on_lapse="suspend"))
    story.gets(held("a", hours=10))
    story.awarded()
    assert of_award(story.becomes("a", standing="revoked", void_ab_initio=True)) == [
        "StackReviewOpened",
        "StackSuspended",
    ]
    story.gets(held("b", hours=10))
    assert names(story.reassessed()) == ["StackRebound", "StackReinstated"]


def test_a_credential_that_became_too_old_lapses_as_expired() -> None:
    story = Story(path(all_of(leaf("a", LIVE, max_age=Age(days=20))), on_lapse="suspend"), "a").awarded()
    story.later(11 * DAY)
    noted, _, suspended = story.reassessed()
    assert isinstance(noted, ConstituentInvalidated)
    assert (noted.change, noted.reason_code) == ("expired", "too_old")
    assert isinstance(suspended, StackSuspended)
    assert story.reassessed() == ()


def test_a_suspended_nested_award_suspends_the_outer_one_a_hop_later() -> None:
    story = Story(path(all_of(pathway_leaf("n", LIVE)), on_lapse="suspend"))
    story.gets(nested("n"))
    story.awarded()
    suspended = story.becomes("n", standing="suspended", reason_code="lapse:x")[-1]
    assert isinstance(suspended, StackSuspended)
    assert [(one.definition_id, one.change) for one in suspended.lapsed] == [("n", "suspended")]
    assert of_award(story.becomes("n", standing="valid")) == ["StackReinstated"]


def test_a_suspended_nested_award_leaves_a_snapshot_unaffected() -> None:
    story = Story(path(all_of(pathway_leaf("n")), on_lapse="suspend"))
    story.gets(nested("n"))
    story.awarded()
    assert names(story.becomes("n", standing="suspended")) == ["ConstituentInvalidated"]


@pytest.mark.parametrize(
    ("reason_code", "void", "follows"),
    [
        ("fraud", False, ["StackReviewOpened", "StackSuspended"]),
        ("key_compromise", True, ["StackReviewOpened", "StackSuspended"]),
        ("holder_request", False, ["StackSuspended"]),
    ],
)
def test_a_revoked_nested_award_ends_the_leaf_even_as_a_snapshot(
    reason_code: str, void: bool, follows: list[str]
) -> None:
    story = Story(path(all_of(pathway_leaf("n")), on_lapse="suspend"))
    story.gets(nested("n"))
    story.awarded()
    assert of_award(story.becomes("n", standing="revoked", reason_code=reason_code, void_ab_initio=void)) == follows
    story.gets(nested("n/again", awarded_at=NOON))
    assert names(story.reassessed()) == ["StackRebound", "StackReinstated"]


def test_a_void_constituent_is_reviewed_even_when_another_credential_took_its_place() -> None:
    story = Story(path(all_of(leaf("a", LIVE)), on_lapse="suspend"), "a").awarded()
    story.gets(held("a/other"))
    events = story.becomes("a", standing="revoked", reason_code="fraud", void_ab_initio=True)
    assert names(events) == ["ConstituentInvalidated", "StackRebound", "StackReviewOpened"]
    assert story.state.name == "awarded"
    assert story.reassessed() == ()


def test_a_second_void_constituent_joins_the_review_that_is_open() -> None:
    story = Story(path(all_of(leaf("a"), leaf("b"))), "a", "b").awarded()
    void = {"standing": "revoked", "reason_code": "fraud", "void_ab_initio": True}
    story.becomes("a", **void)
    story.later(3 * DAY)
    assert of_award(story.becomes("b", **void)) == ["StackReviewOpened"]
    assert story.state.review is not None
    assert story.state.review.deadline == NOON + 30 * DAY
    assert set(story.state.review.matters) == {id_of("a"), id_of("b")}
    story.reviewed("confirm")
    assert story.state.accepted == {id_of("a"), id_of("b")}


def test_what_is_not_known_neither_suspends_nor_reinstates() -> None:
    story = Story(path(all_of(leaf("a", LIVE)), on_lapse="suspend"), "a").awarded()
    assert story.becomes("a", standing="unknown") == ()
    story.becomes("a", standing="suspended")
    assert story.becomes("a", standing="unknown") == ()
    assert (*story.state.causes, story.state.name) == (LAPSE, "suspended")


def test_a_successor_that_is_itself_void_takes_the_place_and_is_reviewed() -> None:
    story = Story(path(all_of(leaf("a", LIVE)), on_lapse="suspend"), "a").awarded()
    story.gets(held("a/new", standing="revoked", reason_code="fraud", void_ab_initio=True))
    events = story.becomes("a", standing="revoked", superseded_by=id_of("a/new"))
    assert names(events) == ["StackRebound", "ConstituentInvalidated", "StackReviewOpened", "StackSuspended"]


def test_successors_one_after_the_other_lead_to_the_last() -> None:
    story = Story(path(all_of(leaf("a", LIVE)), on_lapse="suspend"), "a").awarded()
    story.gets(held("a/2", superseded_by=id_of("a/3"), standing="revoked"), held("a/3"))
    assert names(story.becomes("a", standing="revoked", superseded_by=id_of("a/2"))) == ["StackRebound"]
    assert set(story.state.constituents) == {id_of("a/3")}


def the_longer_way(first: CredentialLeaf | Credits, *credentials: Held) -> Story:
    """An award by the longer of two ways: once two leaves of it lapse, the other way is the nearer one."""
    longer = all_of(first, leaf("x", LIVE), leaf("y", LIVE))
    story = Story(path(AnyOf(("rule",), (longer, leaf("z", LIVE))), on_lapse="suspend"), "x", "y")
    story.gets(*credentials)
    story.awarded()
    return story


def lapsed_with_both(story: Story) -> list[str]:
    story.gets(held("x", standing="expired"), held("y", standing="expired"))
    (suspended,) = [event for event in story.reassessed() if isinstance(event, StackSuspended)]
    return sorted(one.definition_id for one in suspended.lapsed)


def test_what_takes_a_place_is_noted_at_once_if_it_counts_in_spite_of_what_became_of_it() -> None:
    rule = AnyOf(("rule",), (leaf("a", LIVE), pathway_leaf("n")))
    story = Story(path(rule, on_lapse="suspend"), "a").awarded()
    story.gets(nested("n", standing="suspended"))
    events = story.becomes("a", standing="expired")
    assert names(events) == ["ConstituentInvalidated", "StackRebound", "ConstituentInvalidated"]
    assert story.state.noted == {id_of("n"): "suspended"}


def test_a_successor_takes_the_place_while_other_constituents_have_lapsed() -> None:
    story = the_longer_way(leaf("a", LIVE), held("a"))
    story.gets(held("a/new"), held("a", standing="revoked", superseded_by=id_of("a/new")))
    assert lapsed_with_both(story) == ["x", "y"]
    assert id_of("a/new") in story.state.constituents


def test_what_was_accepted_is_not_told_as_lapsed() -> None:
    story = the_longer_way(Credits(("rule", "hours"), "hours", 10, ("a",)), held("a", hours=10))
    story.becomes("a", standing="revoked", reason_code="fraud", void_ab_initio=True)
    story.reviewed("confirm")
    assert story.state.name == "awarded"
    assert lapsed_with_both(story) == ["x", "y"]


def test_what_may_still_count_is_not_told_as_lapsed() -> None:
    rule = all_of(leaf("a", min_result_percent=80), leaf("x", LIVE))
    story = Story(path(rule, on_lapse="suspend"), "a", "x", result_percent=90).awarded()
    story.becomes("a", standing="expired", result_percent=None, result_known=False)
    suspended = story.becomes("x", standing="expired")[-1]
    assert isinstance(suspended, StackSuspended)
    assert [one.definition_id for one in suspended.lapsed] == ["x"]
