"""What one learner has, as evaluation sees it, and what the facts say of definitions and issuers.

A learner without awards and without credentials of other issuers costs one statement, which says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, Uuid, any_, bindparam, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.catalog import fields_of
from kompetenspass.events.stacking import Constituent
from kompetenspass.log.direct import Direct
from kompetenspass.pathway.held import Held, HeldAward, Standing
from kompetenspass.pathway.traits import Traits, traits_of
from services.issuance.domain.authority import Definition, Organisation
from services.issuance.queries.awards import stack_row, stacked
from services.issuance.queries.facts import FactQueries
from services.issuance.queries.presented import presented_by, with_presented
from services.issuance.service.stacking_ports import Holdings
from services.issuance.tables import (
    achievements,
    credential_statuses,
    credentials,
    definitions,
    evidence,
    sector_approvals,
    stacks,
)

_TRAITS = "traits"
_EARNED = tuple(achievements.c[name] for name in ("route", "vault_ref"))
_STATUS = tuple(credential_statuses.c[name] for name in ("status", "reason_code", "void_ab_initio", "caused_by"))
_AWARDED_AT = func.coalesce(achievements.c.awarded_at, credentials.c.issued_at).label("awarded_at")
_WORSE: Sequence[Standing] = ("valid", "suspended", "expired", "revoked")
_OF_STATE: Mapping[str, Standing] = {"awarded": "valid", "suspended": "suspended", "revoked": "revoked"}


def _issued(which: ColumnElement[bool]) -> Select[Any]:
    """Select issued credentials; one that rests on an achievement shows once that is seen to be confirmed."""
    its = credentials.c
    found = select(credentials, *_EARNED, *_STATUS, _AWARDED_AT)
    found = found.outerjoin(achievements, achievements.c.achievement_id == its.achievement_id)
    found = found.outerjoin(credential_statuses, credential_statuses.c.credential_id == its.credential_id)
    found = found.where(which, its.kind == "definition", its.issued_at.is_not(None))
    found = found.where(its.achievement_id.is_(None) | achievements.c.awarded_at.is_not(None))
    return found.order_by(_AWARDED_AT, its.credential_id)


_LEARNER: BindParameter[str] = bindparam("learner_ref")
_IDS = any_(bindparam("ids", type_=ARRAY(Uuid)))
_ELSE = (
    exists().where(stacks.c.learner_ref == _LEARNER).label("has_awards"),
    exists().where(evidence.c.learner_ref == _LEARNER).label("has_presented"),
)
_OWN = Direct(_issued(credentials.c.learner_ref == _LEARNER).add_columns(*_ELSE))
_AWARDED = Direct(stacked(stacks.c.learner_ref == _LEARNER).order_by(stacks.c.pathway_id, stacks.c.ordinal))
_PRESENTED = Direct(presented_by(_LEARNER))
_OTHERS = Direct(_issued(credentials.c.credential_id == _IDS))
_OTHERS_AWARDED = Direct(stacked(stacks.c.credential_id == _IDS, stacks.c.awarded_at.is_not(None)))


class HoldingQueries(FactQueries):
    """The part of service.stacking_ports.StackingFacts about a learner."""

    async def holdings(self, learner_ref: str) -> Holdings:
        """Return all that the learner has. Raises Problem `facts_stale` for a definition or issuer not known yet."""
        issued = await self._direct(_OWN, learner_ref=learner_ref)
        nothing: Sequence[Any] = ()  # where nothing was issued, nothing is said of the rest
        awarded = not issued or issued[0].has_awards
        stacks_ = await self._direct(_AWARDED, learner_ref=learner_ref) if awarded else nothing
        others = not issued or issued[0].has_presented
        presented = await self._direct(_PRESENTED, learner_ref=learner_ref) if others else nothing
        found = await self._held_as(issued, [row for row in stacks_ if row.awarded_at is not None])
        tenant = _tenant(issued, stacks_, presented)
        found = replace(found, stacks=tuple(stack_row(row) for row in stacks_), tenant=tenant)
        return with_presented(found, await self._presented(presented), presented) if presented else found

    async def _held_as(self, issued: Sequence[Any], awarded: Sequence[Any]) -> Holdings:
        """Return issued credentials and awards as evaluation sees them."""
        if not issued and not awarded:
            return Holdings()
        traits = await self._traits({row.definition_digest for row in issued})
        issuers = await self.organisations(*sorted({row.issuer_org for row in issued}))
        if {row.issuer_org for row in issued} - issuers.keys():
            raise _facts_missing()
        return Holdings(
            held=tuple(
                _held(row, traits[row.definition_digest], issuers[row.issuer_org], _place_taken(row, issued))
                for row in issued
            ),
            awards=tuple(_award(row) for row in awarded),
            constituents=_constituents(issued, awarded),
            vault_refs={row.credential_id: row.vault_ref for row in issued if _in_percent(row, traits)},
        )

    async def _presented(self, presented: Sequence[Any]) -> Holdings:
        """Return what others issued, as evaluation sees it but for what the presentation itself decides."""
        ids = [row.credential_id for row in presented]
        return await self._held_as(await self._direct(_OTHERS, ids=ids), await self._direct(_OTHERS_AWARDED, ids=ids))

    async def published_version(self, definition_id: str, version: int | None) -> tuple[Definition, Traits] | None:
        """Return a published version of a definition (None: the newest), with its traits."""

        async def read() -> tuple[Definition, Traits] | None:
            its = definitions.c
            newest = select(its.digest).where(its.definition_id == definition_id).order_by(its.version.desc()).limit(1)
            rows = await self._rows(newest if version is None else newest.where(its.version == version))
            found = await self.definition_version(rows[0].digest) if rows else None
            return None if found is None else (found, (await self._traits({found.digest}))[found.digest])

        return await self._known(("published", definition_id, version), read, misses=False)

    async def _traits(self, digests: set[str]) -> Mapping[str, Traits]:
        """Return what versions of definitions say; those not remembered are read in one statement."""
        remembered = self._remembered
        found = {digest: remembered[_TRAITS, digest] for digest in digests if (_TRAITS, digest) in remembered}
        unknown = sorted(digests - found.keys())
        for row in await self._rows(_versions(unknown)) if unknown else ():
            found[row.digest] = traits_of(row.content, sector=row.sector_org, fields=fields_of(row.content))
            self._remember(remembered, (_TRAITS, row.digest), found[row.digest])
        if digests - found.keys():
            raise _facts_missing()
        return found


def _versions(digests: Sequence[str]) -> Select[Any]:
    its, approval = definitions.c, sector_approvals.c
    approved = (approval.definition_id == its.definition_id) & (approval.version == its.version)
    found = select(its.digest, its.content, approval.sector_org).outerjoin(sector_approvals, approved)
    return found.where(its.digest.in_(digests))


def _place_taken(row: Any, issued: Sequence[Any]) -> tuple[UUID | None, Standing]:
    """Return the successor, once it is there to count in its place, and how the credential itself stands.

    What the registry revoked because our log said so is not judged before our log is seen to say it.
    """
    successor = row.superseded_by if any(one.credential_id == row.superseded_by for one in issued) else None
    awaited = row.reason_code == "superseded" and row.caused_by is not None and successor is None
    return successor, "unknown" if awaited else row.status or "valid"


def _held(row: Any, traits: Traits, issuer: Organisation, place: tuple[UUID | None, Standing]) -> Held:
    successor, standing = place
    return Held(
        credential_id=row.credential_id,
        definition_id=row.definition_id,
        version=row.definition_version,
        issuer_org=row.issuer_org,
        awarded_at=row.awarded_at,
        recognition_level=row.recognition_level,
        standing=standing,
        reason_code=row.reason_code,
        void_ab_initio=bool(row.void_ab_initio),
        valid_to=row.valid_to,
        superseded_by=successor,
        result_known=not traits.percent,
        rpl=row.route == "validation_rpl",
        hours=traits.hours,
        ects=traits.ects,
        eqf=traits.eqf,
        seqf=traits.seqf,
        sector=traits.sector,
        reuse=traits.reuse,
        fields=traits.fields,
        esco=traits.esco,
        issuer_roles=frozenset(grant.role for grant in issuer.grants if grant.in_force(row.awarded_at)),
        outcomes=traits.outcomes,
    )


def _award(row: Any) -> HeldAward:
    return HeldAward(
        stack_id=row.stack_id,
        credential_id=row.credential_id,
        pathway_id=row.pathway_id,
        version=row.pathway_version,
        issuer_org=row.awarding_body,
        awarded_at=row.awarded_at,
        recognition_level=row.recognition_level,
        standing=_standing(row),
        reason_code=row.reason_code or (row.causes[0] if row.causes else None),
        void_ab_initio=bool(row.void_ab_initio),
    )


def _standing(row: Any) -> Standing:
    """Return the worse of the award's own state and of its credential's status."""
    return max(_OF_STATE[row.state], cast(Standing, row.status or "valid"), key=_WORSE.index)


def _constituents(issued: Sequence[Any], stacked_: Sequence[Any]) -> dict[UUID, Constituent]:
    """Return what an award would say now of each credential; of an award not fetched yet there are no digests."""
    found = {
        row.credential_id: Constituent(
            credential_id=row.credential_id,
            kind="definition",
            definition_id=row.definition_id,
            definition_version=row.definition_version,
            definition_digest=row.definition_digest,
            digests=tuple(row.digests),
            status_at_award=row.status or "valid",
        )
        for row in issued
    }
    for row in stacked_:
        found[row.credential_id] = Constituent(
            credential_id=row.credential_id,
            kind="pathway",
            definition_id=row.pathway_id,
            definition_version=row.pathway_version,
            definition_digest=row.pathway_digest,
            digests=tuple(row.digests or ()),
            status_at_award=_standing(row),
        )
    return found


def _in_percent(row: Any, traits: Mapping[str, Traits]) -> bool:
    return traits[row.definition_digest].percent and row.vault_ref is not None


def _facts_missing() -> Problem:
    return Problem(
        "facts_stale",
        "What the learner's credentials rest on has not reached this service yet.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again in a moment.",
        headers={"Retry-After": "1"},
    )


def _tenant(issued: Sequence[Any], stacks_: Sequence[Any], presented: Sequence[Any]) -> str | None:
    """Return whose learner it is: all that a learner was issued, awarded and let count comes from one tenant."""
    named = (*(row.issuer_org for row in issued), *(row.awarding_body for row in (*presented, *stacks_)))
    return next(iter(named), None)
