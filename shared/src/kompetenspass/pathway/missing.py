"""The nearest missing set: the fewest further credentials that satisfy the rule. Source: domain, section 4.2.

Parts add up, so the cheapest plan of the tree is the smallest set, however large, unless a part serves in several
places or what is bound is counted. Then smaller sets are tried, smallest first, if there are at most 4096 to try, as
many as 12 parts have; beyond that the answer is the greedy one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import Literal

from kompetenspass.pathway.matching import group_of
from kompetenspass.pathway.proof import MissingPart, written
from kompetenspass.pathway.rule import CredentialLeaf, Credits, Leaf
from kompetenspass.pathway.solve import Solution, attempt, required
from kompetenspass.pathway.usable import REASONS, Edge, before
from kompetenspass.pathway.view import ISSUERS, Gain, View

MAX_TRIED = 4096


@dataclass(frozen=True, slots=True)
class Nearest:
    """The way to satisfy the rule that lacks least, and whether it is known that none lacks less."""

    solution: Solution
    parts: tuple[MissingPart, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """One part that can be missing, and what having it would give."""

    part: MissingPart
    gain: Gain


def nearest(view: View, solution: Solution) -> Nearest:
    """Return the nearest missing set; `solution` is the best one that was found step by step."""
    if solution.holds:
        return Nearest(solution, (), True)
    units = _units(view, solution.covered)
    greedy = Nearest(solution, _parts(view, units, solution.lacks), False)
    floor = min(solution.floor, 1) if any(len(unit.gain.atoms) > 1 for unit in units) else solution.floor
    if len(greedy.parts) <= floor:
        return replace(greedy, exact=True)
    if _tries(view, len(units), floor, len(greedy.parts)) > MAX_TRIED:
        return greedy
    return _smaller(view, floor, len(greedy.parts)) or replace(greedy, exact=True)


def nearest_reason(several: Iterable[Edge]) -> str:
    """Return why none of a leaf's credentials counts: the reason of the one that comes nearest, `not_held` for none."""
    reasons = [edge.reason for edge in several if edge.verdict == "false" and edge.reason is not None]
    return max(reasons, key=REASONS.index, default="not_held")


def _tries(view: View, units: int, floor: int, greedy: int) -> int:
    sets = sum(comb(units, size) for size in range(max(1, floor), greedy))
    return sets * sum(1 for _ in view.alternatives())


def _smaller(view: View, floor: int, greedy: int) -> Nearest | None:
    for size in range(max(1, floor), greedy):
        for covered in view.alternatives():
            for several in combinations(_units(view, covered), size):
                gain = _together(several)
                if (found := attempt(view, covered, gain)) is not None:
                    solution = Solution(covered, *found, gain, size, {})
                    return Nearest(solution, tuple(unit.part for unit in several), True)
    return None


def _parts(view: View, units: list[Unit], lacks: Gain) -> tuple[MissingPart, ...]:
    """Return the parts that give what lacks, in place order; of several that do, one that gives most."""
    serving: dict[int, list[int]] = defaultdict(list)
    for index, unit in enumerate(units):
        for number in unit.gain.atoms:
            serving[number].append(index)
    chosen: set[int] = set()
    left = lacks.atoms
    for number in sorted(lacks.atoms):
        if number in left:
            index = max(serving[number], key=lambda one: (len(units[one].gain.atoms & left), -one))
            chosen.add(index)
            left -= units[index].gain.atoms
    for one in sorted(lacks.fresh - view.fresh(Gain(lacks.atoms))):
        chosen.add(next(index for index, unit in enumerate(units) if one in view.fresh(unit.gain)))
    return tuple(units[index].part for index in sorted(chosen))


def _together(units: Iterable[Unit]) -> Gain:
    gains = [unit.gain for unit in units]
    return Gain(frozenset().union(*(one.atoms for one in gains)), frozenset().union(*(one.fresh for one in gains)))


def _units(view: View, covered: frozenset[int]) -> list[Unit]:
    """Return all parts that can be missing with these leaves covered: leaves, measures, then other definitions."""
    survey = view.survey
    open_leaves = [number for number in survey.leaves if number not in covered]
    units = [Unit(_leaf_part(view, group[0]), Gain(frozenset(group))) for group in _shared(view, open_leaves)]
    for number, found in view.found.items():
        if not found.reached() and not found.lacking():
            node = survey.measures[number]
            kind: Literal["credits", "level"] = "credits" if isinstance(node, Credits) else "level"
            units.append(Unit(MissingPart(kind, written(node.place)), Gain(frozenset((number,)))))
    for number, outcomes in survey.outcomes.items():
        units.append(Unit(MissingPart("outcomes", written(outcomes.place)), Gain(frozenset((number,)))))
    if survey.case.constraints.min_issuers is not None:
        units.append(Unit(MissingPart("issuers", "constraints.min_issuers"), Gain(frozenset((ISSUERS,)))))
    others = dict.fromkeys(_others(view, open_leaves))
    known = view.fresh(Gain(frozenset(open_leaves)))
    return units + [
        Unit(MissingPart("definition", one), Gain(fresh=frozenset((one,)))) for one in others if one not in known
    ]


def _shared(view: View, leaves: list[int]) -> list[tuple[int, ...]]:
    """Return the leaves that one new credential serves together: each alone, if none may be counted twice."""
    if view.survey.case.constraints.double_counting == "forbid":
        return [(leaf,) for leaf in leaves]
    named = view.survey.leaves
    groups: dict[tuple[int, ...], None] = {}
    for leaf in (named[number] for number in leaves):
        for issuer in (leaf.issued_by if isinstance(leaf, CredentialLeaf) else ()) or ("",):
            groups[tuple(number for number in leaves if _serves(leaf, issuer, named[number]))] = None
    return [one for one in groups if not any(set(one) < set(other) for other in groups)]


def _serves(made_for: Leaf, issuer: str, leaf: Leaf) -> bool:
    """Return whether a new credential that is made for one leaf, by an organisation, does for another as well."""
    if group_of(made_for) != group_of(leaf):
        return False
    if not isinstance(made_for, CredentialLeaf) or not isinstance(leaf, CredentialLeaf):
        return True
    return (not leaf.issued_by or issuer in leaf.issued_by) and leaf.version in (None, made_for.version)


def _others(view: View, leaves: list[int]) -> Iterator[str]:
    """Yield definitions that are no open leaf's and would help: for a measure, or to come before another."""
    for found in view.found.values():
        if not found.reached():
            yield from found.more
    yield from sorted(required(view, Gain(frozenset(leaves))))


def _leaf_part(view: View, number: int) -> MissingPart:
    leaf = view.survey.leaves[number]
    if not isinstance(leaf, CredentialLeaf):
        return MissingPart("pathway", leaf.pathway_id)
    candidates = view.survey.edges[number]
    if number in view.fits or nearest_reason(candidates) != "order":
        return MissingPart("definition", leaf.definition_id)
    case = view.survey.case
    late = min(edge.held.awarded_at for edge in candidates if edge.reason == "order")
    index = next(n for n, one in before(case, leaf.definition_id) if not case.first_perhaps.get(one, late) < late)
    return MissingPart("order", f"constraints.order[{index}]")
