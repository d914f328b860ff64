"""Deep verification: nested awards, results, copies, pasted stacks, and what is wrong with an award itself."""

from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.openid import sdjwt, status
from services.verification.domain.stack import Contents, Part, contents_of
from services.verification.tests.stacked import BOTH, LIVE, PATHWAY, StackWorld, checks_of, stack_checks, urn

GRADED = {"credential": "a", "min_result_percent": 80}
IN_PERCENT = {"assessment": {"pass_rule": {"kind": "min_percent"}}}


@pytest.fixture
def nested(stacks: StackWorld) -> StackWorld:
    """An outer pathway of the inner award and b; the inner one of a."""
    stacks.pathway("inner", {"credential": "a"}, **LIVE)
    stacks.pathway(PATHWAY, {"all_of": [{"pathway": "inner"}, {"credential": "b"}]}, **LIVE)
    return stacks


async def pasted(world: StackWorld, *credentials: str) -> tuple[str, dict[str, tuple[bool | None, str | None]]]:
    """Return the outcome for pasted credentials, and what became of the two checks of their only award."""
    verdict = await world.judge.pasted_together(credentials)
    return verdict.outcome, {code: (check.ok, check.reason) for code, check in stack_checks(verdict).items()}


async def test_a_nested_award_counts_by_its_own_status(nested: StackWorld) -> None:
    a, b = nested.merit("a"), nested.merit("b")
    inner = nested.award(a, of="inner")
    outer = nested.award(inner, b)
    verdict = await nested.deep(outer, inner, b)
    assert verdict["outcome"] == "verified"
    assert sorted(checks_of(verdict, "stack_rule"), key=str) == [(None, "constituents_not_shown"), (True, None)]
    nested.set_status(inner, status.SUSPENDED)
    nested.clock.advance(seconds=61)
    assert (await nested.deep(outer, inner, b))["outcome"] == "refused"
    assert nested.refusal == "rule_not_satisfied"


async def test_what_a_nested_award_rests_on_can_be_shown_with_it(nested: StackWorld) -> None:
    a, b = nested.merit("a"), nested.merit("b")
    inner = nested.award(a, of="inner")
    outer = nested.award(inner, b)
    verdict = await nested.judge.pasted_together([outer, a, b, inner])
    assert verdict.outcome == "verified"
    assert [(stack.definition, stack.evaluation.outcome) for stack in verdict.stacks] == [
        (urn(PATHWAY), "satisfied"),
        (urn("inner"), "satisfied"),
    ]


async def test_a_lapse_of_what_a_nested_award_rests_on_reaches_the_outer_one(nested: StackWorld) -> None:
    a, b = nested.merit("a"), nested.merit("b")
    inner = nested.award(a, of="inner")
    nested.set_status(a, status.SUSPENDED)
    verdict = await nested.judge.pasted_together([nested.award(inner, b), inner, a, b])
    assert [stack.evaluation.outcome for stack in verdict.stacks] == ["not_satisfied", "not_satisfied"]
    rules = [(check.ok, check.weight) for check in verdict.checks if check.code == "stack_rule"]
    assert rules == [(False, "optional"), (False, "told")]
    assert verdict.outcome == "refused"


async def test_a_lapse_below_a_nested_award_does_not_reach_an_outer_snapshot(nested: StackWorld) -> None:
    nested.pathway(PATHWAY, {"pathway": "inner"})
    a = nested.merit("a")
    inner = nested.award(a, of="inner")
    nested.set_status(a, status.SUSPENDED)
    verdict = await nested.judge.pasted_together([nested.award(inner), inner, a])
    assert [stack.evaluation.outcome for stack in verdict.stacks] == ["satisfied", "not_satisfied"]
    assert verdict.outcome == "verified"


@pytest.mark.parametrize(
    ("claims", "rule"),
    [
        ({"assessment_grade": "92 %"}, (True, None)),
        ({"assessment_grade": "80 %"}, (True, None)),
        ({"assessment_grade": "79.5 %"}, (False, "rule_not_satisfied")),
        ({"assessment_grade": "godkänd"}, (False, "rule_not_satisfied")),
    ],
)
async def test_a_result_is_read_from_the_credential(
    stacks: StackWorld, claims: dict[str, Any], rule: tuple[bool | None, str | None]
) -> None:
    stacks.define("a", **IN_PERCENT)
    stacks.pathway(PATHWAY, GRADED)
    a = stacks.merit("a", **claims)
    assert (await pasted(stacks, stacks.award(a), a))[1]["stack_rule"] == rule


async def test_a_result_that_is_not_shown_is_not_known(stacks: StackWorld) -> None:
    stacks.define("a", **IN_PERCENT)
    stacks.pathway(PATHWAY, GRADED)
    a = stacks.merit("a")
    outcome, checks = await pasted(stacks, stacks.award(a), sdjwt.present(a, []))
    assert (outcome, checks["stack_rule"]) == ("verified", (None, "rule_indeterminate"))


async def test_two_copies_of_one_credential_are_one_credential(stacks: StackWorld) -> None:
    stacks.pathway(PATHWAY, {"n_of": {"min": 2, "of": [{"credential": "a"}, {"credential": "a"}]}})
    first, second = stacks.merit("a"), stacks.merit("a")
    part = {"definition": urn("a"), "digests": [sdjwt.digest_of_copy(one) for one in (first, second)]}
    award = stacks.merit(PATHWAY, has_part=[part])
    assert (await pasted(stacks, award, first, second))[1]["stack_rule"] == (False, "rule_not_satisfied")
    apart = stacks.award(first, second)
    assert (await pasted(stacks, apart, first, second))[1]["stack_rule"] == (True, None)


async def test_of_two_copies_the_worse_standing_counts(stacks: StackWorld) -> None:
    stacks.pathway(PATHWAY, {"credential": "a"}, **LIVE)
    copies = [stacks.merit("a"), stacks.merit("a")]
    stacks.set_status(copies[1], status.SUSPENDED)
    part = {"definition": urn("a"), "digests": [sdjwt.digest_of_copy(one) for one in copies]}
    award = stacks.merit(PATHWAY, has_part=[part])
    assert (await pasted(stacks, award, *copies))[1]["stack_rule"] == (False, "rule_not_satisfied")


async def test_a_part_named_under_another_definition_is_none(stacks: StackWorld) -> None:
    a = stacks.merit("a")
    part = {"definition": urn("b"), "digests": [sdjwt.digest_of_copy(a)]}
    award = stacks.merit(PATHWAY, has_part=[part])
    assert (await pasted(stacks, award, a))[1]["constituents"] == (False, "digest_mismatch")


async def test_something_else_beside_an_award_is_not_taken_for_a_part(stacks: StackWorld) -> None:
    stacks.define("c")
    a, b = stacks.merit("a"), stacks.merit("b")
    award, other = stacks.award(a, b), stacks.merit("c")
    outcome, checks = await pasted(stacks, award, other)
    assert (outcome, checks["constituents"]) == ("verified", (None, "constituents_not_shown"))
    stacks.set_status(other, status.INVALID)
    stacks.clock.advance(seconds=61)
    assert (await pasted(stacks, award, other))[0] == "refused"


async def test_merits_without_an_award_are_judged_one_by_one(stacks: StackWorld) -> None:
    assert await pasted(stacks, stacks.merit("a"), stacks.merit("b")) == ("verified", {})


async def test_an_award_that_does_not_hold_itself_is_refused_whatever_its_rule_says(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    award = stacks.award(a, b)
    stacks.set_status(award, status.SUSPENDED)
    outcome, checks = await pasted(stacks, award, a, b)
    assert (outcome, checks["stack_rule"]) == ("refused", (True, None))


async def test_a_forged_award_is_refused_and_its_stack_not_judged(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b")
    award = stacks.award(a, b)
    jwt, rest = award.split("~", 1)
    outcome, checks = await pasted(stacks, f"{jwt[:-8]}AAAAAAAA~{rest}", a, b)
    assert (outcome, checks) == ("refused", {})


async def test_a_rule_that_cannot_be_read_decides_nothing(stacks: StackWorld) -> None:
    stacks.pathway(PATHWAY, {"none_of": []})
    a = stacks.merit("a")
    outcome, checks = await pasted(stacks, stacks.award(a), a)
    assert (outcome, checks["stack_rule"]) == ("verified", (None, "pathway_unreadable"))


async def test_an_order_is_judged_by_the_days_of_award(stacks: StackWorld) -> None:
    stacks.pathway(PATHWAY, BOTH, order=[["a", "b"]])
    a, b = stacks.merit("a", date_awarded="2026-11-02"), stacks.merit("b", date_awarded="2026-11-09")
    assert (await pasted(stacks, stacks.award(a, b), a, b))[1]["stack_rule"] == (True, None)
    late = stacks.merit("a", date_awarded="2026-11-10")
    assert (await pasted(stacks, stacks.award(late, b), late, b))[1]["stack_rule"] == (False, "rule_not_satisfied")


@pytest.mark.parametrize(
    "claims",
    [{}, {"has_part": "text"}, {"has_part": [1]}, {"has_part": [{"definition": 1, "digests": []}]}],
)
def test_what_is_no_constituent_is_none(claims: dict[str, Any]) -> None:
    assert contents_of(claims) == Contents((), False)


async def test_a_copy_whose_technical_life_is_over_says_nothing_of_its_merit(stacks: StackWorld) -> None:
    a, b = stacks.merit("a"), stacks.merit("b", exp=int(stacks.clock().timestamp()) - 3600, date_of_expiry="soon")
    outcome, checks = await pasted(stacks, stacks.award(a, b), a, b)
    assert (outcome, checks["stack_rule"]) == ("verified", (None, "rule_indeterminate"))


def test_a_part_is_named_by_all_its_copies_in_any_order() -> None:
    assert Part("urn:a", frozenset({"x", "y"})).credential_id == Part("urn:b", frozenset({"y", "x"})).credential_id
    assert Part("urn:a", frozenset({"x"})).credential_id != Part("urn:a", frozenset({"y"})).credential_id
