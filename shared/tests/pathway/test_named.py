from __future__ import annotations

from typing import Any

from kompetenspass.pathway.named import Named, named
from kompetenspass.pathway.parse import parse


def named_of(rule: dict[str, Any]) -> Named:
    constraints = {"double_counting": "allow", "default_validity": "live"}
    award = {"mode": "automatic", "on_satisfied": "award"}
    return named(parse({"id": "p", "version": 1, "rule": rule, "constraints": constraints, "award": award}).rule)


def test_leaves_and_the_sources_of_measures_are_named() -> None:
    credits_ = {"credits": {"unit": "hours", "min": 1, "from": ["b", "c"]}}
    level = {"level": {"framework": "eqf", "at_least": 1, "min_count": 1, "from": ["d"]}}
    rule = {"all_of": [{"credential": "a"}, {"any_of": [{"pathway": "p"}, {"credential": "b"}]}, credits_, level]}
    assert named_of(rule) == Named(frozenset("abcd"), frozenset("p"), selectors=False)


def test_a_selector_is_told_since_it_may_concern_any_definition() -> None:
    rule = {"credits": {"unit": "hours", "min": 1, "from": ["a", {"sector": "energy"}]}}
    assert named_of(rule) == Named(frozenset("a"), frozenset(), selectors=True)


def test_outcomes_name_nothing() -> None:
    assert named_of({"all_of": [{"credential": "a"}, {"outcomes": {"min_count": 1}}]}) == Named(
        frozenset("a"), frozenset(), selectors=False
    )
