"""How far a learner has come on a pathway, said when it changes. Stream `progress-{learner_ref}-{pathway_id}`; 3.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kompetenspass.events.base import Event
from kompetenspass.events.stacking import Missing, PathwayProgressed
from kompetenspass.pathway.progress import Nested, progress
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import Pathway


@dataclass(frozen=True, slots=True)
class Progressed:
    """The state that the stream folds to: what was said last, and whether the rule was ever said to be satisfied."""

    said: PathwayProgressed | None = None
    satisfied: bool = False


INITIAL = Progressed()


def stream_of(learner_ref: str, pathway_id: str) -> str:
    """Return the name of the stream of a learner's progress on a pathway, all versions together."""
    return f"progress-{learner_ref}-{pathway_id}"


def evolve(state: Progressed, event: Event) -> Progressed:
    """Return the state after the event; events of other kinds change nothing."""
    if not isinstance(event, PathwayProgressed):
        return state
    return Progressed(event, state.satisfied or event.outcome == "satisfied")


def progressed(
    state: Progressed, learner_ref: str, pathway: Pathway, evaluation: Evaluation, nested: Nested
) -> Sequence[Event]:
    """Return how far the learner has come, or nothing when that was said last.

    `nested`: the pathways that it names, each evaluated for the learner. Nothing either while the learner holds
    nothing of the pathway and nothing was said of it before.
    """
    come = progress(pathway, evaluation, nested)
    if state.said is None and not (come.done or evaluation.used or evaluation.unknown):
        return ()
    now = PathwayProgressed(
        learner_ref=learner_ref,
        pathway_id=pathway.id,
        pathway_version=pathway.version,
        outcome=evaluation.outcome,
        done=come.done,
        total=come.total,
        missing=tuple(Missing(kind=part.kind, id=part.id) for part in come.missing),
        unknown=evaluation.unknown,
    )
    return () if now == state.said else (now,)
