"""Rules and holders to evaluate, and what is slower than nothing: the bare boolean walk of the same tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from bench.measure import interleaved
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
EACH = 5
_PARSED = "500 nodes, checked and read"


@dataclass(frozen=True)
class Question:
    """Something to evaluate: a rule, what is held, and what the answer must be."""

    name: str
    pathway: Pathway
    held: Sequence[Held]
    awards: Sequence[HeldAward]
    outcome: str

    def answered(self) -> None:
        """Evaluate, proof and all. Raises AssertionError for a wrong answer."""
        outcome = evaluate(self.pathway, self.held, self.awards, AT).outcome
        assert outcome == self.outcome, (self.name, outcome)

    def floor(self) -> bool:
        """Return whether the rule holds when to hold a credential of a definition is all that matters."""
        have = {one.definition_id for one in self.held} | {one.pathway_id for one in self.awards}
        return walk(self.pathway.rule, have)


@dataclass(frozen=True)
class Timing:
    """Processor time of one question round by round, in microseconds, its floor's of the same rounds beside it."""

    name: str
    asked: Figure
    floor: Figure

    @property
    def figure(self) -> Figure:
        """The question's, in milliseconds."""
        return Figure(self.name, "ms", [one / 1000 for one in self.asked.values])

    @property
    def over_floor(self) -> Figure:
        """The question's, over the floor's."""
        return self.asked.per(self.floor, f"{self.asked.name}, over its floor")


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


def timed(asked: Sequence[Question], rounds: int, *, each: int = EACH, warm_up: int = EACH) -> Sequence[Timing]:
    """Return the times of the questions, asked in turn, round by round, `each` so often: the mean is the round's.

    Raises AssertionError for a wrong answer.
    """
    ways = {question.name: (question.answered, question.floor) for question in asked}
    held = {question.name: len(question.held) + len(question.awards) for question in asked}
    found = _beside_floors(ways, rounds, each, warm_up)
    return [Timing(f"{name}, {held[name]} held", *figures) for name, figures in found.items()]


def parsing(rounds: int) -> Timing:
    """Return how long it takes to check and read a rule of 500 nodes; the floor is its canonical JSON."""
    content = _document(_names(lambda n: n), "forbid")
    ways = {_PARSED: (lambda: parse(content), lambda: canonical_json(content))}
    return Timing(_PARSED, *_beside_floors(ways, rounds, EACH, EACH)[_PARSED])


def _beside_floors(
    ways: Mapping[str, tuple[Callable[[], object], Callable[[], object]]], rounds: int, each: int, warm_up: int
) -> Mapping[str, tuple[Figure, Figure]]:
    """Return the figures of each way and of its floor, both of the same rounds."""
    floors = {f"{name}: floor": floor for name, (_, floor) in ways.items()}
    both = {**{name: way for name, (way, _) in ways.items()}, **floors}
    found = interleaved(both, rounds=rounds, operations=each, warm_up=warm_up)
    return {name: (found[name], found[f"{name}: floor"]) for name in ways}


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
