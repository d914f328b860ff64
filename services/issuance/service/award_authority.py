"""Who may offer an award of a pathway and issue its credential: its awarding body. Source: domain.md 3.5."""

from __future__ import annotations

from datetime import datetime

from kompetenspass.core.errors import Kind, Problem
from services.issuance.domain.authority import Definition, Organisation, require_role
from services.issuance.service.ports import Facts
from services.issuance.service.stacking_ports import PublishedPathway


async def awarded_by(facts: Facts, pathway_digest: str, at: datetime) -> tuple[PublishedPathway, Organisation]:
    """Return the version of the pathway and its awarding body, which owns it and so needs no issuing right.

    Raises `role_not_held` unless it is awarding body and issuer then, within scopes that cover the pathway;
    `facts_stale` for what is not known here yet.
    """
    published = await facts.pathway_version(pathway_digest)
    if published is None:
        raise facts_missing()
    issuer = (await facts.organisations(published.awarding_body)).get(published.awarding_body)
    if issuer is None:
        raise facts_missing()
    for role in ("awarding_body", "issuer"):
        require_role(issuer, role, as_definition(published), at)
    return published, issuer


def as_definition(published: PublishedPathway) -> Definition:
    """Return a pathway as what its award's credential names as its definition."""
    return Definition(
        id=published.pathway.id,
        urn=published.urn,
        version=published.pathway.version,
        digest=published.digest,
        owner_org=published.awarding_body,
        awarding_body=published.awarding_body,
        provider=published.awarding_body,
        content=published.content,
    )


def facts_missing() -> Problem:
    """Return the refusal for the time until what a credential rests on is known here."""
    return Problem(
        "facts_stale",
        "What the credential rests on has not reached this service yet.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again in a moment.",
        headers={"Retry-After": "1"},
    )
