"""The proof tree of an evaluation: each node's verdict, what it counts, and why it does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from kompetenspass.pathway.measures import Measure, count_issuers, count_outcomes
from kompetenspass.pathway.missing import nearest_reason
from kompetenspass.pathway.proof import Proof, Verdict
from kompetenspass.pathway.rule import AllOf, AnyOf, CredentialLeaf, Credits, Leaf, Level, NOf, Outcomes, PathwayLeaf
from kompetenspass.pathway.solve import Solution
from kompetenspass.pathway.tree import Gate, Node
from kompetenspass.pathway.usable import Edge
from kompetenspass.pathway.view import NOTHING, View

_OPERATORS: Mapping[type, str] = {
    CredentialLeaf: "credential",
    PathwayLeaf: "pathway",
    AllOf: "all_of",
    AnyOf: "any_of",
    NOf: "n_of",
    Credits: "credits",
    Level: "level",
    Outcomes: "outcomes",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """One view with its solution, and the nodes that hold in it."""

    view: View
    solution: Solution
    holding: frozenset[int]

    @property
    def issuers(self) -> int:
        """How many organisations issued what is bound."""
        return count_issuers(self.solution.bound.values())

    def outcomes(self, number: int) -> int:
        """Return how many outcomes of a measure the bound credentials have."""
        return count_outcomes(self.view.survey.outcomes[number], self.solution.bound.values())


@dataclass(frozen=True, slots=True)
class Prover:
    """`sure`: the view with certain credentials; `wide`: with unknown ones too; `told`: the one answered with."""

    sure: Sight
    wide: Sight
    told: Sight

    def proof(self) -> Proof:
        """Return the tree; where issuers are counted, they and the rule stand side by side under one `all_of`."""
        rule = self._node(self.told.view.survey.tree)
        need = self.told.view.survey.case.constraints.min_issuers
        if need is None:
            return rule
        verdict = _verdict(self.sure.issuers >= need, self.wide.issuers >= need)
        place = ("constraints", "min_issuers")
        issuers = Proof(place, "issuers", verdict, have=self.told.issuers, need=need)
        return Proof((), "all_of", _all((rule.verdict, verdict)), children=(rule, issuers))

    def taken(self, number: int) -> tuple[Edge, ...]:
        """Return the credentials that a measure takes when it is chosen: no more than it needs, bound ones first."""
        bound = frozenset(edge.held.credential_id for edge in self.told.solution.bound.values())
        return self.told.view.found[number].taken(bound)

    def doubts(self, node: Node) -> Iterator[Edge]:
        """Yield the unknown credentials that decide whether an unknown node holds."""
        if self._held(node.number) != "unknown":
            return
        survey = self.told.view.survey
        if isinstance(node, Gate):
            for child in node.children:
                yield from self.doubts(child)
        elif node.number in survey.leaves:
            yield from self._unknown(node.number)
        elif node.number in self.wide.view.found:
            yield from (item.edge for item in self.wide.view.found[node.number].items if item.edge.rank[0])
        else:
            yield from (edge for edge in self.wide.solution.bound.values() if edge.verdict == "unknown")

    def _held(self, number: int) -> Verdict:
        return _verdict(number in self.sure.holding, number in self.wide.holding)

    def _node(self, node: Node) -> Proof:
        rule, operator = node.rule, _OPERATORS[type(node.rule)]
        if isinstance(rule, CredentialLeaf | PathwayLeaf):
            return self._leaf(node.number, rule, operator)
        verdict = self._held(node.number)
        if isinstance(node, Gate):
            need = node.need if operator == "n_of" else None
            children = tuple(self._node(child) for child in node.children)
            return Proof(rule.place, operator, verdict, need=need, children=children)
        if isinstance(rule, Outcomes):
            return Proof(rule.place, operator, verdict, have=self.told.outcomes(node.number), need=rule.min_count)
        return self._measure(node.number, rule.place, operator, verdict)

    def _leaf(self, number: int, leaf: Leaf, operator: str) -> Proof:
        named = leaf.definition_id if isinstance(leaf, CredentialLeaf) else leaf.pathway_id
        edge = self.told.solution.bound.get(number)
        if edge is not None:
            used = (edge.held.credential_id,)
            return Proof(leaf.place, operator, edge.verdict, named, used, reason=edge.reason)
        verdict = self._held(number)
        reason = None if verdict == "true" else self._reason(number, verdict)
        return Proof(leaf.place, operator, verdict, named, reason=reason)

    def _reason(self, number: int, verdict: Verdict) -> str:
        candidates = self.told.view.survey.edges[number]
        if verdict == "unknown":
            return next((edge.reason or "" for edge in self._unknown(number)), "taken")
        return "taken" if any(edge.verdict != "false" for edge in candidates) else nearest_reason(candidates)

    def _unknown(self, number: int) -> Iterable[Edge]:
        """Return the unknown credentials on which a leaf depends: its own, or those that would free one for it."""
        own = [edge for edge in self.told.view.survey.edges[number] if edge.verdict == "unknown"]
        return own or [edge for edge in self.wide.solution.bound.values() if edge.verdict == "unknown"]

    def _measure(self, number: int, place: tuple[str | int, ...], operator: str, verdict: Verdict) -> Proof:
        found: Measure = self.sure.view.found[number]
        used: tuple[UUID, ...] = ()
        if number in self.told.solution.atoms:
            used = tuple(edge.held.credential_id for edge in self.taken(number))
        return Proof(place, operator, verdict, used=used, have=found.have, need=found.need)


def sight_of(view: View, solution: Solution) -> Sight:
    """Return the view with its solution; what the solution supposes does not hold."""
    bound = solution.bound.values()
    reached = frozenset(n for n, node in view.survey.outcomes.items() if count_outcomes(node, bound) >= node.min_count)
    plans = view.weigh(solution.covered, NOTHING, reached) if view.survey.outcomes else solution.plans
    return Sight(view, solution, frozenset(number for number, plan in plans.items() if not plan.missing))


def _verdict(sure: bool, wide: bool) -> Verdict:
    return "true" if sure else "unknown" if wide else "false"


def _all(verdicts: tuple[Verdict, ...]) -> Verdict:
    return "false" if "false" in verdicts else "unknown" if "unknown" in verdicts else "true"
