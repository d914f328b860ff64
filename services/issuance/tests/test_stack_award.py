"""Making an award: by itself once, by decision on a proposal, by command; and its end by its issuer."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import credential_id_of
from kompetenspass.events.stacking import (
    CredentialStacked,
    EvaluationRecorded,
    Missing,
    StackAwardDeclined,
    StackAwardProposed,
    StackRevoked,
)
from kompetenspass.pathway.held import Bound
from kompetenspass.pathway.proof import MissingPart
from kompetenspass.testing.clock import NOON
from services.issuance.domain.stack import INITIAL, bound, stack_id_of, stream_of
from services.issuance.domain.stack_award import award_by_command, decide_award, decline, revoked_by_issuer
from services.issuance.tests.stacking import (
    DAY,
    STACK,
    Story,
    all_of,
    held,
    id_of,
    leaf,
    names,
    nested,
    path,
    pathway_leaf,
)

RULE = all_of(leaf("a"), leaf("b"))


def automatic(*held_names: str) -> Story:
    return Story(path(RULE), *held_names)


def by_decision(*held_names: str) -> Story:
    return Story(path(RULE, mode="decision"), *held_names)


def decided(story: Story, ref: str = "d-1") -> list[str]:
    return names(story.follows(decide_award(story.state, story.assessed(made=False), ref)))


def refused(story: Story, ref: str = "d-1") -> Problem:
    with pytest.raises(Problem) as refusal:
        decided(story, ref)
    return refusal.value


def commanded(story: Story, *, stands: bool = False, ref: str = "d-1") -> list[str]:
    assessed = story.assessed(made=False)
    return names(story.follows(award_by_command(story.state, assessed, ref, stands=stands)))


def test_the_id_of_an_award_follows_from_whose_it_is_of_which_version_and_which_one() -> None:
    ids = {
        stack_id_of(*of)
        for of in [("x", "p", 1, 1), ("y", "p", 1, 1), ("x", "q", 1, 1), ("x", "p", 2, 1), ("x", "p", 1, 2)]
    }
    assert len(ids) == 5
    assert stack_id_of("x", "p", 1, 1) == UUID("03c0dcb1-4045-57f7-9d8a-ee08ce9de03e")
    assert stream_of(STACK) == f"stack-{STACK}"


def test_an_automatic_award_is_made_with_the_evaluation_that_led_to_it() -> None:
    story = automatic("a", "b")
    evaluated, stacked = story.tried()
    assert isinstance(evaluated, EvaluationRecorded)
    assert isinstance(stacked, CredentialStacked)
    assert (evaluated.outcome, evaluated.used, evaluated.evaluated_at) == ("satisfied", (id_of("a"), id_of("b")), NOON)
    assert evaluated.proof_digest == stacked.proof_digest
    assert (stacked.stack_id, stacked.credential_id) == (STACK, credential_id_of(STACK))
    assert (stacked.mode, stacked.decision_ref, stacked.ordinal) == ("automatic", None, 1)
    assert [one.credential_id for one in stacked.constituents] == [id_of("a"), id_of("b")]
    assert stacked.awarded_on == date(2026, 11, 21)
    assert story.tried() == ()


def test_the_award_has_the_lowest_recognition_level_of_what_it_rests_on() -> None:
    story = Story(path(all_of(leaf("a"), pathway_leaf("n"))), "a")
    story.gets(nested("n", recognition_level="R3"))
    stacked = story.tried()[-1]
    assert isinstance(stacked, CredentialStacked)
    assert stacked.recognition_level == "R3"
    assert [one.kind for one in stacked.constituents] == ["definition", "pathway"]


def test_nothing_is_awarded_while_the_rule_is_not_satisfied() -> None:
    assert automatic("a").tried() == ()


def test_nothing_is_awarded_while_it_is_not_certain() -> None:
    story = automatic("a")
    story.gets(held("b", standing="unknown"))
    assert story.tried() == ()


def test_nothing_is_awarded_by_itself_to_who_has_another_award_of_the_pathway() -> None:
    assert automatic("a", "b").tried(others=True) == ()


def test_a_pathway_with_decision_stops_at_the_proposal() -> None:
    story = by_decision("a", "b")
    _, proposed = story.tried()
    assert isinstance(proposed, StackAwardProposed)
    assert (story.state.name, bound(story.state)) == ("proposed", None)
    assert story.reassessed() == ()
    assert story.tried() == ()


def test_the_decision_awards_what_the_learner_holds_when_it_is_made() -> None:
    story = by_decision("a", "b")
    story.tried()
    story.gets(held("a", standing="revoked"), held("a/other", awarded_at=NOON))
    story.later(DAY)
    assert decided(story) == ["CredentialStacked"]
    assert story.state.stacked is not None
    assert (story.state.stacked.mode, story.state.stacked.decision_ref) == ("decision", "d-1")
    assert bound(story.state) == Bound(NOON + DAY, frozenset({id_of("a/other"), id_of("b")}))


def test_the_decision_is_refused_when_the_rule_holds_no_more() -> None:
    story = by_decision("a", "b")
    story.tried()
    story.gets(held("a", standing="revoked"))
    refusal = refused(story)
    assert refusal.code == "rule_not_satisfied"
    assert refusal.members == {
        "outcome": "not_satisfied",
        "missing": [{"kind": "definition", "id": "a"}],
        "missing_exact": True,
        "unknown": [],
    }
    assert refusal.remedy


def test_the_decision_is_refused_while_something_is_unknown() -> None:
    story = by_decision("a", "b")
    story.tried()
    story.gets(held("a", standing="unknown"))
    members = refused(story).members
    assert (members["outcome"], members["unknown"]) == ("indeterminate", [str(id_of("a"))])


def test_the_same_decision_again_changes_nothing_and_another_one_is_refused() -> None:
    story = by_decision("a", "b").awarded("d-1")
    assert decided(story, "d-1") == []
    assert refused(story, "d-2").code == "already_decided"
    with pytest.raises(Problem, match="already_decided"):
        decline(story.state, "d-2", "not_ready")


def test_there_is_nothing_to_decide_before_a_proposal() -> None:
    assert refused(by_decision("a")).code == "not_found"
    with pytest.raises(Problem, match="not_found"):
        decline(INITIAL, "d-1", "not_ready")


def test_a_declined_proposal_is_not_proposed_again_but_can_be_awarded_by_command() -> None:
    story = by_decision("a", "b")
    story.tried()
    (declined,) = story.follows(decline(story.state, "d-1", "not_ready"))
    assert declined == StackAwardDeclined(stack_id=STACK, decision_ref="d-1", reason_code="not_ready")
    assert story.state.name == "declined"
    assert decline(story.state, "d-1", "not_ready") == ()
    assert story.tried() == ()
    assert refused(story, "d-2").code == "already_decided"
    assert commanded(story, ref="d-2") == ["CredentialStacked"]


def test_the_command_awards_once_and_never_beside_an_award_that_stands() -> None:
    story = automatic("a", "b")
    with pytest.raises(Problem, match="award_stands"):
        commanded(story, stands=True)
    assert commanded(story) == ["CredentialStacked"]
    assert commanded(story) == []
    with pytest.raises(Problem, match="award_stands"):
        commanded(story, ref="d-2")


def test_the_command_is_refused_while_the_rule_is_not_satisfied() -> None:
    story = automatic("a")
    assert story.assessed().evaluation.missing == (MissingPart("definition", "b"),)
    with pytest.raises(Problem, match="rule_not_satisfied"):
        commanded(story)


def test_the_issuers_revocation_of_the_credential_ends_the_award_for_good() -> None:
    story = automatic("a", "b").awarded()
    (revoked,) = story.follows(revoked_by_issuer(story.state, "fraud", True))
    assert isinstance(revoked, StackRevoked)
    assert (revoked.issuer_org, revoked.reason_code, revoked.void_ab_initio) == ("org:a", "fraud", True)
    assert story.state.name == "revoked"
    assert revoked_by_issuer(story.state, "fraud", True) == ()
    with pytest.raises(Problem, match="award_revoked"):
        commanded(story, ref="d-2")


def test_what_was_never_awarded_is_not_revoked() -> None:
    assert revoked_by_issuer(INITIAL, "fraud", True) == ()


def test_the_evaluation_says_what_lacks() -> None:
    story = automatic("a", "b").awarded()
    story.pathway = path(RULE, on_lapse="suspend")
    evaluated = story.becomes("a", standing="revoked", void_ab_initio=True)[1]
    assert isinstance(evaluated, EvaluationRecorded)
    assert (evaluated.outcome, evaluated.missing) == ("not_satisfied", (Missing(kind="definition", id="a"),))
