from __future__ import annotations

from typing import Any

import pytest

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held, LearningOutcome
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.testing.holdings import NOW, days, merit, named, pathway

SKILL, KNOWLEDGE = LearningOutcome("skill", frozenset(("esco:s",))), LearningOutcome("knowledge")


def on(rule: dict[str, Any], *held: Held, bound: Bound | None = None, **constraints: Any) -> Evaluation:
    return evaluate(pathway(rule, **constraints), held, (), NOW, bound=bound)


def credit(least: float, *sources: Any, unit: str = "hours", **more: Any) -> dict[str, Any]:
    return {"credits": {"unit": unit, "min": least, "from": list(sources)} | more}


def level(*sources: Any, **more: Any) -> dict[str, Any]:
    return {"level": {"framework": "seqf", "at_least": 5, "from": list(sources)} | more}


def test_credits_add_up_and_are_told() -> None:
    held = [merit("a", hours=20, ects=1), merit("b", hours=15, ects=0.5), merit("c", hours=90)]
    found = on(credit(35, "a", "b"), *held)
    assert (found.outcome, found.proof.have, found.proof.need) == ("satisfied", 35, 35)
    assert on(credit(36, "a", "b"), *held).outcome == "not_satisfied"
    assert on(credit(1.5, "a", "b", unit="ects"), *held).outcome == "satisfied"


def test_no_item_gives_more_than_its_share() -> None:
    held = [merit("a", hours=20), merit("b", hours=5)]
    assert on(credit(15, "a", "b", max_per_item=10), *held).proof.have == 15


def test_the_same_definition_counts_once_with_the_higher_result() -> None:
    low, high = merit("a", "low", hours=10, result_percent=60), merit("a", "high", hours=10, result_percent=90)
    found = on(credit(10, "a"), low, high)
    assert (found.proof.have, [use.credential_id for use in found.used]) == (10, [named("high")])
    assert on(credit(11, "a"), low, high).outcome == "not_satisfied"


def test_a_better_result_that_gives_less_takes_nothing_away() -> None:
    held = [merit("a", "more", hours=10, result_percent=60), merit("a", "less", hours=8, result_percent=90)]
    assert on(credit(10, "a"), *held).outcome == "satisfied"


def test_measures_count_only_what_is_usable_and_tell_what_is_unknown() -> None:
    held = merit("a", hours=20)
    for changes in ({"standing": "expired"}, {"standing": "revoked"}, {"recognition_level": "R2"}):
        worse = merit("a", hours=20, **changes)
        assert on(credit(20, "a"), worse, min_recognition="R3").outcome == "not_satisfied"
    assert on(credit(20, "a"), held, min_recognition="R3").outcome == "satisfied"
    doubtful = on(credit(20, "a", "b"), merit("a", hours=20, standing="unknown"), merit("b", hours=5))
    assert (doubtful.outcome, doubtful.unknown, doubtful.proof.have) == ("indeterminate", (named("a"),), 5)


def test_measures_consume_nothing() -> None:
    rule = {"all_of": [{"credential": "a"}, credit(20, "a"), level("a", min_count=1)]}
    found = on(rule, merit("a", hours=20, seqf=5))
    assert (found.outcome, len(found.used)) == ("satisfied", 1)


def test_an_award_rests_on_what_its_measures_counted_and_no_more() -> None:
    rule = {"all_of": [{"credential": "a"}, credit(20, "a", "b", "c")]}
    held = [merit("a", hours=10), merit("b", hours=15, awarded_at=days(-30)), merit("c", hours=15)]
    assert [(use.place, use.id) for use in on(rule, *held).used] == [
        (("rule", "all_of", 0), "a"),
        (("rule", "all_of", 1), "b"),
    ]
    bound = Bound(days(-1), frozenset((named("a"), named("c"))))
    lapsed = [held[0], merit("c", hours=15, standing="expired", valid_to=days(-1))]
    assert on(rule, *lapsed, bound=bound).outcome == "satisfied"
    assert on(rule, *lapsed).outcome == "not_satisfied"
    assert on(rule, *lapsed, bound=bound, default_validity="live").outcome == "not_satisfied"


@pytest.mark.parametrize(
    ("selector", "changes"),
    [
        ({"field": "0723"}, {"fields": frozenset(("0723",))}),
        ({"sector": "energy"}, {"sector": "energy"}),
        ({"esco": "esco:s"}, {"esco": frozenset(("esco:s",))}),
        ({"reuse": "transversal"}, {"reuse": "transversal"}),
        ({"issuer_role": "provider"}, {"issuer_roles": frozenset(("provider",))}),
    ],
)
def test_a_selector_takes_what_fits_in_every_member(selector: dict[str, str], changes: dict[str, Any]) -> None:
    assert on(credit(10, selector), merit("a", hours=10, **changes)).outcome == "satisfied"
    assert on(credit(10, selector), merit("a", hours=10)).outcome == "not_satisfied"
    never = {"sector": "other"} if "sector" not in selector else {"field": "9999"}
    assert on(credit(10, selector | never), merit("a", hours=10, **changes)).outcome == "not_satisfied"


def test_a_level_is_reached_by_count_or_by_share_of_what_is_listed() -> None:
    held = [merit("a", seqf=5), merit("b", seqf=6, eqf=4), merit("c", seqf=4), merit("d")]
    assert on(level(*"abcd", min_count=2), *held).outcome == "satisfied"
    assert on(level(*"abcd", min_count=3), *held).outcome == "not_satisfied"
    assert on(level(*"abcd", min_share=0.5), *held).outcome == "satisfied"
    found = on(level(*"abcde", min_share=0.5), *held)
    assert (found.outcome, found.proof.have, found.proof.need) == ("not_satisfied", 2, 3)
    assert on(level("b", min_count=1, framework="eqf"), *held).outcome == "not_satisfied"


def test_a_credential_below_the_level_takes_nothing_from_a_share() -> None:
    assert on(level("a", "b", min_share=0.5), merit("a", seqf=5)).outcome == "satisfied"
    assert on(level("a", "b", min_share=0.5), merit("a", seqf=5), merit("b", seqf=1)).outcome == "satisfied"


def test_outcomes_are_those_of_bound_credentials() -> None:
    rule = {"all_of": [{"credential": "a"}, {"outcomes": {"category": "skill", "min_count": 2}}]}
    found = on(rule, merit("a", outcomes=(SKILL, KNOWLEDGE, SKILL)))
    assert (found.outcome, found.proof.children[1].have) == ("satisfied", 2)
    unbound = on(rule, merit("a", outcomes=(SKILL, KNOWLEDGE)), merit("b", outcomes=(SKILL,)))
    assert (unbound.outcome, unbound.proof.children[1].have) == ("not_satisfied", 1)
    assert [(part.kind, part.id) for part in unbound.missing] == [("outcomes", "rule.all_of[1]")]


def test_outcomes_may_be_asked_for_by_skill_which_may_be_the_definitions() -> None:
    rule = {"all_of": [{"credential": "a"}, {"outcomes": {"esco": ["esco:s", "esco:t"], "min_count": 1}}]}
    assert on(rule, merit("a", outcomes=(SKILL,))).outcome == "satisfied"
    assert on(rule, merit("a", outcomes=(KNOWLEDGE,))).outcome == "not_satisfied"
    assert on(rule, merit("a", outcomes=(KNOWLEDGE,), esco=frozenset(("esco:t",)))).outcome == "satisfied"


def test_outcomes_hold_if_some_binding_reaches_them() -> None:
    rule = {"all_of": [{"any_of": [{"credential": "a"}, {"credential": "b"}]}, {"outcomes": {"min_count": 3}}]}
    few, many = merit("a", awarded_at=days(-20), outcomes=(SKILL,)), merit("b", outcomes=(SKILL, SKILL))
    found = on(rule, few, many)
    assert (found.outcome, [use.id for use in found.used]) == ("satisfied", ["a", "b"])
    assert on(rule, few).outcome == "not_satisfied"


def test_outcomes_hold_if_some_choice_of_credentials_reaches_them() -> None:
    rule = {"all_of": [{"credential": "a"}, {"outcomes": {"min_count": 2}}]}
    held = [merit("a", "few", awarded_at=days(-20), outcomes=(SKILL,)), merit("a", "many", outcomes=(SKILL, SKILL))]
    assert [use.credential_id for use in on(rule, *held).used] == [named("many")]


def test_a_branch_that_fails_binds_nothing() -> None:
    rule = {
        "all_of": [
            {"any_of": [{"credential": "a"}, {"all_of": [{"credential": "b"}, {"credential": "c"}]}]},
            {"outcomes": {"min_count": 2}},
        ]
    }
    held = [merit("a", outcomes=(SKILL,)), merit("b", outcomes=(SKILL,)), merit("c", outcomes=())]
    assert on(rule, *held[:2]).outcome == "not_satisfied"
    assert on(rule, *held).outcome == "satisfied"


def test_enough_issuers_are_found_if_some_choice_has_them() -> None:
    rule = {"all_of": [{"credential": "a"}, {"credential": "b"}]}
    held = [merit("a"), merit("b", "same", awarded_at=days(-20)), merit("b", "other", issuer_org="org:two")]
    found = on(rule, *held, min_issuers=2)
    assert (found.outcome, [use.credential_id for use in found.used]) == ("satisfied", [named("a"), named("other")])
    assert [(one.node, one.verdict, one.have, one.need) for one in found.proof.children[1:]] == [
        ("issuers", "true", 2, 2)
    ]
    too_few = on(rule, *held[:2], min_issuers=2)
    assert (too_few.outcome, [(part.kind, part.id) for part in too_few.missing]) == (
        "not_satisfied",
        [("issuers", "constraints.min_issuers")],
    )
    assert (too_few.proof.verdict, [one.verdict for one in too_few.proof.children]) == ("false", ["true", "false"])


def test_enough_issuers_are_found_among_thousands_of_choices() -> None:
    names = [f"d{number}" for number in range(12)]
    early = [merit(name, f"{name} early", awarded_at=days(-20)) for name in names]
    other = [merit(name, f"{name} other", issuer_org=f"org:{name}") for name in names]
    rule = {"all_of": [{"credential": name} for name in names]}
    assert on(rule, *early, *other, min_issuers=12).outcome == "satisfied"
    assert on(rule, *early, *other[1:], min_issuers=12).outcome == "satisfied"
    assert on(rule, *early, *other[2:], min_issuers=12).outcome == "not_satisfied"


def test_an_issuer_of_unknown_standing_makes_the_answer_indeterminate() -> None:
    rule = {"any_of": [{"credential": "a"}, {"credential": "b"}]}
    found = on({"all_of": [rule, {"credential": "c"}]}, merit("a"), merit("c"),
               merit("b", issuer_org="org:two", standing="unknown"), min_issuers=2)  # fmt: skip
    assert (found.outcome, found.unknown) == ("indeterminate", (named("b"),))
