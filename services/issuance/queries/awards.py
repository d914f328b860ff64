"""Awards and proposals, as GET and the awarding body's lists show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, select

from kompetenspass.events.stacking import Constituent
from kompetenspass.log.direct import Direct
from services.issuance.queries.reading import Reading
from services.issuance.service.stacking_ports import AwardFilter, OpenOffer, Review, StackRow
from services.issuance.tables import credential_statuses, credentials, stacks

_OFFER = tuple(credentials.c[name] for name in ("offer_id", "offer_state", "offer_expires_at", "digests"))
_STATUS = tuple(credential_statuses.c[name] for name in ("status", "reason_code", "void_ab_initio"))


def stacked(*which: ColumnElement[bool]) -> Select[Any]:
    """Select awards, each with the offer, the live digests and the status of its credential."""
    found = select(stacks, *_OFFER, *_STATUS).where(*which)
    found = found.outerjoin(credentials, credentials.c.credential_id == stacks.c.credential_id)
    return found.outerjoin(credential_statuses, credential_statuses.c.credential_id == stacks.c.credential_id)


_AWARD = Direct(stacked(stacks.c.stack_id == bindparam("stack_id")))
_OF_CREDENTIAL = Direct(select(stacks.c.stack_id).where(stacks.c.credential_id == bindparam("credential_id")))


class AwardQueries(Reading):
    """The part of service.stacking_ports.StackingFacts about awards."""

    async def award(self, stack_id: UUID) -> StackRow | None:
        """Return one award or proposal."""
        rows = await self._direct(_AWARD, stack_id=stack_id)
        return stack_row(rows[0]) if rows else None

    async def awards(self, wanted: AwardFilter, *, limit: int, after: UUID | None = None) -> Sequence[StackRow]:
        """Return awards and proposals, ordered by id; `after` is the last id of the page before."""
        page = stacked(*_wanted(wanted)).order_by(stacks.c.stack_id).limit(limit)
        if after is not None:
            page = page.where(stacks.c.stack_id > after)
        return [stack_row(row) for row in await self._rows(page)]

    async def overdue_reviews(self, now: datetime, limit: int) -> Sequence[StackRow]:
        """Return awards whose review should have been decided, the longest overdue first."""
        due = stacked(stacks.c.review_deadline < now).order_by(stacks.c.review_deadline, stacks.c.stack_id)
        return [stack_row(row) for row in await self._rows(due.limit(limit))]

    async def stack_of_credential(self, credential_id: UUID) -> UUID | None:
        """Return the award that the credential proves, None when it proves none."""
        rows = await self._direct(_OF_CREDENTIAL, credential_id=credential_id)
        return rows[0].stack_id if rows else None


def _wanted(wanted: AwardFilter) -> list[ColumnElement[bool]]:
    its = stacks.c
    named = {name: getattr(wanted, name) for name in ("learner_ref", "pathway_id", "state")}
    conditions = [its.awarding_body == wanted.awarding_body]
    conditions += [its[name] == value for name, value in named.items() if value is not None]
    if wanted.in_review:
        conditions.append(its.review_deadline.is_not(None))
    if wanted.overdue_at is not None:
        conditions.append(its.review_deadline < wanted.overdue_at)
    return conditions


def stack_row(row: Any) -> StackRow:
    """Return the award of a row of `stacked`."""
    return StackRow(
        stack_id=row.stack_id,
        credential_id=row.credential_id,
        learner_ref=row.learner_ref,
        pathway_id=row.pathway_id,
        pathway_version=row.pathway_version,
        pathway_digest=row.pathway_digest,
        rule_digest=row.rule_digest,
        awarding_body=row.awarding_body,
        ordinal=row.ordinal,
        state=row.state,
        causes=tuple(row.causes),
        constituents=tuple(Constituent.model_validate(one) for one in row.constituents),
        review=_review(row),
        awarded_on=row.awarded_on,
        awarded_at=row.awarded_at,
        recognition_level=row.recognition_level,
        offer=OpenOffer(row.offer_id, row.offer_expires_at) if row.offer_state == "open" else None,
    )


def _review(row: Any) -> Review | None:
    if row.review is None:
        return None
    constituent = row.review["constituent_id"]
    return Review(UUID(constituent) if constituent else None, row.review["reason_code"], row.review_deadline)
