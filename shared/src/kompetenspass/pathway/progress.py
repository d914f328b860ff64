"""How far a holder has come on a pathway, nested pathways opened: "18 of 23". Source: domain, section 3.5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from kompetenspass.pathway.proof import Evaluation, MissingPart, Proof
from kompetenspass.pathway.rule import Pathway

Nested = Mapping[str, tuple[Pathway, Evaluation]]
"""The pathways that a rule names, each as it is evaluated for the same holder."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` definitions on the nearest way; `missing` is what comes next.

    A nested pathway whose rule is satisfied stays in `missing` until it is awarded; one whose award is in doubt lacks
    what its own rule lacks. A pathway that cannot be opened is not counted. A nested measure is named by its
    pathway and its place: `the-pathway/rule.all_of[1]`.
    """

    done: int
    total: int
    missing: tuple[MissingPart, ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """Definitions that count, and those that are not certain; the rest lacks."""

    done: frozenset[str]
    unsure: frozenset[str]
    missing: tuple[MissingPart, ...]

    @property
    def all(self) -> frozenset[str]:
        return self.done | self.unsure | _countable(self.missing)


_NOWHERE = _Way(frozenset(), frozenset(), ())


def progress(pathway: Pathway, evaluation: Evaluation, nested: Nested) -> Progress:
    """Return how many distinct definitions the holder has of those on the nearest way to satisfy the pathway."""
    way = _way(evaluation, nested, frozenset((pathway.id,)))
    done = way.done - way.unsure - _countable(way.missing)
    return Progress(len(done), len(way.all), way.missing)


def _way(evaluation: Evaluation, nested: Nested, above: frozenset[str]) -> _Way:
    done = {use.id for use in evaluation.used if use.kind == "definition"}
    unsure = {leaf.id for leaf in _unsure(evaluation.proof) if leaf.node == "credential" and leaf.id is not None}
    for use in evaluation.used:
        if use.kind == "pathway":
            done |= _opened(use.id, nested, above).all
    doubtful = [
        MissingPart("pathway", leaf.id) for leaf in _unsure(evaluation.proof) if leaf.node == "pathway" and leaf.id
    ]
    missing: list[MissingPart] = []
    for part in (*evaluation.missing, *doubtful):
        inner = _opened(part.id, nested, above) if part.kind == "pathway" else _NOWHERE
        done |= inner.done
        unsure |= inner.unsure
        missing += inner.missing or ((part,) if part not in doubtful else ())
    return _Way(frozenset(done), frozenset(unsure), tuple(dict.fromkeys(missing)))


def _opened(pathway_id: str, nested: Nested, above: frozenset[str]) -> _Way:
    if pathway_id in above or pathway_id not in nested:
        return _NOWHERE
    way = _way(nested[pathway_id][1], nested, above | {pathway_id})
    return replace(way, missing=tuple(_within(pathway_id, part) for part in way.missing))


def _within(pathway_id: str, part: MissingPart) -> MissingPart:
    if part.kind in ("definition", "pathway") or "/" in part.id:
        return part
    return MissingPart(part.kind, f"{pathway_id}/{part.id}")


def _countable(parts: tuple[MissingPart, ...]) -> frozenset[str]:
    return frozenset(part.id for part in parts if part.kind == "definition")


def _unsure(proof: Proof) -> Iterator[Proof]:
    if proof.id is not None and proof.verdict == "unknown" and proof.used:
        yield proof
    for child in proof.children:
        yield from _unsure(child)
