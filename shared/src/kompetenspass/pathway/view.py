"""The rule over the holder's credentials, seen twice: with what certainly counts, and with what may count as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kompetenspass.pathway.matching import Alike, Fits, alternatives, cover, group_of
from kompetenspass.pathway.measures import Measure, Worth, measure
from kompetenspass.pathway.rule import CredentialLeaf, Credits, Leaf, Level, Outcomes, PathwayLeaf, Place
from kompetenspass.pathway.tree import Atom, Node, Plan, atoms, weigh
from kompetenspass.pathway.usable import Case, Edge, edges, measurable

ISSUERS = -1
"""The number under which too few issuers are lacking; atoms are numbered from 0."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What is supposed for the sake of argument: atoms that hold, and new credentials of definitions."""

    atoms: frozenset[int] = frozenset()
    fresh: frozenset[str] = frozenset()


NOTHING = Gain()


@dataclass(frozen=True, slots=True)
class Survey:
    """The rule as a tree, and every candidate of every leaf and measure."""

    case: Case
    tree: Node
    leaves: Mapping[int, Leaf]
    measures: Mapping[int, Credits | Level]
    outcomes: Mapping[int, Outcomes]
    edges: Mapping[int, tuple[Edge, ...]]
    measurable: tuple[Edge, ...]
    worth: Mapping[str, Worth]

    @property
    def doubtful(self) -> bool:
        """Whether anything is unknown."""
        several = (*self.edges.values(), self.measurable)
        return any(edge.verdict == "unknown" for found in several for edge in found)


@dataclass(frozen=True, slots=True)
class View:
    """One of the two: the credentials that fit each leaf, and what the measures find.

    `sure`: measures reached with certain credentials; `groups`: leaves that compete; `plain`: nothing bound is counted.
    `additive`: besides, all measures are reached and no order is asked for, so that a leaf matters only in its place.
    """

    survey: Survey
    fits: Fits
    found: Mapping[int, Measure]
    sure: frozenset[int]
    groups: tuple[tuple[int, ...], ...]
    alike: Alike
    plain: bool
    additive: bool

    def alternatives(self) -> Iterator[frozenset[int]]:
        """Yield the sets of leaves that can be covered together."""
        if self.survey.case.constraints.double_counting == "allow":
            yield frozenset(self.fits)
        else:
            yield from alternatives(self.groups, self.fits, self.alike)

    def bind(self, leaves: Iterator[int] | list[int]) -> dict[int, Edge]:
        """Return a credential for each of the leaves, which can be covered together; the best ranked first."""
        if self.survey.case.constraints.double_counting == "allow":
            return {leaf: self.fits[leaf][0] for leaf in leaves}
        grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
        for leaf in leaves:
            grouped[group_of(self.survey.leaves[leaf])].append(leaf)
        return {leaf: edge for several in grouped.values() for leaf, edge in cover(several, self.fits).items()}

    def weigh(self, covered: frozenset[int], gain: Gain, reached: frozenset[int]) -> dict[int, Plan]:
        """Return every node's plan; `reached`: the outcome measures taken to hold."""
        plans: dict[int, Plan] = {}

        def plan(atom: Atom) -> Plan:
            number = atom.number
            if number in covered:
                best = self.fits[number][0]
                return Plan(0, int(best.verdict == "unknown"), best.rank, (number,))
            if number in gain.atoms or number in reached:
                return Plan(0, 0, (), (number,))
            if number not in self.found:
                return Plan(1, 0, (), (number,))
            return self._measured(number, gain.fresh)

        weigh(self.survey.tree, plan, plans)
        return plans

    def fresh(self, gain: Gain) -> frozenset[str]:
        """Return the definitions of which new credentials are supposed."""
        leaves = (self.survey.leaves.get(number) for number in gain.atoms)
        return gain.fresh.union(leaf.definition_id for leaf in leaves if isinstance(leaf, CredentialLeaf))

    def _measured(self, number: int, fresh: frozenset[str]) -> Plan:
        found = self.found[number]
        if found.reached(fresh):
            return Plan(0, int(number not in self.sure), (), (number,))
        return Plan(max(1, len(found.lacking(fresh))), 0, (), (number,))


def survey_of(case: Case, rule_tree: Node, worth: Mapping[str, Worth]) -> Survey:
    """Return the survey: each leaf's candidates judged once."""
    leaves: dict[int, Leaf] = {}
    measures: dict[int, Credits | Level] = {}
    outcomes: dict[int, Outcomes] = {}
    for atom in atoms(rule_tree):
        if isinstance(atom.rule, CredentialLeaf | PathwayLeaf):
            leaves[atom.number] = atom.rule
        elif isinstance(atom.rule, Outcomes):
            outcomes[atom.number] = atom.rule
        else:
            measures[atom.number] = atom.rule
    return Survey(
        case=case,
        tree=rule_tree,
        leaves=leaves,
        measures=measures,
        outcomes=outcomes,
        edges={number: edges(case, leaf) for number, leaf in leaves.items()},
        measurable=measurable(case) if measures else (),
        worth=_known(case, worth),
    )


def view_of(survey: Survey, *, certain: bool) -> View:
    """Return the view with certain credentials only, or with unknown ones as well."""
    wanted = ("true",) if certain else ("true", "unknown")
    fitting = {n: tuple(edge for edge in found if edge.verdict in wanted) for n, found in survey.edges.items()}
    sure = tuple(edge for edge in survey.measurable if edge.verdict == "true")
    counted = sure if certain else survey.measurable
    grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, leaf in survey.leaves.items():
        grouped[group_of(leaf)].append(number)
    found = {number: measure(node, counted, survey.worth) for number, node in survey.measures.items()}
    plain = not survey.outcomes and survey.case.constraints.min_issuers is None
    reached = (n for n, node in survey.measures.items() if measure(node, sure, survey.worth).reached())
    return View(
        survey=survey,
        fits={number: found for number, found in fitting.items() if found},
        found=found,
        sure=frozenset(reached),
        groups=tuple(tuple(several) for several in grouped.values()),
        alike={
            n: _alike(survey.leaves[n].place, fitting[n])
            for several in grouped.values()
            if len(several) > 1
            for n in several
        },
        plain=plain,
        additive=plain and not survey.case.constraints.order and all(one.reached() for one in found.values()),
    )


def _alike(place: Place, fitting: tuple[Edge, ...]) -> object:
    return place[:-1], tuple(edge.held.credential_id for edge in fitting)


def _known(case: Case, worth: Mapping[str, Worth]) -> Mapping[str, Worth]:
    held = {
        definition_id: Worth(
            max(one.hours for one in several),
            max(one.ects for one in several),
            max((one.eqf for one in several if one.eqf is not None), default=None),
            max((one.seqf for one in several if one.seqf is not None), default=None),
        )
        for definition_id, several in case.credentials.items()
    }
    return held | dict(worth)
