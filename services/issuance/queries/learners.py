"""Who has something: the learners of a credential, and those who hold anything that a pathway names."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BindParameter, String, Uuid, bindparam, case, cast, func, literal, null, select, union, union_all

from kompetenspass.log.direct import Direct
from services.issuance.queries.presented import counting
from services.issuance.queries.reading import CHANGES, Reading
from services.issuance.service.stacking_ports import Named, Revocation, Touched
from services.issuance.tables import (
    copies,
    credential_statuses,
    credentials,
    evidence,
    pathway_members,
    pathways,
    stacks,
)

_CREDENTIAL: BindParameter[UUID] = bindparam("credential_id", type_=Uuid)
_OFFERED = select(credentials.c.learner_ref).where(credentials.c.credential_id == _CREDENTIAL)
_MADE = select(stacks.c.learner_ref).where(stacks.c.credential_id == _CREDENTIAL)
_SHOWN = counting(_CREDENTIAL)
_EITHER = union(_OFFERED, _MADE, _SHOWN).subquery()
_LEARNERS = Direct(select(_EITHER.c.learner_ref, CHANGES).order_by(_EITHER.c.learner_ref))

_IS_ISSUED = (credentials.c.kind == "definition") & credentials.c.issued_at.is_not(None)
_MERIT = case((_IS_ISSUED, credentials.c.definition_id))
_AWARD = case((stacks.c.awarded_at.is_not(None), stacks.c.pathway_id))
_OF_NOBODY = cast(null(), String).label("own")
_TOUCHED = union_all(
    _OFFERED.add_columns(_MERIT.label("named"), _OF_NOBODY),
    _MADE.add_columns(_AWARD.label("named"), stacks.c.pathway_id.label("own")),
    _SHOWN.add_columns(func.coalesce(_MERIT, _AWARD).label("named"), _OF_NOBODY)
    .outerjoin_from(evidence, credentials, credentials.c.credential_id == _CREDENTIAL)
    .outerjoin(stacks, stacks.c.credential_id == _CREDENTIAL),
).subquery()
_TOUCHED_BY = Direct(select(_TOUCHED, CHANGES).order_by(_TOUCHED.c.learner_ref))


class LearnerQueries(Reading):
    """The part of service.stacking_ports.StackingFacts about whose a credential is, and who holds one."""

    async def learners_of(self, credential_id: UUID) -> Sequence[str]:
        """Return whose credential it is, and for whom it counts because they presented it; sorted. Refreshes."""
        rows = await self._direct(_LEARNERS, credential_id=credential_id)
        if rows:
            self._changed_to(rows[0].changes)
        return [row.learner_ref for row in rows]

    async def touched_by(self, credential_id: UUID) -> Sequence[Touched]:
        """Return the same learners, each with what the credential is there for. Refreshes."""
        rows = await self._direct(_TOUCHED_BY, credential_id=credential_id)
        if rows:
            self._changed_to(rows[0].changes)
        return [
            Touched(
                learner_ref,
                named=frozenset(row.named for row in rows if row.learner_ref == learner_ref and row.named is not None),
                own=frozenset(row.own for row in rows if row.learner_ref == learner_ref and row.own is not None),
            )
            for learner_ref in dict.fromkeys(row.learner_ref for row in rows)
        ]

    async def credential_of_copy(self, digest: str) -> UUID | None:
        """Return the credential that a copy belongs to, whatever became of it; None when none was issued here."""
        rows = await self._rows(select(copies.c.credential_id).where(copies.c.digest == digest))
        return rows[0].credential_id if rows else None

    async def revocation(self, credential_id: UUID) -> Revocation | None:
        """Return how the registry revoked a credential, None when it did not."""
        said = credential_statuses.c
        found = select(said.reason_code, said.void_ab_initio)
        rows = await self._rows(found.where(said.credential_id == credential_id, said.status == "revoked"))
        return Revocation(rows[0].reason_code, rows[0].void_ab_initio) if rows else None

    async def named_by(self, pathway_id: str) -> Named:
        """Return what any version of the pathway names, and of the pathways that it names, and so on."""
        member, its = pathway_members.c, pathways.c
        below = select(literal(pathway_id).label("id")).cte("below", recursive=True)
        below = below.union(select(member.id).join(below, member.pathway_id == below.c.id))
        ids = [row.id for row in await self._rows(select(below.c.id).order_by(below.c.id))]
        selecting = select(its.pathway_id).where(its.selectors, its.pathway_id.in_(ids)).limit(1)
        return Named(tuple(one for one in ids if one != pathway_id), bool(await self._rows(selecting)))

    async def holders(self, named: Named, *, limit: int, after: str) -> Sequence[str]:
        """Return learners who hold anything that is named, sorted; `after` is the last one of the page before."""
        held, shown, made = credentials.c, evidence.c, stacks.c
        presented = select(shown.learner_ref).join(credentials, held.credential_id == shown.credential_id)
        sources = (
            (select(held.learner_ref).where(held.issued_at.is_not(None)), held.learner_ref, held.definition_id),
            (presented.where(shown.ended.is_(None)), shown.learner_ref, held.definition_id),
            (select(made.learner_ref).where(made.awarded_at.is_not(None)), made.learner_ref, made.pathway_id),
        )
        pages = []
        for source, learner_ref, what in sources:
            some = source if named.selectors else source.where(what.in_(named.ids))
            page = some.where(learner_ref > after).distinct().order_by(learner_ref).limit(limit)
            pages.append(select(page.subquery()))
        either = union(*pages).subquery()
        rows = await self._rows(select(either.c.learner_ref).order_by(either.c.learner_ref).limit(limit))
        return [row.learner_ref for row in rows]
