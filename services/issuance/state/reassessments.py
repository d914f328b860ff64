"""When to look at a learner's pathway again because time alone will change the answer. Implements DueDates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import DateTime, Executable, Text, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.service.stacking_ports import Due
from services.issuance.state.schema import reassessments

_SEVERAL = func.unnest(bindparam("learner_refs", type_=ARRAY(Text)))
_MOMENT = bindparam("due_at", type_=DateTime(timezone=True))
_NOTED = insert(reassessments).from_select(
    ["learner_ref", "pathway_id", "due_at"], select(_SEVERAL, bindparam("pathway_id", type_=Text), _MOMENT)
)
_NOTE = _NOTED.on_conflict_do_update(
    index_elements=["learner_ref", "pathway_id"],
    set_={
        "due_at": func.least(reassessments.c.due_at, _NOTED.excluded.due_at),
        "revision": reassessments.c.revision + 1,
    },
)


class Reassessments:
    """One row per learner and pathway; each method is one statement.

    `note` only ever brings the moment forward, so what a rival noted with newer facts is never lost; a moment that
    came too early costs one look in vain. `settle` takes a row away unless somebody noted anything since it was read.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def note(self, learner_ref: str, pathway_id: str, due_at: datetime) -> None:
        """Look again at that moment, or at an earlier one that was noted before."""
        await self.note_all((learner_ref,), pathway_id, due_at)

    async def note_all(self, learner_refs: Sequence[str], pathway_id: str, due_at: datetime) -> None:
        """Note the same moment for several learners, who are all different."""
        await self._run(_NOTE, learner_refs=list(learner_refs), pathway_id=pathway_id, due_at=due_at)

    async def due(self, now: datetime, limit: int) -> Sequence[Due]:
        """Return what is due, the longest waiting first."""
        waiting = select(reassessments).where(reassessments.c.due_at <= now)
        async with self._single.connect() as connection:
            rows = (await connection.execute(waiting.order_by(reassessments.c.due_at).limit(limit))).all()
        return [Due(row.learner_ref, row.pathway_id, row.due_at, row.revision) for row in rows]

    async def settle(self, due: Due, next_at: datetime | None) -> None:
        """Put the next moment in the place of one that was acted on, or nothing if there is none."""
        its = reassessments.c
        same = (
            its.learner_ref == due.learner_ref,
            its.pathway_id == due.pathway_id,
            its.revision == due.revision,
        )
        if next_at is None:
            await self._run(delete(reassessments).where(*same))
        else:
            await self._run(update(reassessments).where(*same).values(due_at=next_at, revision=its.revision + 1))

    async def _run(self, statement: Executable, **bound: object) -> None:
        async with self._single.connect() as connection:
            await connection.execute(statement, bound)
