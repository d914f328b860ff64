from __future__ import annotations

from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Held, LearningOutcome
from kompetenspass.pathway.measures import Worth
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import CredentialLeaf, Pathway, leaves
from kompetenspass.testing.holdings import NOW, days, merit, pathway


def on(rule: dict[str, Any], *held: Held, worth: dict[str, Worth] | None = None, **constraints: Any) -> Evaluation:
    return evaluate(pathway(rule, **constraints), held, (), NOW, worth=worth)


def parts(found: Evaluation) -> list[str]:
    return [part.id for part in found.missing]


def all_of(*names: str) -> dict[str, Any]:
    return {"all_of": [{"credential": name} for name in names]}


def any_of(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"any_of": list(rules)}


def test_the_branch_that_lacks_least_is_told_and_place_order_breaks_ties() -> None:
    rule = any_of(all_of(*"abc"), all_of(*"ade"), all_of("f"))
    assert parts(on(rule)) == ["f"]
    assert parts(on(any_of(all_of(*"abc"), all_of(*"ade")), merit("e"))) == ["a", "d"]
    assert parts(on(any_of(all_of(*"abc"), all_of(*"ade")), merit("a"))) == ["b", "c"]


def test_what_is_unknown_is_supposed_to_turn_out_well() -> None:
    found = on(all_of("a", "b"), merit("a", standing="suspended"))
    assert (parts(found), found.unknown) == (["b"], (merit("a").credential_id,))


def test_two_leaves_of_one_definition_lack_two_credentials_unless_one_may_count_twice() -> None:
    assert parts(on(all_of("a", "a", "b"), merit("b"))) == ["a", "a"]
    found = on(all_of("a", "a", "b"), merit("b"), double_counting="allow")
    assert (parts(found), found.missing_exact) == (["a"], True)


def test_counting_twice_makes_a_branch_nearer() -> None:
    rule = any_of(all_of("a", "b"), all_of(*"ccc"))
    assert parts(on(rule)) == ["a", "b"]
    assert parts(on(rule, double_counting="allow")) == ["c"]


def test_one_new_credential_does_for_two_leaves_only_if_it_fits_both() -> None:
    rule = {"all_of": [{"credential": "a", "issued_by": [org]} for org in ("org:x", "org:y")] + [{"credential": "a"}]}
    assert parts(on(rule, double_counting="allow")) == ["a", "a"]


def test_missing_credits_are_told_by_place_unless_the_catalogue_says_what_would_reach_them() -> None:
    rule = {"all_of": [{"credential": "a"}, {"credits": {"unit": "hours", "min": 30, "from": ["a", "b", "c", "d"]}}]}
    found = on(rule, merit("a", hours=5))
    assert [(part.kind, part.id) for part in found.missing] == [("credits", "rule.all_of[1]")]
    worth = {name: Worth(hours=hours) for name, hours in zip("abcd", (5, 8, 20, 9), strict=True)}
    assert sorted(parts(on(rule, merit("a", hours=5), worth=worth))) == ["c", "d"]
    assert parts(on(rule, worth=worth)) == parts(on(rule, worth=worth, double_counting="allow"))
    assert len(parts(on(rule, worth=worth))) == 3


def test_a_missing_leaf_that_also_reaches_a_measure_is_told_once() -> None:
    level = {"level": {"framework": "seqf", "at_least": 5, "min_count": 2, "from": ["a", "b", "c"]}}
    found = on({"all_of": [*all_of("a", "b")["all_of"], level]})
    assert (parts(found), found.missing_exact) == (["a", "b"], True)
    assert parts(on({"all_of": [*all_of("a")["all_of"], level]}, merit("b", seqf=2))) == ["a", "c"]
    by_selector = {"level": level["level"] | {"from": [{"sector": "energy"}]}}
    assert parts(on(by_selector)) == ["rule"]


def test_what_must_come_first_is_missing_too() -> None:
    rule = any_of(all_of("b"), all_of("a", "c", "d", "e"))
    assert parts(on(rule, order=[["a", "b"]])) == ["b", "a"]
    assert parts(on(rule, merit("a"), order=[["a", "b"]])) == ["b"]


def test_a_set_that_serves_in_several_places_is_found_exactly_up_to_twelve_and_greedily_beyond() -> None:
    def rule(others: int) -> dict[str, Any]:
        several = [{"credential": f"o{number}"} for number in range(others)]
        return any_of(all_of(*"uvwxy"), all_of(*"zzzzzz"), {"all_of": several})

    exact, greedy = on(rule(6), double_counting="allow"), on(rule(20), double_counting="allow")
    assert (parts(exact), exact.missing_exact) == (["z"], True)
    assert (parts(greedy), greedy.missing_exact) == ([*"uvwxy"], False)


def outcome_rule(others: int) -> dict[str, Any]:
    """Two ways: with `b`, which lacks learning outcomes as well; or with `c` and `d`, where none are counted."""
    first = {"all_of": [{"credential": "b"}, *({"outcomes": {"min_count": least}} for least in (6, 7, 8, 9))]}
    several = [{"credential": "a"}, *({"credential": f"o{number}"} for number in range(others))]
    return {"all_of": [any_of(first, all_of("c", "d")), {"any_of": several}]}


def test_counted_outcomes_are_weighed_exactly_up_to_twelve_parts_and_greedily_beyond() -> None:
    held = merit("a", outcomes=(LearningOutcome("skill"),))
    exact, greedy = on(outcome_rule(5), held), on(outcome_rule(100), held)
    assert (parts(exact), exact.missing_exact) == (["c", "d"], True)
    assert (parts(greedy), greedy.missing_exact) == (["b", "c", "d"], False)


def test_what_is_large_but_adds_up_is_still_exact() -> None:
    found = on(all_of(*(f"d{n}" for n in range(100))))
    assert (len(found.missing), found.missing_exact) == (100, True)


CONDITIONS: list[dict[str, Any]] = [{}, {"min_result_percent": 50}, {"issued_by": ["org:x"]}, {"validity": "live"}]
leaf = st.tuples(st.sampled_from("abc"), st.sampled_from(CONDITIONS)).map(
    lambda pair: {"credential": pair[0]} | pair[1]
)


def gates(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(children, min_size=1, max_size=3)
    counted = several.flatmap(lambda of: st.integers(1, len(of)).map(lambda least: {"n_of": {"min": least, "of": of}}))
    return several.map(lambda of: {"all_of": of}) | several.map(lambda of: {"any_of": of}) | counted


rules = st.recursive(leaf, gates, max_leaves=6)
holdings = st.lists(
    st.builds(
        lambda definition, percent, org, expired: (definition, percent, org, expired),
        st.sampled_from("abc"), st.sampled_from([40, 60]), st.sampled_from(["org:x", "org:y"]), st.booleans(),
    ),
    max_size=4,
)  # fmt: skip


def fresh(path: Pathway, number: int) -> Held:
    """A new credential that is made for the numbered leaf."""
    made_for = leaves(path.rule)[number]
    assert isinstance(made_for, CredentialLeaf)
    org = (*made_for.issued_by, "org:new")[0]
    return merit(made_for.definition_id, f"new {number}", result_percent=100, issuer_org=org, awarded_at=NOW)


@given(rules, holdings, st.sampled_from(["forbid", "allow"]))
def test_no_smaller_set_of_new_credentials_satisfies_the_rule(
    rule: dict[str, Any], some: list[tuple[str, int, str, bool]], counting: str
) -> None:
    path = pathway(rule, double_counting=counting)
    held = [
        merit(name, str(n), awarded_at=days(-n), result_percent=percent, issuer_org=org,
              standing="expired" if expired else "valid")
        for n, (name, percent, org, expired) in enumerate(some)
    ]  # fmt: skip
    found = evaluate(path, held, (), NOW)
    new = [fresh(path, number) for number in range(len(leaves(path.rule)))]
    enough = [
        several
        for size in range(len(found.missing) + 1)
        for several in combinations(new, size)
        if evaluate(path, [*held, *several], (), NOW).outcome == "satisfied"
    ]
    assert found.missing_exact
    assert enough, "the missing set is large enough"
    assert min(len(several) for several in enough) == len(found.missing)
    wanted = sorted(part.id for part in found.missing)
    assert any(sorted(one.definition_id for one in several) == wanted for several in enough)
