"""Random rules over random holdings, against a reference that tries every assignment."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held, HeldAward, LearningOutcome
from kompetenspass.pathway.parse import PathwayMalformed
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import (
    AllOf,
    AnyOf,
    CredentialLeaf,
    Credits,
    Leaf,
    Level,
    NOf,
    Outcomes,
    Pathway,
    PathwayLeaf,
    Place,
    Rule,
    leaves,
    nodes,
)
from kompetenspass.testing.holdings import NOW, award, days, merit, named, pathway

Json = dict[str, Any]
Having = Held | HeldAward
Holding = tuple[Having, ...]
SKILL, KNOWLEDGE = LearningOutcome("skill"), LearningOutcome("knowledge")
DEFINITIONS, ORGS = ("a", "b", "c"), ("org:x", "org:y")


def mapped(operator: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(members).map(lambda inner: {operator: inner})


validities = st.sampled_from(["live", "snapshot", "grace:P5D"])
credential_leaves = st.fixed_dictionaries(
    {"credential": st.sampled_from(DEFINITIONS)},
    optional={
        "validity": validities,
        "min_result_percent": st.just(50),
        "issued_by": st.just(["org:x"]),
        "max_age": st.just("P12D"),
    },
)
pathway_leaves = st.fixed_dictionaries({"pathway": st.just("p")}, optional={"validity": validities})
sources = st.lists(st.sampled_from(DEFINITIONS), min_size=1, max_size=3, unique=True)
measures = (
    mapped("credits", unit=st.just("hours"), min=st.sampled_from([5, 12, 25]), **{"from": sources})
    | mapped("level", framework=st.just("seqf"), at_least=st.just(4), min_count=st.just(1), **{"from": sources})
    | mapped("outcomes", min_count=st.integers(1, 3))
    | mapped("outcomes", min_count=st.integers(1, 3), category=st.just("skill"))
)


def gates(children: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    several = st.lists(children, min_size=1, max_size=3)
    counted = several.flatmap(lambda of: st.integers(1, len(of)).map(lambda least: {"n_of": {"min": least, "of": of}}))
    return several.map(lambda of: {"all_of": of}) | several.map(lambda of: {"any_of": of}) | counted


rules = st.recursive(credential_leaves | credential_leaves | pathway_leaves | measures, gates, max_leaves=6)


@st.composite
def pathways(draw: st.DrawFn) -> Pathway:
    constraints: Json = {"double_counting": draw(st.sampled_from(["forbid", "forbid", "allow"]))}
    constraints["default_validity"] = draw(validities)
    if draw(st.booleans()):
        constraints["min_issuers"] = 2
    if draw(st.integers(0, 3)) == 0:
        constraints["order"] = [["a", "b"]]
    try:
        path = pathway(draw(rules), **constraints)
    except PathwayMalformed:
        assume(False)
        raise
    assume(len(leaves(path.rule)) <= 5)
    return path


standings = st.sampled_from(["valid", "valid", "valid", "valid", "suspended", "expired", "revoked", "unknown"])


@st.composite
def credentials(draw: st.DrawFn, name: str) -> Held:
    return merit(
        draw(st.sampled_from(DEFINITIONS)),
        name,
        issuer_org=draw(st.sampled_from(ORGS)),
        standing=draw(standings),
        awarded_at=days(-draw(st.integers(1, 15))),
        valid_to=draw(st.sampled_from([None, days(-3), days(4)])),
        void_ab_initio=draw(st.integers(0, 5)) == 0,
        result_percent=draw(st.sampled_from([None, 40, 60])),
        result_known=draw(st.integers(0, 5)) > 0,
        hours=draw(st.sampled_from([0, 5, 12])),
        seqf=draw(st.sampled_from([None, 3, 5])),
        outcomes=tuple(draw(st.lists(st.sampled_from([SKILL, KNOWLEDGE]), max_size=2))),
    )


@st.composite
def holdings(draw: st.DrawFn) -> Holding:
    held: list[Having] = [draw(credentials(str(number))) for number in range(draw(st.integers(0, 4)))]
    for number in range(draw(st.integers(0, 2))):
        org = draw(st.sampled_from(ORGS))
        held.append(award("p", f"award {number}", standing=draw(standings), issuer_org=org))
    return tuple(held)


def found(path: Pathway, held: Holding, bound: Bound | None = None) -> Evaluation:
    merits = [one for one in held if isinstance(one, Held)]
    return evaluate(path, merits, [one for one in held if isinstance(one, HeldAward)], NOW, bound=bound)


class Reference:
    """What the words of the rule say, with every assignment tried; slow and plain."""

    def __init__(self, path: Pathway, held: Holding, bound: Bound | None) -> None:
        self.path, self.held, self.bound = path, held, bound

    def outcome(self) -> str:
        if self.satisfied(("true",)):
            return "satisfied"
        return "indeterminate" if self.satisfied(("true", "unknown")) else "not_satisfied"

    def satisfied(self, allowed: tuple[str, ...]) -> bool:
        outcomes = [node for node in nodes(self.path.rule) if isinstance(node, Outcomes)]
        taken = list(chain.from_iterable(combinations(outcomes, size) for size in range(len(outcomes) + 1)))
        return any(
            self.consistent(assignment, frozenset(node.place for node in assumed), allowed)
            for assignment in self.assignments(list(leaves(self.path.rule)), allowed)
            for assumed in taken
        )

    def assignments(self, rest: list[Leaf], allowed: tuple[str, ...]) -> Iterator[dict[Place, Having]]:
        if not rest:
            yield {}
            return
        leaf, *others = rest
        fitting = [one for one in self.held if self.verdict(leaf, one) in allowed]
        for assignment in self.assignments(others, allowed):
            yield assignment
            for one in fitting:
                if self.path.constraints.double_counting == "allow" or one not in assignment.values():
                    yield {**assignment, leaf.place: one}

    def consistent(self, assignment: dict[Place, Having], assumed: frozenset[Place], allowed: tuple[str, ...]) -> bool:
        def holds(node: Rule) -> bool:
            match node:
                case CredentialLeaf() | PathwayLeaf():
                    return node.place in assignment
                case AllOf():
                    return all(map(holds, node.of))
                case AnyOf():
                    return any(map(holds, node.of))
                case NOf():
                    return sum(map(holds, node.of)) >= node.min
                case Outcomes():
                    return node.place in assumed
            return self.measured(node, allowed)

        def supported(node: Rule) -> Iterator[Place]:
            if holds(node):
                yield node.place
                for child in node.of if isinstance(node, AllOf | AnyOf | NOf) else ():
                    yield from supported(child)

        bound = [assignment[place] for place in supported(self.path.rule) if place in assignment]
        issuers = len({one.issuer_org for one in bound}) >= (self.path.constraints.min_issuers or 0)
        reached = all(
            self.outcomes(node, bound) >= node.min_count
            for node in nodes(self.path.rule)
            if isinstance(node, Outcomes) and node.place in assumed
        )
        return holds(self.path.rule) and issuers and reached

    def outcomes(self, node: Outcomes, bound: list[Having]) -> int:
        merits = [one for one in bound if isinstance(one, Held)]
        most = dict.fromkeys(DEFINITIONS, 0)
        for one in merits:
            count = len([outcome for outcome in one.outcomes if node.category in (None, outcome.category)])
            most[one.definition_id] = max(count, most[one.definition_id])
        return sum(most.values())

    def measured(self, node: Credits | Level, allowed: tuple[str, ...]) -> bool:
        validity = self.path.constraints.default_validity.kind
        total = 0.0
        for name in DEFINITIONS:
            usable = [one for one in self.held if isinstance(one, Held) and one.definition_id == name]
            usable = [one for one in usable if name in node.sources and self.standing(one, validity) in allowed]
            if isinstance(node, Credits):
                total += max((one.hours for one in usable), default=0)
            else:
                total += max(((one.seqf or 0) >= node.at_least for one in usable), default=0)
        return total >= (node.min if isinstance(node, Credits) else node.min_count or 0)

    def verdict(self, leaf: Leaf, one: Having) -> str:
        if isinstance(leaf, CredentialLeaf) != isinstance(one, Held):
            return "false"
        if isinstance(one, HeldAward):
            return self.award(one, leaf.validity.kind)
        assert isinstance(leaf, CredentialLeaf)
        bound = self.bound is not None and one.credential_id in self.bound.constituents
        when = self.bound.awarded_at if self.bound and bound and leaf.validity.kind == "snapshot" else NOW
        known = one.result_known or leaf.min_result_percent is None
        fits = (
            one.definition_id == leaf.definition_id
            and (not leaf.issued_by or one.issuer_org in leaf.issued_by)
            and (not known or leaf.min_result_percent is None or (one.result_percent or 0) >= leaf.min_result_percent)
            and (leaf.max_age is None or (when - one.awarded_at).days <= leaf.max_age.days)
        )
        verdicts = {"true" if fits else "false", "true" if known else "unknown", self.order(one)}
        verdicts.add(self.standing(one, leaf.validity.kind))
        return next(verdict for verdict in ("false", "unknown", "true") if verdict in verdicts)

    def order(self, one: Held) -> str:
        if not self.path.constraints.order or one.definition_id != "b":
            return "true"
        first = [other for other in self.held if isinstance(other, Held) and other.definition_id == "a"]
        earlier = [other for other in first if other.awarded_at < one.awarded_at and not other.void_ab_initio]
        if any(other.standing != "unknown" for other in earlier):
            return "true"
        return "unknown" if earlier else "false"

    def standing(self, one: Held, kind: str) -> str:
        if kind == "snapshot" and self.bound and one.credential_id in self.bound.constituents:
            return "false" if one.void_ab_initio else "unknown" if one.standing == "unknown" else "true"
        if one.standing == "revoked" or (one.standing == "suspended" and self.bound):
            return "false"
        ended = one.valid_to is not None and one.valid_to <= NOW
        if kind == "grace":  # five days: longer than any holding here has been expired
            ended = one.standing == "expired" and one.valid_to is None
        elif one.standing == "expired":
            ended = True
        return "false" if ended else "unknown" if one.standing in ("unknown", "suspended") else "true"

    def award(self, one: HeldAward, kind: str) -> str:
        if one.standing in ("revoked", "unknown"):
            return {"revoked": "false", "unknown": "unknown"}[one.standing]
        if kind == "snapshot" or one.standing == "valid":
            return "true"
        return "unknown" if one.standing == "suspended" and not self.bound else "false"


bounds = st.none() | st.sets(st.sampled_from([*"0123", "award 0"])).map(
    lambda names: Bound(days(-8), frozenset(named(name) for name in names))
)
RANK = {"not_satisfied": 0, "indeterminate": 1, "satisfied": 2}


@settings(max_examples=300, deadline=None)
@given(pathways(), holdings(), bounds)
def test_evaluation_agrees_with_trying_every_assignment(path: Pathway, held: Holding, bound: Bound | None) -> None:
    assert found(path, held, bound).outcome == Reference(path, held, bound).outcome()


@settings(max_examples=300, deadline=None)
@given(pathways(), holdings(), credentials("new"), bounds)
def test_one_more_credential_never_hurts(path: Pathway, held: Holding, new: Held, bound: Bound | None) -> None:
    before, after = found(path, held, bound), found(path, (*held, new), bound)
    assert RANK[after.outcome] >= RANK[before.outcome]


@settings(max_examples=200, deadline=None)
@given(pathways(), holdings(), bounds, st.randoms(use_true_random=False))
def test_the_order_of_what_is_held_does_not_matter(path: Pathway, held: Holding, bound: Bound | None, rng: Any) -> None:
    shuffled = list(held)
    rng.shuffle(shuffled)
    assert found(path, tuple(shuffled), bound) == found(path, held, bound)


@settings(max_examples=200, deadline=None)
@given(pathways(), holdings(), bounds)
def test_what_is_used_is_enough_and_what_is_told_fits_the_outcome(
    path: Pathway, held: Holding, bound: Bound | None
) -> None:
    answer = found(path, held, bound)
    verdict = {"satisfied": "true", "indeterminate": "unknown", "not_satisfied": "false"}[answer.outcome]
    assert answer.proof.verdict == verdict
    assert bool(answer.missing) == (answer.outcome == "not_satisfied")
    assert bool(answer.unknown) or answer.outcome != "indeterminate"
    if answer.outcome == "satisfied" and not path.constraints.order:
        used = {use.credential_id for use in answer.used}
        assert found(path, tuple(one for one in held if one.credential_id in used), bound).outcome == "satisfied"
    if path.constraints.double_counting == "forbid":
        bound_ids = [use.credential_id for use in answer.used]
        assert len(set(bound_ids)) == len(bound_ids)
