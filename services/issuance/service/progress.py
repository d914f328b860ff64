"""Progress: how far a learner has come on a pathway, said when it changes. Source: domain.md 3.5."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

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

Folded = Mapping[UUID, tuple[stack.Stack, int]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found: the evaluation that the progress says, and the learner's awards of the pathway.

    `folded`: the streams of those that stand, each read before `known`, so that both may be decided on together;
    `versions`: the digests of the versions for which `known` has all that evaluation asks. `position`: where the log
    has what was said, 0 if nothing was to be said.
    """

    evaluation: Evaluation
    rows: Sequence[StackRow]
    known: Known
    folded: Folded
    versions: Collection[str]
    position: int = 0


@dataclass
class Look:
    """What the decisions of one look rested on, and whether they said anything.

    `repeated`: something that was to be said had the id of what was said before, and was not stored.
    """

    rested_on: list[Known] = field(default_factory=list)
    said: bool = False
    repeated: bool = False

    def note(self, decided: Sequence[Event], stored: Sequence[Event]) -> None:
        """Note what was to be said to one stream, and what of it was stored."""
        self.said = self.said or bool(decided)
        self.repeated = self.repeated or (bool(decided) and not stored)


class Progresses:
    """Says how far learners have come; where an award stands, under the version that it was made under."""

    def __init__(self, log: Log, facts: StackingFacts, evaluations: Evaluations) -> None:
        self._log = log
        self._facts = facts
        self._evaluations = evaluations

    async def follow(self, learner_ref: str, newest: PublishedPathway, cause: Cause, look: Look) -> Seen:
        """Say how far the learner has come, unless it is said already; return what was seen."""
        stream, events = domain.stream_of(learner_ref, newest.pathway.id), list[Event]()
        opened = await self._evaluations.opened(newest.pathway)
        seen: list[Seen] = []

        async def decide(said: domain.Progressed) -> Sequence[Event]:
            known, folded, versions = await self._known(learner_ref, newest, opened, said)
            look.rested_on.append(known)
            pathway, evaluation = await self._looked(known, newest, folded)
            nested = {id_: await self._looked(known, inner, folded) for id_, inner in opened.items()}
            rows = [row for row in known.holdings.stacks if row.pathway_id == pathway.id]
            seen.append(Seen(evaluation, rows, known, folded, versions))
            events[:] = domain.progressed(said, learner_ref, pathway, evaluation, nested)
            return events

        done = await execute(
            self._log, stream, initial=domain.INITIAL, evolve=domain.evolve, decide=decide, context=cause.context,
            event_ids=cause.ids(_REACTION, stream, events),
        )  # fmt: skip
        look.note(events, done.events)
        return replace(seen[-1], position=done.position)

    async def _known(
        self, learner_ref: str, newest: PublishedPathway, opened: Mapping[str, PublishedPathway],
        said: domain.Progressed,
    ) -> tuple[Known, Folded, Collection[str]]:  # fmt: skip
        """Return what the learner has, the awards of the pathway, and the versions that were asked about.

        Every stream is read before what it is decided on: what is known first is never written over what came later.
        Which streams these are is guessed from the progress; what is known says whether others are missing, and is
        then read again after them.
        """
        folded = await self._folded(_likely(learner_ref, newest, said))
        while True:
            made = [state.stacked.pathway_digest for state, _ in folded.values() if state.stacked is not None]
            found = [await self._facts.pathway_version(digest) for digest in made if digest != newest.digest]
            asked = {one.digest: one.pathway for one in (newest, *opened.values(), *found) if one is not None}
            known = await self._evaluations.known(learner_ref, tuple(asked.values()))
            rows = [row for row in known.holdings.stacks if row.pathway_id == newest.pathway.id]
            missing = {row.stack_id for row in rows if row.stands} - folded.keys()
            if not missing:
                return known, folded, asked.keys()
            folded = await self._folded({*folded, *missing})

    async def _folded(self, stack_ids: Collection[UUID]) -> Folded:
        return {one: await fold(self._log, stack.stream_of(one), stack.INITIAL, stack.evolve) for one in stack_ids}

    async def _looked(self, known: Known, newest: PublishedPathway, folded: Folded) -> tuple[Pathway, Evaluation]:
        """Return the version that counts for the learner, and what it says: the award's, where one stands."""
        for row in reversed(known.holdings.stacks):
            if row.pathway_id == newest.pathway.id and row.stands:
                version = await self._facts.pathway_version(row.pathway_digest)
                read = folded if row.stack_id in folded else await self._folded((row.stack_id,))
                state, _ = read[row.stack_id]
                if version is not None and state.stands:
                    return version.pathway, known.evaluated(version.pathway, stack.bound(state))
        return newest.pathway, known.evaluated(newest.pathway)


def _likely(learner_ref: str, newest: PublishedPathway, said: domain.Progressed) -> Collection[UUID]:
    """Return the award that most likely stands: the one made by itself, once the rule was satisfied."""
    if said.said is None or not said.satisfied:
        return ()
    return (stack.stack_id_of(learner_ref, newest.pathway.id, said.said.pathway_version, 1),)
