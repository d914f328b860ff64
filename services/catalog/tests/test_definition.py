from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kompetenspass.core.digest import content_digest
from kompetenspass.core.errors import Problem
from kompetenspass.events import catalog
from kompetenspass.events.base import Event
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import given, prefixes_agree
from services.catalog.domain import definition


def after(*events: Event) -> definition.Definition:
    return given(definition.INITIAL, definition.evolve, events)


def whole_life(content: dict[str, Any]) -> tuple[Event, ...]:
    events: list[Event] = [*definition.draft(definition.INITIAL, content)]
    events += definition.request_review(after(*events))
    events += definition.approve(after(*events), sector_org="org:council", decision_ref="D", approved_on="2026-09-01")
    events += definition.publish(after(*events), NOON)
    events += definition.grant(after(*events), issuer_org="org:other", since=NOON, until=None)
    events += definition.retire(after(*events), superseded_by=None, last_issue_date="2027-01-01")
    return tuple(events)


def test_a_definition_goes_from_draft_to_retired(good: dict[str, Any]) -> None:
    events = whole_life(good)
    states = [after(*events[:cut]).latest.state for cut in range(1, len(events) + 1)]
    assert states == ["draft", "in_review", "sector_approved", "published", "published", "retired"]


def test_folding_a_prefix_and_the_rest_is_folding_all(good: dict[str, Any]) -> None:
    assert prefixes_agree(definition.INITIAL, definition.evolve, whole_life(good))


def test_a_publication_holds_the_whole_content_and_its_digest(good: dict[str, Any]) -> None:
    published = whole_life(good)[3]
    assert isinstance(published, catalog.DefinitionPublished)
    assert published.content == good
    assert published.content_digest == content_digest(good)
    assert (published.owner_org, published.effective_from) == ("org:kommun", NOON)


def test_the_same_words_again_are_nothing_new(good: dict[str, Any]) -> None:
    for cut in range(1, 6):
        assert definition.draft(after(*whole_life(good)[:cut]), good) == ()


def test_a_published_version_never_changes(good: dict[str, Any]) -> None:
    state = after(*whole_life(good)[:4])
    with pytest.raises(Problem) as refused:
        definition.draft(state, good | {"stackable": False})
    assert refused.value.code == "published_immutable"


def test_a_change_after_publication_is_the_next_version(good: dict[str, Any]) -> None:
    state = after(*whole_life(good)[:4])
    (drafted,) = definition.draft(state, good | {"version": 2, "stackable": False})
    assert isinstance(drafted, catalog.DefinitionDrafted)
    assert drafted.version == 2
    with pytest.raises(Problem) as refused:
        definition.draft(state, good | {"version": 3})
    assert refused.value.code == "version_gap"


def test_the_first_version_may_have_any_number(good: dict[str, Any]) -> None:
    (drafted,) = definition.draft(after(), good | {"version": 2})
    assert isinstance(drafted, catalog.DefinitionDrafted)
    assert drafted.version == 2


def test_a_version_under_review_is_not_rewritten(good: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        definition.draft(after(*whole_life(good)[:2]), good | {"stackable": False})
    assert refused.value.code == "wrong_state"


def test_another_awarding_body_cannot_take_a_definition_over(good: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        definition.draft(after(*whole_life(good)[:4]), good | {"version": 2, "awarding_body": "org:other"})
    assert refused.value.code == "owner_differs"


def test_a_draft_is_not_published_without_review(good: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        definition.publish(after(*whole_life(good)[:1]), NOON)
    assert refused.value.code == "wrong_state"


def test_what_was_never_published_is_not_retired(good: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        definition.retire(after(*whole_life(good)[:2]), superseded_by=None, last_issue_date=None)
    assert refused.value.code == "wrong_state"


def test_the_owner_needs_no_grant_and_a_grant_is_made_once(good: dict[str, Any]) -> None:
    state = after(*whole_life(good)[:5])
    assert definition.grant(state, issuer_org="org:kommun", since=NOON, until=None) == ()
    assert definition.grant(state, issuer_org="org:other", since=NOON, until=None) == ()


def test_a_withdrawn_right_ends_and_can_be_given_again(good: dict[str, Any]) -> None:
    later = NOON + timedelta(days=1)
    state = after(*whole_life(good)[:5])
    state = given(state, definition.evolve, definition.withdraw(state, issuer_org="org:other", since=later))
    assert [right.holds(NOON) for right in state.rights] == [True]
    assert [right.holds(later) for right in state.rights] == [False]
    assert len(definition.grant(state, issuer_org="org:other", since=later, until=None)) == 1
    with pytest.raises(Problem) as refused:
        definition.withdraw(state, issuer_org="org:other", since=later)
    assert refused.value.code == "not_found"


def test_a_right_that_ends_before_it_begins_is_refused(good: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        definition.grant(after(*whole_life(good)[:4]), issuer_org="org:other", since=NOON, until=NOON)
    assert refused.value.code == "period_empty"


def test_a_fact_of_no_concern_changes_nothing(good: dict[str, Any]) -> None:
    state = after(*whole_life(good))
    assert definition.evolve(state, catalog.PathwayReviewRequested(pathway_id="p", version=1)) == state
