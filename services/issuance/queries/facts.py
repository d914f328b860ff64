"""Facts for the use cases of achievements, offers and credentials, and the overview of an achievement."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, bindparam, case, func, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.events.registry import Scope
from kompetenspass.log.direct import Direct
from services.issuance.domain.authority import (
    AssessorAward,
    Authorisation,
    Definition,
    Grant,
    IssuerKey,
    Organisation,
    Right,
)
from services.issuance.domain.credential import Status
from services.issuance.queries.reading import CHANGES_TEXT, Asked, Reading
from services.issuance.service.ports import Configuration
from services.issuance.tables import (
    achievements,
    assessors,
    credential_statuses,
    credentials,
    definitions,
    issuer_keys,
    issuing_rights,
    organisations,
    pathway_members,
    pathways,
    roles,
    stacks,
)

_NEWEST = select(definitions).ext(distinct_on(definitions.c.definition_id))
_NEWEST = _NEWEST.order_by(definitions.c.definition_id, definitions.c.version.desc())

NEWEST_PATHWAYS = select(pathways).ext(distinct_on(pathways.c.pathway_id))
NEWEST_PATHWAYS = NEWEST_PATHWAYS.order_by(pathways.c.pathway_id, pathways.c.version.desc())


_IS_ID = assessors.c.decision_ref.regexp_match("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_NAMED = case(((assessors.c.basis == "stack_award") & _IS_ID, sql_cast(assessors.c.decision_ref, Uuid)))
_AUTHORISATIONS = (
    select(
        assessors,
        *(stacks.c[name] for name in ("pathway_id", "state", "awarded_on")),
        credentials.c.valid_to.label("award_valid_to"),
        credential_statuses.c.status.label("award_status"),
    )
    .outerjoin(stacks, stacks.c.stack_id == _NAMED)
    .outerjoin(credentials, credentials.c.credential_id == stacks.c.credential_id)
    .outerjoin(credential_statuses, credential_statuses.c.credential_id == stacks.c.credential_id)
)


_AUTHORISATIONS_OF = Direct(
    _AUTHORISATIONS.where(assessors.c.assessor_ref == bindparam("assessor_ref")).order_by(assessors.c.decision_ref)
)

_STATUS = f"""
select asked.number, status, {CHANGES_TEXT} from unnest($1::uuid[]) with ordinality as asked(credential_id, number)
left join credential_statuses using (credential_id)
"""  # noqa: S608  a text of ours
_ACHIEVED = """
select asked.number, definition_id from unnest($1::text[]) with ordinality as asked(learner_ref, number)
join achievements using (learner_ref) where phase = 'confirmed'
"""


class FactQueries(Reading):
    """Implements service.ports.Facts."""

    def __init__(
        self, engine: AsyncEngine, require_fresh: Callable[..., Awaitable[None]], shared: Callable[[str], Asked]
    ) -> None:
        super().__init__(engine, require_fresh, shared)
        self._status = shared(_STATUS)
        self._achieved = shared(_ACHIEVED)

    async def definition(self, definition_id: str) -> Definition | None:
        """Return the newest published version. Anybody may name one, so what is not found is not remembered."""

        async def read() -> Definition | None:
            rows = await self._rows(_NEWEST.where(definitions.c.definition_id == definition_id))
            return _definition(rows[0]) if rows else None

        return await self._known(("newest", definition_id), read, misses=False)

    async def definition_version(self, digest: str) -> Definition | None:
        """Return the version that the digest names."""

        async def read() -> Definition | None:
            rows = await self._rows(select(definitions).where(definitions.c.digest == digest))
            return _definition(rows[0]) if rows else None

        return await self._known(("definition", digest), read)

    async def organisations(self, *org_ids: str) -> Mapping[str, Organisation]:
        """Return those that are known, with their roles and keys."""

        async def read() -> Mapping[str, Organisation]:
            rows = await self._rows(_organisations(organisations.c.org_id.in_(org_ids)))
            return {row.org_id: _organisation(row) for row in rows}

        return await self._known(("organisations", org_ids), read)

    async def issuer(self, slug: str) -> Organisation | None:
        """Return the organisation of an issuer identifier. Anybody may ask, so what is not found is not remembered."""

        async def read() -> Organisation | None:
            rows = await self._rows(_organisations(organisations.c.slug == slug))
            return _organisation(rows[0]) if rows else None

        return await self._known(("issuer", slug), read, misses=False)

    async def rights(self, definition_id: str) -> Sequence[Right]:
        """Return the issuing rights that were granted for a definition."""

        async def read() -> Sequence[Right]:
            granted = select(issuing_rights).where(issuing_rights.c.definition_id == definition_id)
            return [Right(row.issuer_org, row.valid_from, row.valid_to) for row in await self._rows(granted)]

        return await self._known(("rights", definition_id), read)

    async def authorisations(self, assessor_ref: str) -> Sequence[Authorisation]:
        """Return what an assessor is authorised for, each with the stack award on which it rests."""
        return [_authorisation(row) for row in await self._direct(_AUTHORISATIONS_OF, assessor_ref=assessor_ref)]

    async def achieved(self, learner_ref: str) -> frozenset[str]:
        """Return the definitions of the learner's confirmed achievements."""
        return frozenset(definition_id for _, definition_id in await self._achieved.rows(learner_ref))

    async def part_of(self, named: str, kind: Literal["definition", "pathway"] = "definition") -> Sequence[str]:
        """Return the URNs of the published pathways that name the definition or pathway, sorted."""

        async def read() -> Sequence[str]:
            newest, member = NEWEST_PATHWAYS.subquery(), pathway_members.c
            its = (member.pathway_id == newest.c.pathway_id) & (member.version == newest.c.version)
            naming = select(newest.c.urn).join(pathway_members, its).order_by(newest.c.urn)
            rows = await self._rows(naming.where(member.kind == kind, member.id == named))
            return [row.urn for row in rows]

        return await self._known(("part_of", kind, named), read)

    async def configurations(self, issuer: Organisation, at: datetime) -> Sequence[Configuration]:
        """Return what the metadata of an issuer offers at that moment, sorted by id."""
        right = issuing_rights.c
        granted = select(right.definition_id).where(
            right.issuer_org == issuer.id, right.valid_from <= at, or_(right.valid_to.is_(None), right.valid_to > at)
        )
        own = or_(definitions.c.owner_org == issuer.id, definitions.c.definition_id.in_(granted))
        merits = [_definition(row) for row in await self._rows(_NEWEST.where(own))]
        awards = await self._rows(NEWEST_PATHWAYS.where(pathways.c.awarding_body == issuer.id))
        found = [_configuration(merit.id, merit.content) for merit in merits if issuer.holds("issuer", merit, at)]
        found += [_configuration(row.pathway_id, {"title": row.title}) for row in awards]
        return sorted(found, key=lambda one: one.id)

    async def status(self, credential_id: UUID) -> Status | None:
        """Return what the registry says of a credential, None before it said anything.

        The same look forgets what was remembered if the facts have changed since.
        """
        ((_, status, changes),) = await self._status.rows(credential_id)
        self._changed_to(json.loads(changes) if changes else None)
        return cast(Status | None, status)

    async def achievement(self, achievement_id: UUID) -> dict[str, Any] | None:
        """Return the overview of one achievement with its credential; no names and no scores."""
        rows = await self._rows(
            select(
                achievements,
                *(credentials.c[name] for name in ("credential_id", "offer_state", "offer_expires_at", "issued_at")),
            )
            .outerjoin(credentials, credentials.c.achievement_id == achievements.c.achievement_id)
            .where(achievements.c.achievement_id == achievement_id)
        )
        return dict(rows[0]._mapping) if rows else None


def _organisations(which: ColumnElement[bool]) -> Select[Any]:
    """Select organisations, each with its roles and keys as JSON, in one statement."""
    grants = func.jsonb_build_object(
        "role", roles.c.role, "valid_from", roles.c.valid_from, "valid_to", roles.c.valid_to, "scope", roles.c.scope
    )
    keys = func.jsonb_build_object(
        "kid", issuer_keys.c.kid,
        "jwk", issuer_keys.c.jwk,
        "valid_from", issuer_keys.c.valid_from,
        "valid_to", issuer_keys.c.valid_to,
        "compromised_since", issuer_keys.c.compromised_since,
    )  # fmt: skip
    held = select(func.jsonb_agg(grants)).where(roles.c.org_id == organisations.c.org_id).scalar_subquery()
    owned = select(func.jsonb_agg(keys)).where(issuer_keys.c.org_id == organisations.c.org_id).scalar_subquery()
    return select(organisations, held.label("grants"), owned.label("keys")).where(which)


def _organisation(row: Row[Any]) -> Organisation:
    return Organisation(
        id=row.org_id,
        slug=row.slug,
        legal_name=row.legal_name,
        registration_no=row.registration_no,
        country=row.country,
        region=row.region,
        grants=tuple(_grant(held) for held in row.grants or ()),
        keys=tuple(_key(owned) for owned in row.keys or ()),
    )


def _grant(held: Mapping[str, Any]) -> Grant:
    valid_from, valid_to = datetime.fromisoformat(held["valid_from"]), _moment(held["valid_to"])
    return Grant(held["role"], valid_from, valid_to, Scope.model_validate(held["scope"]))


def _key(owned: Mapping[str, Any]) -> IssuerKey:
    return IssuerKey(
        owned["kid"],
        owned["jwk"],
        datetime.fromisoformat(owned["valid_from"]),
        datetime.fromisoformat(owned["valid_to"]),
        _moment(owned["compromised_since"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _definition(row: Row[Any]) -> Definition:
    return Definition(
        id=row.definition_id,
        urn=row.urn,
        version=row.version,
        digest=row.digest,
        owner_org=row.owner_org,
        awarding_body=row.awarding_body,
        provider=row.provider,
        content=row.content,
        retired=row.retired,
        last_issue_date=row.last_issue_date,
    )


def _authorisation(row: Any) -> Authorisation:
    fields = frozenset(row.fields)
    award = None
    if row.awarded_on is not None:
        holds = row.state == "awarded" and row.award_status not in ("suspended", "revoked")
        award = AssessorAward(row.pathway_id, holds, row.awarded_on, row.award_valid_to)
    return Authorisation(row.org_id, fields, row.decision_ref, row.valid_from, row.valid_to, row.basis, award)


def _configuration(id_: str, content: Mapping[str, Any]) -> Configuration:
    return Configuration(id_, content["title"], content.get("description") or {})
