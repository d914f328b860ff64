from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held, HeldAward
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.progress import Progress, progress
from kompetenspass.testing.holdings import NOW, award, days, merit, named, pathway

PILOTS = Path(__file__).parents[3] / "demo" / "pilots"
CONTENT = yaml.safe_load((PILOTS / "01_skelleftea_kraft_vattenkraft.yaml").read_text(encoding="utf-8"))
TECHNICIAN, DUTY = (
    parse(one) for one in CONTENT["pathways"] if one["id"] in ("skk-path-drifttekniker", "skk-path-vakthavande")
)


def held(*numbers: int) -> list[Held]:
    return [merit(f"skk-vk-{number:02}", seqf=5) for number in numbers]


def on_duty(merits: list[Held], *awards: HeldAward, bound: Bound | None = None) -> Progress:
    nested = {TECHNICIAN.id: (TECHNICIAN, evaluate(TECHNICIAN, merits, (), NOW, bound=bound))}
    return progress(DUTY, evaluate(DUTY, merits, awards, NOW), nested)


def missing(found: Progress) -> list[str]:
    return [part.id for part in found.missing]


def ids(*numbers: int) -> list[str]:
    return [f"skk-vk-{number:02}" for number in numbers]


def test_nothing_held_is_none_of_23() -> None:
    found = on_duty([])
    assert (found.done, found.total, len(found.missing)) == (0, 23, 23)


def test_18_of_23_while_the_nested_pathway_is_not_satisfied() -> None:
    found = on_duty(held(*range(1, 17), 18, 19))
    assert (found.done, found.total, sorted(missing(found))) == (18, 23, ids(17, 20, 21, 22, 23))


def test_18_of_23_with_the_nested_pathway_awarded() -> None:
    merits = held(*range(1, 19))
    found = on_duty(merits, award(TECHNICIAN.id))
    assert (found.done, found.total, missing(found)) == (18, 23, ids(19, 20, 21, 22, 23))
    bound = Bound(days(-1), frozenset(named(one) for one in ids(*range(1, 14), 16, 17)))
    assert on_duty(merits, award(TECHNICIAN.id), bound=bound) == found


def test_18_of_23_with_the_nested_pathway_satisfied_and_not_decided() -> None:
    found = on_duty(held(*range(1, 19)))
    assert (found.done, found.total) == (18, 23)
    assert missing(found) == ["skk-path-drifttekniker", *ids(19, 20, 21, 22, 23)]


def test_23_of_23_and_still_the_award_of_the_nested_pathway_is_missing() -> None:
    found = on_duty(held(*range(1, 24)))
    assert (found.done, found.total, missing(found)) == (23, 23, ["skk-path-drifttekniker"])
    done = on_duty(held(*range(1, 24)), award(TECHNICIAN.id))
    assert (done.done, done.total, done.missing) == (23, 23, ())


def test_what_is_not_certain_is_not_done_and_not_missing() -> None:
    merits = [*held(*range(1, 18)), merit("skk-vk-18", seqf=5, standing="suspended")]
    found = on_duty(merits, award(TECHNICIAN.id))
    assert (found.done, found.total, missing(found)) == (17, 23, ids(19, 20, 21, 22, 23))


def test_of_a_suspended_nested_award_is_told_what_lapsed() -> None:
    suspended = award(TECHNICIAN.id, standing="suspended")
    assert on_duty(held(*range(1, 24)), suspended) == Progress(23, 23, ())
    lapsed = merit("skk-vk-03", standing="expired", valid_to=days(-1))
    found = on_duty([*held(1, 2, *range(4, 24)), lapsed], suspended, bound=Bound(days(-2), frozenset()))
    assert (found.done, found.total, missing(found)) == (22, 23, ["skk-vk-03"])


def small(rule: dict[str, Any], merits: list[Held], nested: dict[str, Any] | None = None) -> Progress:
    path = pathway(rule)
    opened = {name: pathway(inner, pathway_id=name) for name, inner in (nested or {}).items()}
    return progress(
        path,
        evaluate(path, merits, (), NOW),
        {name: (inner, evaluate(inner, merits, (), NOW)) for name, inner in opened.items()},
    )


def test_the_total_is_what_the_nearest_way_needs() -> None:
    rule = {"n_of": {"min": 2, "of": [{"credential": name} for name in "abcd"]}}
    assert small(rule, [merit("c")]).total == 2
    assert small(rule, [merit(name) for name in "abcd"]) == Progress(2, 2, ())


def test_a_pathway_that_cannot_be_opened_is_named_and_not_counted_among_definitions() -> None:
    found = small({"all_of": [{"credential": "a"}, {"pathway": "p"}]}, [merit("a")])
    assert (found.done, found.total, missing(found)) == (1, 1, ["p"])


def test_pathways_that_name_each_other_are_opened_once() -> None:
    circle = {"q": {"all_of": [{"credential": "b"}, {"pathway": "the-pathway"}]},
              "the-pathway": {"pathway": "q"}}  # fmt: skip
    assert missing(small({"pathway": "q"}, [], circle)) == ["b", "the-pathway"]


def test_a_nested_measure_is_named_by_its_pathway() -> None:
    nested = {"p": {"credits": {"unit": "hours", "min": 10, "from": ["a"]}}}
    assert missing(small({"pathway": "p"}, [], nested)) == ["p/rule"]


def test_what_only_a_measure_counts_is_done_as_well() -> None:
    rule = {"all_of": [{"credential": "a"}, {"credits": {"unit": "hours", "min": 30, "from": ["a", "b"]}}]}
    found = small(rule, [merit("a", hours=10), merit("b", hours=10)])
    assert (found.done, found.total, missing(found)) == (2, 2, ["rule.all_of[1]"])
