"""A pathway is published: who holds something of it is looked at soon, by the timer of what is due."""

from __future__ import annotations

from kompetenspass.core.clock import Clock
from services.issuance.service.stacking_ports import DueDates, StackingFacts

_PAGE = 1000


class Publications:
    """Notes learners, a page at a time; nothing is evaluated here."""

    def __init__(self, facts: StackingFacts, due: DueDates, clock: Clock) -> None:
        self._facts = facts
        self._due = due
        self._clock = clock

    async def published(self, pathway_id: str) -> None:
        """Note every learner who holds anything that the pathway names; a repeat costs them a look in vain."""
        await self._facts.refresh()
        named, now = await self._facts.named_by(pathway_id), self._clock()
        page = await self._facts.holders(named, limit=_PAGE, after="")
        while page:
            await self._due.note_all(page, pathway_id, now)
            page = await self._facts.holders(named, limit=_PAGE, after=page[-1])
