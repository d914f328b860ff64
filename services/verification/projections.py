"""How the logs of registry, catalog and issuance fill the tables that trust is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import func, or_, update

from kompetenspass.events import catalog, issuance, registry
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Projection
from kompetenspass.log.writing import Writing
from kompetenspass.pathway.held import VOID_REASONS
from services.verification.tables import (
    CATALOG,
    ISSUANCE,
    REGISTRY,
    definitions,
    issued_copies,
    issuer_keys,
    issuing_rights,
    roles,
    sector_approvals,
    voided_credentials,
)

E = TypeVar("E", bound=Event)


async def key_registered(writing: Writing, recorded: Recorded) -> None:
    """Write the key; a compromise that is known already stays."""
    event = _event(recorded, registry.IssuerKeyRegistered)
    row = event.model_dump(include={"org_id", "kid", "issuer", "valid_from", "valid_to"})
    writing.upsert(issuer_keys, row | {"thumbprint": event.jwk_thumbprint})


async def key_compromised(writing: Writing, recorded: Recorded) -> None:
    """Note since when the key is compromised; of several moments the earliest counts."""
    event = _event(recorded, registry.IssuerKeyCompromised)
    held = update(issuer_keys).where(issuer_keys.c.org_id == event.org_id, issuer_keys.c.kid == event.kid)
    since = func.least(issuer_keys.c.compromised_since, event.compromised_since)
    await writing.execute(held.values(compromised_since=since))


async def role_granted(writing: Writing, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, registry.RoleGranted)
    row = event.model_dump(include={"org_id", "role", "valid_from", "valid_to"})
    scope = event.scope.model_dump(mode="json")
    writing.upsert(roles, row | {"granted_at": recorded.position, "scope": scope})


async def role_withdrawn(writing: Writing, recorded: Recorded) -> None:
    """End the grants of the role at the moment of withdrawal; one that would begin later never does."""
    event = _event(recorded, registry.RoleWithdrawn)
    at = event.withdrawn_from
    ended = update(roles).where(
        roles.c.org_id == event.org_id,
        roles.c.role == event.role,
        roles.c.granted_at < recorded.position,
        or_(roles.c.valid_to.is_(None), roles.c.valid_to > at),
    )
    await writing.execute(ended.values(valid_to=func.greatest(roles.c.valid_from, at)))


async def credential_revoked(writing: Writing, recorded: Recorded) -> None:
    """Note a credential that never should have been; any other revocation is its status alone."""
    event = _event(recorded, registry.CredentialRevoked)
    if event.void_ab_initio or event.reason_code in VOID_REASONS:
        writing.upsert(voided_credentials, {"credential_id": event.credential_id})


async def sector_approved(writing: Writing, recorded: Recorded) -> None:
    """Write which sector body approved the version."""
    event = _event(recorded, catalog.SectorApproved)
    writing.upsert(sector_approvals, event.model_dump(include={"definition_id", "version", "sector_org"}))


async def definition_published(writing: Writing, recorded: Recorded) -> None:
    """Write the published version."""
    event = _event(recorded, catalog.DefinitionPublished)
    row = event.model_dump(include={"urn", "version", "definition_id", "owner_org", "content_digest"})
    writing.upsert(definitions, row | _said("definition", event.content))


async def pathway_published(writing: Writing, recorded: Recorded) -> None:
    """Write the published version of the pathway, by whose name awards are issued."""
    event = _event(recorded, catalog.PathwayPublished)
    row = event.model_dump(include={"urn", "version", "owner_org", "content_digest"})
    writing.upsert(definitions, row | {"definition_id": event.pathway_id} | _said("pathway", event.content))


async def right_granted(writing: Writing, recorded: Recorded) -> None:
    """Write the grant."""
    event = _event(recorded, catalog.IssuingRightGranted)
    row = event.model_dump(include={"definition_id", "issuer_org", "valid_from", "valid_to"})
    writing.upsert(issuing_rights, row | {"granted_at": recorded.position})


async def right_withdrawn(writing: Writing, recorded: Recorded) -> None:
    """End the grants at the moment of withdrawal; one that would begin later never does."""
    event = _event(recorded, catalog.IssuingRightWithdrawn)
    table, at = issuing_rights, event.withdrawn_from
    ended = update(table).where(
        table.c.definition_id == event.definition_id,
        table.c.issuer_org == event.issuer_org,
        table.c.granted_at < recorded.position,
        or_(table.c.valid_to.is_(None), table.c.valid_to > at),
    )
    await writing.execute(ended.values(valid_to=func.greatest(table.c.valid_from, at)))


async def credential_issued(writing: Writing, recorded: Recorded) -> None:
    """Write each copy with the time that issuance's log gave the fact."""
    event = _event(recorded, issuance.CredentialIssued)
    names = {"credential_id", "issuer_org", "definition_id", "definition_version", "definition_digest"}
    row = event.model_dump(include=names) | {"recorded": recorded.recorded}
    for copy in event.copies:
        writing.upsert(issued_copies, row | {"digest": copy.digest})


def _said(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document, and of it what the scope of a role is held against."""
    reach = {"fields": sorted(catalog.fields_of(content)), "region": catalog.region_of(content)}
    return {"kind": kind, "content": dict(content), **reach}


def _event(recorded: Recorded, kind: type[E]) -> E:
    event = recorded.event
    assert isinstance(event, kind)
    return event


PROJECTIONS = (
    Projection(
        "trust_registry",
        3,
        ("registry",),
        REGISTRY,
        {
            registry.IssuerKeyRegistered: key_registered,
            registry.IssuerKeyCompromised: key_compromised,
            registry.RoleGranted: role_granted,
            registry.RoleWithdrawn: role_withdrawn,
            registry.CredentialRevoked: credential_revoked,
        },
        judges_validity=True,
    ),
    Projection(
        "trust_catalog",
        3,
        ("catalog",),
        CATALOG,
        {
            catalog.SectorApproved: sector_approved,
            catalog.DefinitionPublished: definition_published,
            catalog.PathwayPublished: pathway_published,
            catalog.IssuingRightGranted: right_granted,
            catalog.IssuingRightWithdrawn: right_withdrawn,
        },
        judges_validity=True,
    ),
    Projection(
        "trust_issuance",
        2,
        ("issuance",),
        ISSUANCE,
        {issuance.CredentialIssued: credential_issued},
        judges_validity=True,
    ),
)
"""What trust rests on; none of the three is ready while an event of its log is put aside."""
