"""Stacking by itself: a learner's pathways looked at again whenever something they rest on has changed.

Every look compares what is held now with what the streams say and appends the difference: repeats, crashes and events
that overtook each other change nothing. Source: domain.md 3.5, 4.3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Problem
from kompetenspass.events.base import Event
from kompetenspass.log.api import Log
from kompetenspass.log.execute import execute, fold
from services.issuance.domain.progress import stream_of as progress_stream
from services.issuance.domain.stack import INITIAL, Assessed, Stack, evolve, stack_id_of, stream_of
from services.issuance.domain.stack_award import propose_or_award, revoked_by_issuer
from services.issuance.domain.stack_reassess import reassess
from services.issuance.service.award_authority import facts_missing
from services.issuance.service.awards_cause import Cause, because_it_is_due
from services.issuance.service.awards_evaluation import Evaluations, subject_for
from services.issuance.service.awards_mandate import Mandate
from services.issuance.service.progress import Look, Progresses, Seen
from services.issuance.service.stacking_ports import DueDates, PublishedPathway, StackingFacts, StackRow

_log = structlog.get_logger("kompetenspass")

_REACTION = "stacks"
_AT_ONCE = 200

Decide = Callable[[Stack], Awaitable[Sequence[Event]]]


class Stacks:
    """Awards, what follows from their constituents, and progress; one look at a time for each learner."""

    def __init__(
        self, *, log: Log, facts: StackingFacts, evaluations: Evaluations, progresses: Progresses, mandate: Mandate,
        due: DueDates, clock: Clock,
    ) -> None:  # fmt: skip
        self._log = log
        self._facts = facts
        self._evaluations = evaluations
        self._progresses = progresses
        self._mandate = mandate
        self._due = due
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._newest = 0  # the newest position of our log that we know of
        self._asked = 0  # the facts were asked after that position was stored

    async def changed(self, learner_ref: str, named: str, cause: Cause) -> None:
        """Look again at the pathways that name a definition or pathway of which the learner has something new."""
        await self._facts.refresh()
        await self._look(learner_ref, await self._facts.concerned(named), cause)

    async def progressed(self, learner_ref: str, pathway_id: str, position: int, cause: Cause) -> None:
        """Look again at the pathways that name the one on which the learner has moved; `position` is of that event.

        What the facts said after it was stored will do, and so most of these cost nothing: the learner's holdings were
        readable by then, and who publishes a pathway later has it looked at for all who hold something of it.
        """
        if position > self._asked:
            newest = max(self._newest, position)
            await self._facts.refresh()
            self._asked = max(self._asked, newest)
        await self._look(learner_ref, await self._facts.concerned(pathway_id), cause)

    async def credential_changed(self, credential_id: UUID, named: str, cause: Cause) -> None:
        """Look again at the pathways that name a credential's definition, for all whom it counts for."""
        learners = await self._facts.learners_of(credential_id)
        naming = await self._facts.concerned(named)
        for learner_ref in learners if naming else ():
            await self._look(learner_ref, naming, cause)

    async def award_changed(self, learner_ref: str, credential_id: UUID, pathway_id: str, cause: Cause) -> None:
        """Look again at an award's own pathway, and at those that name it, for all whom the award counts for."""
        learners = await self._facts.learners_of(credential_id)
        naming = await self._facts.concerned(pathway_id)
        await self._look(learner_ref, {pathway_id, *naming}, cause)
        for other in learners if naming else ():
            if other != learner_ref:
                await self._look(other, naming, cause)

    async def constituents_changed(self, stack_id: UUID, cause: Cause) -> None:
        """Look again at an award's own pathway."""
        await self._facts.refresh()
        row = await self._facts.award(stack_id)
        if row is not None:
            await self._look(row.learner_ref, (row.pathway_id,), cause)

    async def status_changed(self, credential_id: UUID, cause: Cause) -> None:
        """Look again at the pathways that a credential matters for; one that was never issued matters for none."""
        for touched in await self._facts.touched_by(credential_id):
            naming = [await self._facts.concerned(named) for named in sorted(touched.named)]
            await self._look(touched.learner_ref, touched.own.union(*naming), cause)

    async def end_if_revoked(self, credential_id: UUID, cause: Cause) -> None:
        """End the award that a credential proves if the registry says that it is revoked; else there is nothing to do.

        Asked when either becomes known, whichever comes second finds the other.
        """
        stack_id = await self._facts.stack_of_credential(credential_id)
        revocation = None if stack_id is None else await self._facts.revocation(credential_id)
        if stack_id is None or revocation is None:
            return

        async def decide(state: Stack) -> Sequence[Event]:
            return revoked_by_issuer(state, revocation.reason_code, revocation.void_ab_initio)

        await self._decided(stack_id, decide, cause, Look())

    async def reassess(self, learner_ref: str, pathway_id: str, cause: Cause) -> datetime | None:
        """Bring the learner's progress on a pathway and their awards of it up to date.

        Return when time alone may change the answer. What was said may have been true before only, and another process
        may have looked before it was said: so one looks again until nothing is said, or what is known is still the same
        after it was.
        """
        async with self._turns.setdefault(learner_ref, asyncio.Lock()):
            for number in count():
                sign, look = self._facts.sign, Look()
                newest = await self._facts.pathway(pathway_id)
                if newest is None:
                    return None
                moment = await self._once(learner_ref, newest, cause.again(number), look)
                if not look.said or await self._is_still_so(learner_ref, sign, look):
                    return moment
        raise AssertionError("one looks until nothing is said")

    async def _once(self, learner_ref: str, newest: PublishedPathway, cause: Cause, look: Look) -> datetime | None:
        seen = await self._progresses.follow(learner_ref, newest, cause, look)
        self._newest = max(self._newest, seen.position)
        moments = [seen.evaluation.next_change]
        if seen.rows:
            moments += [await self._again(row, seen, cause, look) for row in seen.rows if row.stands]
        elif seen.evaluation.outcome == "satisfied":
            await self._first(learner_ref, newest, cause, look)
        return min((moment for moment in moments if moment is not None), default=None)

    async def _is_still_so(self, learner_ref: str, sign: object, look: Look) -> bool:
        """Return whether what a look rested on is still so, now that what it said is stored."""
        await self._facts.refresh()
        if look.repeated or self._facts.sign != sign:
            return False
        now = await self._facts.holdings(learner_ref)
        return all(known.as_read == now for known in look.rested_on)

    async def reassess_due(self) -> None:
        """Look again where the time has come; what was refused is tried again the next time. A timer's work."""
        waiting = await self._due.due(self._clock(), _AT_ONCE)
        if waiting:
            await self._facts.require_fresh()
        for due in waiting:
            stream = progress_stream(due.learner_ref, due.pathway_id)
            cause = because_it_is_due(due, stream, self._clock())
            try:
                await self._due.settle(due, await self.reassess(due.learner_ref, due.pathway_id, cause))
            except Problem as problem:  # one learner's trouble does not hold back the others
                _log.warning("reassessment_refused", pathway_id=due.pathway_id, code=problem.code)

    async def tell_overdue(self) -> None:
        """Raise one alarm that names the awards whose review should have been decided; a timer's work."""
        rows = await self._facts.overdue_reviews(self._clock(), _AT_ONCE)
        if rows:
            _log.warning("reviews_overdue", alarm=True, stack_ids=[str(row.stack_id) for row in rows])

    async def _look(self, learner_ref: str, pathway_ids: Iterable[str], cause: Cause) -> None:
        for pathway_id in sorted(pathway_ids):
            next_change = await self.reassess(learner_ref, pathway_id, cause)
            if next_change is not None:
                await self._due.note(learner_ref, pathway_id, next_change)

    async def _first(self, learner_ref: str, newest: PublishedPathway, cause: Cause, look: Look) -> None:
        """Propose or make the one award that is made by itself."""
        subject = subject_for(learner_ref, newest, 1)

        async def decide(state: Stack) -> Sequence[Event]:
            others = await self._made_before(learner_ref, newest)
            known = await self._evaluations.known(learner_ref, (newest.pathway,))
            look.rested_on.append(known)
            others = others or any(row.pathway_id == newest.pathway.id for row in known.holdings.stacks)
            if known.holdings.tenant not in (None, newest.awarding_body):  # it awards to its own learners only
                return ()
            assessed = known.assessed(subject, newest, state)
            mandated = await self._mandate.held(newest, known.at)
            return propose_or_award(state, assessed if mandated else _left_to_decide(assessed), others=others)

        await self._decided(subject.stack_id, decide, cause, look)

    async def _made_before(self, learner_ref: str, newest: PublishedPathway) -> bool:
        """Return whether an earlier version was proposed or awarded, whatever is projected yet."""
        for version in range(1, newest.pathway.version):
            stack_id = stack_id_of(learner_ref, newest.pathway.id, version, 1)
            state, _ = await fold(self._log, stream_of(stack_id), INITIAL, evolve)
            if state.name != "none":
                return True
        return False

    async def _again(self, row: StackRow, seen: Seen, cause: Cause, look: Look) -> datetime | None:
        """Bring an award that was made up to date, under the version that it was made under.

        What was seen serves the first attempt where its stream was read before: after a conflict all is read again.
        """
        version = await self._facts.pathway_version(row.pathway_digest)
        if version is None:
            raise facts_missing()
        moments: list[datetime | None] = []
        folded = seen.folded.get(row.stack_id) if row.pathway_digest in seen.versions else None
        at_hand = [seen.known] if folded is not None else []

        async def decide(state: Stack) -> Sequence[Event]:
            again = self._evaluations.known
            known = at_hand.pop() if at_hand else await again(row.learner_ref, (version.pathway,))
            look.rested_on.append(known)
            assessed = known.assessed(state.subject, version, state)
            moments.append(assessed.evaluation.next_change)
            return reassess(state, assessed)

        await self._decided(row.stack_id, decide, cause, look, folded)
        return moments[-1]

    async def _decided(
        self, stack_id: UUID, decide: Decide, cause: Cause, look: Look, folded: tuple[Stack, int] | None = None
    ) -> None:
        stream, events = stream_of(stack_id), list[Event]()

        async def noted(state: Stack) -> Sequence[Event]:
            events[:] = await decide(state)
            return events

        done = await execute(
            self._log, stream, initial=INITIAL, evolve=evolve, decide=noted, context=cause.context,
            event_ids=cause.ids(_REACTION, stream, events), folded=folded,
        )  # fmt: skip
        look.note(events, done.events)


def _left_to_decide(assessed: Assessed) -> Assessed:
    """Return the same for a pathway whose awarding body decides: it may not award by itself now."""
    return replace(assessed, pathway=replace(assessed.pathway, mode="decision"))
