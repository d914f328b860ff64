"""Rules and holders to evaluate, and what is slower than nothing: the bare boolean walk of the same tree."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import thread_time_ns
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from bench.platform import ROOT
from bench.report import Figure
from kompetenspass.core.digest import canonical_json
from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Held, HeldAward
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.rule import AllOf, AnyOf, CredentialLeaf, NOf, Pathway, PathwayLeaf, Rule, nodes

NODES, CREDENTIALS = 500, 200
AT = datetime(2027, 3, 1, 12, tzinfo=UTC)
_PILOT = ROOT / "demo" / "pilots" / "01_skelleftea_kraft_vattenkraft.yaml"
_DUTY, _BELOW = "skk-path-vakthavande", "skk-path-drifttekniker"
_GROUPS, _PAIRS = 20, 8
WARM_UP, EACH = 3, 5


@dataclass(frozen=True)
class Question:
    """Something to evaluate: a rule, what is held, and what the answer must be."""

    name: str
    pathway: Pathway
    held: Sequence[Held]
    awards: Sequence[HeldAward]
    outcome: str

    def answered(self) -> str:
        """Return the outcome, proof and all."""
        return evaluate(self.pathway, self.held, self.awards, AT).outcome

    def floor(self) -> bool:
        """Return whether the rule holds when to hold a credential of a definition is all that matters."""
        have = {one.definition_id for one in self.held} | {one.pathway_id for one in self.awards}
        return walk(self.pathway.rule, have)


@dataclass(frozen=True)
class Timing:
    """Times of one question in microseconds of processor time, round by round, the floor's beside them."""

    name: str
    credentials: int
    microseconds: Sequence[float]
    floors: Sequence[float]

    @property
    def figure(self) -> Figure:
        """The question's, in milliseconds."""
        named = f"{self.name}, {self.credentials} held" if self.credentials else self.name
        return Figure(named, "ms", [one / 1000 for one in self.microseconds])

    @property
    def over_floor(self) -> Figure:
        """The question's, over the floor's."""
        asked, floor = Figure(self.name, "us", self.microseconds), Figure("floor", "us", self.floors)
        return asked.per(floor, f"{self.name}, over its floor")


def walk(rule: Rule, have: set[str]) -> bool:
    """Return whether the rule holds by its gates alone; measures count as reached."""
    match rule:
        case CredentialLeaf():
            return rule.definition_id in have
        case PathwayLeaf():
            return rule.pathway_id in have
        case AllOf():
            return all(walk(child, have) for child in rule.of)
        case AnyOf():
            return any(walk(child, have) for child in rule.of)
        case NOf():
            return sum(walk(child, have) for child in rule.of) >= rule.min
        case _:
            return True


def questions() -> Sequence[Question]:
    """Return what is measured: 500 nodes over 200 credentials in three ways, the duty role, and the worst case.

    That is the most that a well-formed rule may ask of the matching: 64 ways to share credentials between leaves.
    """
    apart, shared, rivals = _names(lambda n: n), _names(lambda n: n % CREDENTIALS), _names(_rival)
    either = [*apart[::2], *apart[1::2]]
    five_pairs = [name for n, name in enumerate(apart) if n % (2 * _PAIRS) < 10]
    return (
        Question("500 nodes, a merit counts twice", large(shared, "allow"), _holder(shared), (), "satisfied"),
        Question("500 nodes, a merit counts once", large(apart, "forbid"), _holder(either), (), "satisfied"),
        Question("500 nodes, 20 merits missing", large(apart, "forbid"), _holder(five_pairs), (), "not_satisfied"),
        _duty(),
        Question("500 nodes, 64 ways to share", large(rivals, "forbid"), _holder(rivals), (), "not_satisfied"),
    )


def timed(asked: Sequence[Question], rounds: int, *, each: int = EACH, warm_up: int = WARM_UP) -> Sequence[Timing]:
    """Return the times of the questions, asked in turn, round by round, `each` so often: the mean is the round's.

    Raises AssertionError for a wrong answer.
    """
    taken: dict[str, list[float]] = {question.name: [] for question in asked}
    floors: dict[str, list[float]] = {question.name: [] for question in asked}
    for number in range(rounds + warm_up):
        for question in asked:
            cost, outcome = _timed(question.answered, each)
            assert outcome == question.outcome, (question.name, outcome)
            floor, _ = _timed(question.floor, each)
            if number >= warm_up:
                taken[question.name].append(cost)
                floors[question.name].append(floor)
    return [Timing(q.name, len(q.held) + len(q.awards), taken[q.name], floors[q.name]) for q in asked]


def parsing(rounds: int) -> Timing:
    """Return how long it takes to check and read a rule of 500 nodes; the floor is its canonical JSON."""
    content = _document(_names(lambda n: n), "forbid")
    taken = [_timed(lambda: parse(content), EACH)[0] for _ in range(rounds + WARM_UP)][WARM_UP:]
    floors = [_timed(lambda: canonical_json(content), EACH)[0] for _ in range(rounds)]
    return Timing("500 nodes, checked and read", 0, taken, floors)


def large(names: Sequence[str], double_counting: str) -> Pathway:
    """Return a pathway of 500 nodes whose leaves name the definitions, in their order."""
    pathway = parse(_document(names, double_counting))
    assert len([*nodes(pathway.rule)]) == NODES
    return pathway


def _document(names: Sequence[str], double_counting: str) -> Mapping[str, Any]:
    """Twenty groups of eight pairs: in each group six pairs, in each pair one leaf; a measure in the last group."""
    leaves = [{"credential": name, "min_recognition": "R3"} for name in names]
    pairs: list[Any] = [{"any_of": leaves[at : at + 2]} for at in range(0, len(leaves) - 1, 2)] + [leaves[-1]]
    measure = {"credits": {"unit": "hours", "min": 20, "from": [*dict.fromkeys(names)][:40]}}
    several = [pairs[at : at + _PAIRS] for at in range(0, len(pairs), _PAIRS)]
    several[-1] = [*several[-1], measure]
    groups = [{"n_of": {"min": 6, "of": some}} for some in several]
    constraints = {"double_counting": double_counting, "default_validity": "live", "min_recognition": "R3"}
    award = {"mode": "automatic", "on_satisfied": "award"}
    return {"id": "large", "version": 1, "rule": {"all_of": groups}, "constraints": constraints, "award": award}


def _names(number: Callable[[int], int]) -> Sequence[str]:
    """Return the definition of each leaf; two nodes more would be too many."""
    return [f"d-{number(n):03}" for n in range(2 * _GROUPS * _PAIRS - 1)]


def _rival(number: int) -> int:
    """Return a number that six far apart pairs of leaves have in common."""
    return number - 150 if 150 <= number < 156 else number


def _holder(names: Sequence[str]) -> Sequence[Held]:
    return [_merit(name, n) for n, name in enumerate(list(dict.fromkeys(names))[:CREDENTIALS])]


def _merit(definition_id: str, number: int, seqf: int | None = None) -> Held:
    return Held(
        credential_id=uuid5(NAMESPACE_URL, definition_id),
        definition_id=definition_id,
        version=1,
        issuer_org="org:one",
        awarded_at=AT - timedelta(days=400 - number),
        recognition_level="R4",
        standing="valid",
        hours=4,
        seqf=seqf,
    )


def _duty() -> Question:
    """Return the duty role of the hydropower pilot, over its 23 merits and the award below it."""
    content = yaml.safe_load(_PILOT.read_text("utf-8"))
    pathway = parse(next(one for one in content["pathways"] if one["id"] == _DUTY))
    merits = [_merit(f"skk-vk-{n:02}", n, 5 if n >= 18 else 4) for n in range(1, 24)]
    below = HeldAward(
        stack_id=uuid5(NAMESPACE_URL, "stack"),
        credential_id=uuid5(NAMESPACE_URL, _BELOW),
        pathway_id=_BELOW,
        version=1,
        issuer_org="org:one",
        awarded_at=AT - timedelta(days=5),
        recognition_level="R4",
        standing="valid",
    )
    return Question(_DUTY, pathway, merits, (below,), "satisfied")


def _timed(work: Callable[[], Any], each: int) -> tuple[float, Any]:
    gc.collect()
    began = thread_time_ns()
    for _ in range(each):
        result = work()
    return (thread_time_ns() - began) / each / 1000, result
