"""Progress: how far a learner has come on a pathway, said when it changes. Source: domain.md 3.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kompetenspass.events.base import Event
from kompetenspass.log.api import Log
from kompetenspass.log.execute import execute, fold
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import Pathway
from services.issuance.domain import progress as domain
from services.issuance.domain import stack
from services.issuance.service.awards_cause import Cause
from services.issuance.service.awards_evaluation import Evaluations, Known
from services.issuance.service.stacking_ports import PublishedPathway, StackingFacts, StackRow

_REACTION = "progress"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found: the evaluation that the progress says, and the learner's awards of the pathway."""

    evaluation: Evaluation
    rows: Sequence[StackRow]


class Progresses:
    """Says how far learners have come; where an award stands, under the version that it was made under."""

    def __init__(self, log: Log, facts: StackingFacts, evaluations: Evaluations) -> None:
        self._log = log
        self._facts = facts
        self._evaluations = evaluations

    async def follow(self, learner_ref: str, newest: PublishedPathway, cause: Cause) -> Seen:
        """Say how far the learner has come, unless it is said already; return what was seen."""
        stream, events = domain.stream_of(learner_ref, newest.pathway.id), list[Event]()
        opened = await self._evaluations.opened(newest.pathway)
        seen: list[Seen] = []

        async def decide(said: domain.Progressed) -> Sequence[Event]:
            pathways = [newest.pathway, *(inner.pathway for inner in opened.values())]
            known = await self._evaluations.known(learner_ref, pathways)
            pathway, evaluation = await self._looked(known, newest)
            nested = {id_: await self._looked(known, inner) for id_, inner in opened.items()}
            seen.append(Seen(evaluation, [row for row in known.holdings.stacks if row.pathway_id == pathway.id]))
            events[:] = domain.progressed(said, learner_ref, pathway, evaluation, nested)
            return events

        await execute(
            self._log, stream, initial=domain.INITIAL, evolve=domain.evolve, decide=decide, context=cause.context,
            event_ids=cause.ids(_REACTION, stream, events),
        )  # fmt: skip
        return seen[-1]

    async def _looked(self, known: Known, newest: PublishedPathway) -> tuple[Pathway, Evaluation]:
        """Return the version that counts for the learner, and what it says: the award's, where one stands."""
        for row in reversed(known.holdings.stacks):
            if row.pathway_id == newest.pathway.id and row.state in ("awarded", "suspended"):
                version = await self._facts.pathway_version(row.pathway_digest)
                state, _ = await fold(self._log, stack.stream_of(row.stack_id), stack.INITIAL, stack.evolve)
                if version is not None and state.stands:
                    return version.pathway, known.evaluated(version.pathway, stack.bound(state))
        return newest.pathway, known.evaluated(newest.pathway)
