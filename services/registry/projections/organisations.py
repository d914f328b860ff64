"""Organisations, their roles and their keys, from the registry's own log."""

from __future__ import annotations

from sqlalchemy import and_, update

from kompetenspass.events.registry import (
    IssuerKeyCompromised,
    IssuerKeyRegistered,
    OrganisationRegistered,
    RoleGranted,
    RoleWithdrawn,
)
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from services.registry import tables as t


async def _registered(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, OrganisationRegistered)
    writing.put(t.organisations, event.model_dump(mode="json", exclude={"mandate_ref"}))


async def _granted(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RoleGranted)
    row = event.model_dump(exclude={"granted_by"}) | {"granted_by_event": recorded.id}
    writing.upsert(t.roles, row | {"scope": event.scope.model_dump(mode="json")})


async def _withdrawn(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RoleWithdrawn)
    mine = and_(t.roles.c.org_id == event.org_id, t.roles.c.role == event.role)
    later = (t.roles.c.valid_to.is_(None)) | (t.roles.c.valid_to > event.withdrawn_from)
    await writing.execute(update(t.roles).where(mine, later).values(valid_to=event.withdrawn_from))


async def _key_registered(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, IssuerKeyRegistered)
    row = event.model_dump(exclude={"purpose", "jwk_thumbprint"})
    writing.upsert(t.keys, row | {"x5c": list(event.x5c)})


async def _key_compromised(writing: Writing, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, IssuerKeyCompromised)
    key = {"org_id": event.org_id, "kid": event.kid}
    writing.change(t.keys, key, {"compromised_since": event.compromised_since})


ORGANISATIONS = Projection(
    name="organisations",
    version=t.ORGANISATIONS_VERSION,
    logs=("registry",),
    metadata=t.organisations_metadata,
    handlers={
        OrganisationRegistered: _registered,
        RoleGranted: _granted,
        RoleWithdrawn: _withdrawn,
        IssuerKeyRegistered: _key_registered,
        IssuerKeyCompromised: _key_compromised,
    },
)
