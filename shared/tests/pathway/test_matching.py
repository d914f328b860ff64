from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.matching import alternatives, cover
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import MAX_ALTERNATIVES
from kompetenspass.pathway.usable import Edge
from kompetenspass.testing.holdings import NOW, days, merit, named, pathway


def edge(name: str, age: int = 0) -> Edge:
    held = merit("a", name, awarded_at=days(-age))
    return Edge(held, "true", None, None, (False, True, held.awarded_at, held.credential_id))


def fits(*several: Sequence[int]) -> dict[int, tuple[Edge, ...]]:
    """For each leaf the numbers of the credentials that fit it; a higher number was awarded earlier."""
    found = {
        leaf: tuple(edge(str(one), one) for one in sorted(ones, reverse=True)) for leaf, ones in enumerate(several)
    }
    return {leaf: edges for leaf, edges in found.items() if edges}


def on(rule: dict[str, Any], *held: Any) -> Evaluation:
    return evaluate(pathway(rule), held, (), NOW)


def test_matching_beats_greedy() -> None:
    strict, loose = {"credential": "a", "min_result_percent": 80}, {"credential": "a"}
    earlier_and_better = merit("a", "good", awarded_at=days(-20), result_percent=95)
    found = on({"all_of": [loose, strict]}, earlier_and_better, merit("a", "poor", result_percent=50))
    assert found.outcome == "satisfied"  # the loose leaf, taken first, would have taken the earlier credential
    assert [use.credential_id for use in found.used] == [named("poor"), named("good")]


def test_a_longer_exchange_is_found() -> None:
    leaves = [{"credential": "a", "issued_by": orgs} for orgs in (["1", "2"], ["2", "3"], ["3", "4"], ["1"])]
    held = [merit("a", org, issuer_org=org, awarded_at=days(-int(org))) for org in "4321"]
    found = on({"all_of": leaves}, *held)
    assert (found.outcome, [use.credential_id for use in found.used]) == ("satisfied", [named(org) for org in "2341"])


def test_which_leaf_gets_a_contested_credential_is_chosen_so_that_the_rule_holds() -> None:
    first = {"all_of": [{"credential": "a"}, {"credential": "b"}]}
    second = {"all_of": [{"credential": "a"}, {"credential": "c"}]}
    found = on({"any_of": [first, second]}, merit("a"), merit("c"))
    assert (found.outcome, [use.id for use in found.used]) == ("satisfied", ["a", "c"])
    assert found.proof.children[0].children[0].reason == "taken"


def test_the_earliest_awarded_credential_is_taken_then_the_lowest_id() -> None:
    held = [merit("a", name, awarded_at=days(-age)) for name, age in (("x", 3), ("y", 5), ("z", 5))]
    assert on({"credential": "a"}, *held).used[0].credential_id == min(named("y"), named("z"))
    assert {use.credential_id for use in on({"all_of": [{"credential": "a"}] * 2}, *held).used} == {
        named("y"),
        named("z"),
    }


def test_without_contest_there_is_one_alternative() -> None:
    assert list(alternatives([[0], [1, 2]], fits([1], [2, 3], [2]), {})) == [frozenset((0, 1, 2))]
    assert list(alternatives([[0], [1]], {}, {})) == [frozenset()]


def test_of_leaves_that_are_alike_the_first_are_enough() -> None:
    alike = {leaf: leaf < 3 for leaf in range(5)}
    found = list(alternatives([list(range(5))], fits(*([[1, 2]] * 5)), alike))
    assert sorted(map(sorted, found)) == [[0, 1], [0, 3], [3, 4]]


def test_alternatives_are_bounded() -> None:
    shared = fits(*([[1, 2, 3, 4]] * 20))
    assert sum(1 for _ in alternatives([list(range(20))], shared, {})) == MAX_ALTERNATIVES


@given(st.lists(st.lists(st.integers(0, 4), max_size=4, unique=True), min_size=1, max_size=5))
def test_alternatives_are_all_the_largest_sets_that_can_be_covered(several: list[list[int]]) -> None:
    def coverable(leaves: tuple[int, ...]) -> bool:
        orders = permutations(range(5), len(leaves))
        return any(all(one in several[leaf] for leaf, one in zip(leaves, order, strict=True)) for order in orders)

    leaves = range(len(several))
    sets = [frozenset(some) for size in leaves for some in combinations(leaves, size + 1) if coverable(some)]
    largest = max((len(some) for some in sets), default=0)
    found = list(alternatives([list(leaves)], fits(*several), {}))
    assert sorted(map(sorted, found)) == sorted(sorted(some) for some in sets or [frozenset()] if len(some) == largest)


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True), min_size=1, max_size=5))
def test_a_cover_is_of_distinct_fitting_credentials_the_earliest_that_can_be(several: list[list[int]]) -> None:
    found = cover(list(range(len(several))), fits(*several))
    age = {leaf: (NOW - edge.held.awarded_at).days for leaf, edge in found.items()}
    assert len(set(age.values())) == len(age)
    assert all(age[leaf] in several[leaf] for leaf in age)
    best: list[int] = []
    for one in range(4, -1, -1):  # credentials that can be matched together are a matroid: taking the earliest is best
        if any(
            all(one in several[leaf] for one, leaf in zip([*best, one], leaves, strict=True))
            for leaves in permutations(range(len(several)), len(best) + 1)
        ):
            best.append(one)
    assert sorted(age.values(), reverse=True) == best
