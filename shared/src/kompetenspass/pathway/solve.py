"""Whether the rule holds, in one view: the assignment that makes it hold, or the nearest one and what it lacks.

The smallest assignment is tried first. Where learning outcomes or issuers are counted and it has too few, the largest
one is: every leaf of every branch that holds, with the credentials chosen so that the counts come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kompetenspass.pathway.choices import NO_CHOICE, Choice, choices
from kompetenspass.pathway.measures import count_issuers, count_outcomes
from kompetenspass.pathway.tree import Plan, supported
from kompetenspass.pathway.usable import Edge, before
from kompetenspass.pathway.view import ISSUERS, NOTHING, Gain, View


@dataclass(frozen=True, slots=True)
class Solution:
    """Leaves covered together, the atoms chosen, the credential of each chosen leaf, and what it lacks to hold.

    `floor`: no way to satisfy the rule lacks fewer parts, unless one new credential does for several leaves; `plans`:
    every node's plan with nothing supposed but that outcome measures hold.
    """

    covered: frozenset[int]
    atoms: tuple[int, ...]
    bound: Mapping[int, Edge]
    lacks: Gain
    floor: int
    plans: Mapping[int, Plan]

    @property
    def holds(self) -> bool:
        """Whether nothing lacks."""
        return self.lacks == NOTHING


def solve(view: View) -> Solution:
    """Return a solution that holds, the first in place order, or else the one that lacks least."""
    best: Solution | None = None
    floor = 0
    for covered in view.alternatives():
        found = settle(view, covered)
        if found.holds:
            return found
        floor = found.floor if best is None else min(floor, found.floor)
        if best is None or _size(found) < _size(best):
            best = found
    assert best is not None  # there is always at least one set of leaves to cover, if an empty one
    return replace(best, floor=floor)


def settle(view: View, covered: frozenset[int]) -> Solution:
    """Return the solution with these leaves covered.

    Where only leaves lack, and none of them matters anywhere else, the tree's plan is it. Otherwise what lacks is
    supposed step by step, until the rule holds.
    """
    plans = view.weigh(covered, NOTHING, frozenset(view.survey.outcomes))
    if view.additive:
        root = plans[0]
        missing = frozenset(root.atoms).intersection(view.survey.leaves) - covered
        chosen = view.bind([number for number in root.atoms if number in covered])
        return Solution(covered, root.atoms, chosen, Gain(missing), root.missing, plans)
    lacks = NOTHING
    while (found := attempt(view, covered, lacks)) is None:
        lacks = _with_more(view, covered, lacks)
    atoms, bound = found
    return Solution(covered, atoms, bound, lacks, 0 if lacks == NOTHING else _floor(view, covered), plans)


def attempt(view: View, covered: frozenset[int], gain: Gain) -> tuple[tuple[int, ...], Mapping[int, Edge]] | None:
    """Return the chosen atoms and bound credentials with which the rule holds, given the gain; None when none do."""
    if not required(view, gain) <= view.fresh(gain):
        return None
    outcomes = frozenset(view.survey.outcomes)
    plans = _plans(view, covered, gain, outcomes)
    root = plans[0]
    if root.missing:
        return None
    bound = view.bind([number for number in root.atoms if number in covered])
    if view.plain or _enough(view, bound, gain, outcomes.intersection(root.atoms)):
        return root.atoms, bound
    return _largest(view, covered, gain)[0]


def required(view: View, gain: Gain) -> frozenset[str]:
    """Return the definitions that must come before the supposed credentials and that the holder does not have."""
    case = view.survey.case
    if not case.constraints.order:
        return frozenset()
    leaves = (view.survey.leaves.get(number) for number in gain.atoms)
    pairs = (pair for leaf in leaves if leaf is not None for pair in before(case, getattr(leaf, "definition_id", "")))
    return frozenset(definition_id for _, definition_id in pairs if definition_id not in case.first_perhaps)


def _with_more(view: View, covered: frozenset[int], gain: Gain) -> Gain:
    outcomes = frozenset(view.survey.outcomes)
    root = _plans(view, covered, gain, outcomes)[0]
    lacking = _lacking(view, covered, gain, root, outcomes)
    if leaves := lacking.intersection(view.survey.leaves):
        return Gain(gain.atoms | leaves, gain.fresh)
    if unmet := required(view, gain) - view.fresh(gain):
        return Gain(gain.atoms, gain.fresh | unmet)
    number = min(lacking or _uncounted(view, covered, gain, root))
    names = view.found[number].lacking(view.fresh(gain)) if number in view.found else ()
    return Gain(gain.atoms, gain.fresh.union(names)) if names else Gain(gain.atoms | {number}, gain.fresh)


def _uncounted(view: View, covered: frozenset[int], gain: Gain, root: Plan) -> frozenset[int]:
    """Return what of outcomes and issuers the best assignment does not reach."""
    best = _largest(view, covered, gain)[1]
    outcomes = frozenset(view.survey.outcomes)
    relied = _lacking(view, covered, gain, _plans(view, covered, gain, best.reached)[0], best.reached)
    if relied:
        return relied
    if view.survey.case.constraints.min_issuers is not None and ISSUERS not in gain.atoms:
        return frozenset((ISSUERS,))
    return outcomes.intersection(root.atoms) - gain.atoms


def _lacking(view: View, covered: frozenset[int], gain: Gain, root: Plan, reached: frozenset[int]) -> frozenset[int]:
    have = covered | gain.atoms | reached
    fresh = view.fresh(gain)
    return frozenset(
        number
        for number in root.atoms
        if number not in have and not (number in view.found and view.found[number].reached(fresh))
    )


def _largest(
    view: View, covered: frozenset[int], gain: Gain
) -> tuple[tuple[tuple[int, ...], Mapping[int, Edge]] | None, Choice]:
    """Return the largest assignment with which the rule holds, if there is one, and the best one in any case.

    First all outcome measures are taken to hold; what a choice of credentials does not reach is then given up, which
    may take leaves away, until what is taken to hold is reached.
    """
    pending = [frozenset(view.survey.outcomes)]
    tried = set(pending)
    best = NO_CHOICE
    while pending:
        assumed = pending.pop(0)
        plans = _plans(view, covered, gain, assumed)
        if plans[0].missing:
            continue
        leaves = [number for number in supported(view.survey.tree, plans) if number in covered]
        for choice in choices(view, leaves):
            if assumed <= choice.reached | gain.atoms and _issuers_enough(view, choice.bound, gain):
                return (tuple(sorted({*leaves, *plans[0].atoms})), choice.bound), choice
            best = max(best, choice, key=lambda one: one.worth)
            smaller = assumed & (choice.reached | gain.atoms)
            if smaller not in tried:
                tried.add(smaller)
                pending.append(smaller)
    return None, best


def _plans(view: View, covered: frozenset[int], gain: Gain, reached: frozenset[int]) -> dict[int, Plan]:
    return view.weigh(covered, Gain(gain.atoms, view.fresh(gain)), reached)


def _enough(view: View, bound: Mapping[int, Edge], gain: Gain, outcomes: frozenset[int]) -> bool:
    nodes = view.survey.outcomes
    counted = all(
        count_outcomes(nodes[number], bound.values()) >= nodes[number].min_count for number in outcomes - gain.atoms
    )
    return counted and _issuers_enough(view, bound, gain)


def _issuers_enough(view: View, bound: Mapping[int, Edge], gain: Gain) -> bool:
    need = view.survey.case.constraints.min_issuers
    return need is None or ISSUERS in gain.atoms or count_issuers(bound.values()) >= need


def _size(solution: Solution) -> int:
    return len(solution.lacks.atoms) + len(solution.lacks.fresh)


def _floor(view: View, covered: frozenset[int]) -> int:
    """Return a number of parts below which no gain can lie: measures that credentials could reach cost nothing."""
    reachable = frozenset(number for number, found in view.found.items() if found.lacking())
    return _plans(view, covered, NOTHING, reachable.union(view.survey.outcomes))[0].missing
