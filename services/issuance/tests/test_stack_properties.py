"""What holds of awards whatever happens, in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from kompetenspass.core.errors import Problem
from kompetenspass.events import stacking
from kompetenspass.events.base import Event
from kompetenspass.pathway.held import Held
from kompetenspass.pathway.rule import AnyOf, Pathway
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.domain import prefixes_agree
from services.issuance.domain.stack import INITIAL, evolve
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
    nested,
    path,
    pathway_leaf,
)

CREDENTIALS = ("a", "a/2", "b", "c")
BECOMES: Sequence[dict[str, Any]] = (
    {"standing": "valid"},
    {"standing": "suspended"},
    {"standing": "unknown"},
    {"standing": "expired"},
    {"standing": "revoked", "reason_code": "holder_request"},
    {"standing": "revoked", "reason_code": "fraud", "void_ab_initio": True},
)
SUCCEEDED = {"standing": "revoked", "reason_code": "superseded"}
ON_LAPSE: Sequence[Literal["none", "suspend"]] = ("none", "suspend")
STEPS = st.tuples(st.sampled_from(CREDENTIALS), st.sampled_from(BECOMES))
LIVE_RULE = all_of(leaf("a", LIVE), AnyOf(("rule", "any"), (leaf("b", LIVE), leaf("c", LIVE))), pathway_leaf("n", LIVE))
MIXED_RULE = all_of(leaf("a", LIVE), AnyOf(("rule", "any"), (leaf("b"), leaf("c", LIVE))), pathway_leaf("n"))
PATHS = [path(rule, on_lapse=lapse) for rule in (LIVE_RULE, MIXED_RULE) for lapse in ON_LAPSE]

_STORY = Story(path(all_of(leaf("a"), leaf("b"))), "a", "b").awarded()
_SUBJECT = _STORY.state.subject
_STACKED = _STORY.events[-1]
_CONSTITUENT = next(iter(_STORY.state.constituents.values()))
EVENTS: Sequence[Event] = (
    *_STORY.events,
    stacking.StackAwardProposed(**_SUBJECT.as_members(), constituents=()),
    stacking.StackAwardDeclined(stack_id=STACK, decision_ref="d", reason_code="r"),
    stacking.ConstituentInvalidated(stack_id=STACK, credential_id=id_of("a"), change="expired"),
    stacking.ConstituentRestored(stack_id=STACK, credential_id=id_of("a")),
    stacking.StackRebound(stack_id=STACK, from_credential_id=id_of("b"), to=_CONSTITUENT),
    stacking.StackReviewOpened(stack_id=STACK, constituent_id=id_of("a"), reason_code="fraud", deadline=NOON),
    stacking.StackAppealLodged(stack_id=STACK, appeal_ref="a"),
    stacking.StackConfirmed(stack_id=STACK, decision_ref="d", accepted=(id_of("a"),)),
    stacking.StackSuspended(**_SUBJECT.as_change(), cause=LAPSE, reason_code="constituent_lapsed"),
    stacking.StackSuspended(**_SUBJECT.as_change(), cause="review", reason_code="fraud", decision_ref="d"),
    stacking.StackReinstated(**_SUBJECT.as_change(), cause=LAPSE),
    stacking.StackRevoked(**_SUBJECT.as_change(), reason_code="fraud"),
)


def begun(pathway: Pathway) -> Story:
    story = Story(pathway, *CREDENTIALS)
    story.gets(nested("n"))
    return story.awarded()


def becomes(story: Story, name: str, changes: dict[str, Any]) -> tuple[Event, ...]:
    """What follows, where it can happen: revoked and expired are ends, as the registry has it."""
    before = story.has[id_of(name)]
    if before.standing in ("revoked", "expired") or (isinstance(before, Held) and before.superseded_by):
        return story.reassessed()
    return story.becomes(name, **changes)


def told_apart(event: Event) -> tuple[object, ...]:
    members = ("credential_id", "from_credential_id", "constituent_id", "cause")
    to = getattr(event, "to", None)
    return (type(event), *(getattr(event, member, None) for member in members), to and to.credential_id)


@for_all(st.lists(st.sampled_from(EVENTS), max_size=10))
def test_evolve_is_total_and_any_prefix_then_the_rest_is_the_whole(events: list[Event]) -> None:
    assert prefixes_agree(INITIAL, evolve, tuple(events))


@for_all(st.lists(st.sampled_from(EVENTS), max_size=10))
def test_nothing_follows_a_revocation(events: list[Event]) -> None:
    story = Story(_STORY.pathway)
    story.follows((*_STORY.events, EVENTS[-1]))
    over = story.state
    story.follows(events)
    assert (story.state, story.state.name) == (over, "revoked")


@settings(deadline=None)
@for_all(st.sampled_from(PATHS), st.lists(STEPS, max_size=8))
def test_reassessing_again_says_nothing_and_never_two_things_alike(pathway: Pathway, steps: list[Any]) -> None:
    story = begun(pathway)
    for name, changes in steps:
        events = becomes(story, name, changes)
        assert len({told_apart(event) for event in events}) == len(events)
        assert story.reassessed() == ()


@settings(deadline=None)
@for_all(st.sampled_from(PATHS), st.lists(STEPS, max_size=8))
def test_an_indeterminate_evaluation_changes_nothing_of_the_awards_standing(pathway: Pathway, steps: list[Any]) -> None:
    story = begun(pathway)
    for name, changes in steps:
        before = story.state
        becomes(story, name, changes)
        if story.assessed().evaluation.outcome == "indeterminate":
            assert story.state.causes == before.causes


@settings(deadline=None)
@for_all(st.lists(STEPS, max_size=8), st.data())
def test_whether_a_live_award_lapses_depends_on_what_is_held_and_not_on_what_happened_before(
    steps: list[Any], data: st.DataObject
) -> None:
    story = begun(path(LIVE_RULE, on_lapse="suspend"))
    for name, changes in steps:
        becomes(story, name, changes)
    if story.assessed().evaluation.outcome == "indeterminate":
        return
    other = begun(path(LIVE_RULE, on_lapse="suspend"))
    for name in data.draw(st.permutations(CREDENTIALS)):
        other.has[id_of(name)] = story.has[id_of(name)]
        other.reassessed()
    assert (other.state.name, other.state.causes) == (story.state.name, story.state.causes)


KNOWN = [changes for changes in BECOMES if changes["standing"] != "unknown"]
NAMED = st.sampled_from(["a", "a/new", "b", "b/new", "n"])


@settings(deadline=None)
@for_all(st.sampled_from(ON_LAPSE), st.lists(st.tuples(NAMED, st.sampled_from([*KNOWN, SUCCEEDED])), max_size=8))
def test_looks_that_were_missed_are_made_up_for_by_the_next(on_lapse: Any, steps: list[Any]) -> None:
    rule = all_of(leaf("a", LIVE), leaf("b"), pathway_leaf("n", LIVE))
    seen, late = (Story(path(rule, on_lapse=on_lapse), "a", "b") for _ in range(2))
    for story in (seen, late):
        story.gets(nested("n"))
        story.awarded()
    for name, changes in steps:
        if id_of(name) in seen.has:
            becomes(seen, name, _possible(seen, name, changes))
    late.has = dict(seen.has)
    late.reassessed()
    told = [(story.state.name, story.state.causes, story.state.reviewed) for story in (seen, late)]
    assert told[0] == told[1]


def _possible(story: Story, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What can become of it: an award says no void, and a successor is there before it takes a place."""
    if name == "n":
        return {key: value for key, value in changes.items() if key != "void_ab_initio"}
    if changes != SUCCEEDED or name.endswith("new"):
        return changes
    if story.has[id_of(name)].standing in ("valid", "suspended"):
        story.gets(held(f"{name}/new"))
    return {**changes, "superseded_by": id_of(f"{name}/new")}


DECISIONS = st.sampled_from(["confirm", "suspend", "revoke", "appeal", "later"])


@settings(deadline=None)
@for_all(st.sampled_from(PATHS), st.lists(STEPS | DECISIONS, max_size=12))
def test_a_decided_suspension_is_lifted_by_a_decision_alone_and_a_revocation_by_nothing(
    pathway: Pathway, steps: list[Any]
) -> None:
    story, revoked, decided = begun(pathway), False, set[UUID]()
    for number, step in enumerate(steps):
        before = story.state
        try:
            events = _taken(story, step, f"ref-{number}")
        except Problem:
            continue
        if "review" in before.causes - story.state.causes:
            assert step == "confirm"
        revoked = revoked or step == "revoke"
        decided |= before.accepted
        assert (story.state.name == "revoked") == revoked
        assert decided <= story.state.accepted
        assert not (revoked and before.name == "revoked" and events)


def _taken(story: Story, step: Any, ref: str) -> tuple[Event, ...]:
    if step == "later":
        story.later(timedelta(days=1))
        return story.reassessed()
    if step == "appeal":
        return story.appealed(ref)
    if isinstance(step, str):
        return story.reviewed(step, ref, heard_on=(story.at - DAY).date())
    return becomes(story, *step)
