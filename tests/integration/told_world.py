"""Who there is and what may be learned, told at length: organisations, what they may do, definitions, pathways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from kompetenspass.core.digest import content_digest
from kompetenspass.events import catalog, registry
from kompetenspass.events.base import Event
from kompetenspass.testing.clock import NOON

Telling = Iterator[tuple[str, Event]]
"""What somebody says: each event with the name of its stream."""

JSON = dict[str, Any]

ORGANISATIONS = ("org:one", "org:two", "org:three")
DEFINITIONS = ("def-one", "def-two", "def-three", "def-four")
PATHWAYS = ("path-one", "path-two")
LIST = "https://registry.example/status"


def id_of(name: str) -> UUID:
    """Return the id that stands for a name."""
    return uuid5(UUID(int=6), name)


def definition(definition_id: str, version: int) -> JSON:
    """Return the document of a version."""
    fields = [{"code": f"0{version}31"}, {"code": "0923"}]
    return {
        "id": definition_id, "version": version, "title": {"sv": f"{definition_id} {version}"}, "fields": fields,
        "region": {"name": "Norr"} if version > 1 else None,
    }  # fmt: skip


def pathway(pathway_id: str, version: int) -> JSON:
    """Return the document of a version: each asks for one definition more."""
    leaves: list[JSON] = [{"credential": one} for one in DEFINITIONS[: version + 1]]
    if pathway_id == "path-two":
        leaves.append({"pathway": "path-one", "validity": "live"})
    return {
        "id": pathway_id, "version": version, "title": {"sv": f"{pathway_id} {version}"}, "rule": {"all_of": leaves},
        "constraints": {"double_counting": "forbid", "default_validity": "snapshot", "on_lapse": "suspend"},
        "award": {"mode": "automatic", "on_satisfied": "award"},
    }  # fmt: skip


def organisation(org_id: str) -> Telling:
    """An organisation comes, is let in, loses a role and gets it back; a key is compromised; assessors come and go."""
    stream, its = f"org-{org_id}", {"org_id": org_id}
    slug = org_id.removeprefix("org:")
    named = {"sv": slug, "en": slug.upper()}
    yield (
        stream,
        registry.OrganisationRegistered(
            **its, legal_name=named, slug=slug, registration_no="1", country="SE", region="Norr"
        ),
    )
    for number, role in enumerate(("issuer", "awarding_body", "issuer", "awarding_body", "awarding_body")):
        since = NOON - timedelta(days=90 - number)
        scope = registry.Scope(fields=("0131",), definitions=DEFINITIONS[:2]) if number else registry.EVERYTHING
        yield (
            stream,
            registry.RoleGranted(
                **its, role=role, scope=scope, mandate_ref=f"M-{number}", granted_by="org:rise", valid_from=since
            ),
        )
        if number % 2:
            yield (
                stream,
                registry.RoleWithdrawn(
                    **its, role=role, withdrawn_from=NOON - timedelta(days=30 - number), reason_code="ended"
                ),
            )
    yield from _keys(stream, org_id, slug)
    yield from _assessors(stream, org_id)


def _keys(stream: str, org_id: str, slug: str) -> Telling:
    for number in (1, 2):
        yield stream, registry.IssuerKeyRegistered(
            org_id=org_id, issuer=f"https://issuance.example/issuers/{slug}", kid=f"{slug}-{number}",
            purpose="credential_signing", jwk={"kty": "EC"}, jwk_thumbprint=f"t-{slug}-{number}", x5c=("AA==",),
            valid_from=NOON - timedelta(days=99), valid_to=NOON + timedelta(days=99),
        )  # fmt: skip
        if number == 1:
            for list_number in (1, 2):
                yield f"list-{id_of(f'{slug} {list_number}')}", registry.StatusListOpened(
                    list_id=id_of(f"{slug} {list_number}"), uri=f"{LIST}/{slug}-{list_number}", issuer_org=org_id,
                    issuer=f"https://issuance.example/issuers/{slug}", size=65536, bits=2, ttl_seconds=300,
                )  # fmt: skip
    for days in (3, 9, 5):
        since = NOON - timedelta(days=days)
        yield stream, registry.IssuerKeyCompromised(org_id=org_id, kid=f"{slug}-1", compromised_since=since)


def _assessors(stream: str, org_id: str) -> Telling:
    for number in (1, 2, 3):
        yield stream, registry.AssessorAuthorised(
            org_id=org_id, assessor_ref=f"assessor:{number % 2}", fields=("0131",), basis="rpl",
            decision_ref=f"D-{number}", valid_from=NOON - timedelta(days=50),
        )  # fmt: skip
        if number == 2:
            yield (
                stream,
                registry.AssessorWithdrawn(
                    org_id=org_id, assessor_ref="assessor:0", withdrawn_from=NOON - timedelta(days=2)
                ),
            )


def defined(definition_id: str, owner: str) -> Telling:
    """Three versions of a definition, each drafted twice; the first is retired; rights to issue come and go."""
    stream = f"def-{definition_id}"
    for version in (1, 2, 3):
        content, its = definition(definition_id, version), {"definition_id": definition_id, "version": version}
        for text in ({**content, "note": {"sv": "utkast"}}, content):
            yield (
                stream,
                catalog.DefinitionDrafted(**its, owner_org=owner, content=text, content_digest=content_digest(text)),
            )
        yield stream, catalog.DefinitionReviewRequested(**its)
        if version == 3:
            return
        yield stream, catalog.SectorApproved(**its, sector_org=owner, decision_ref="B-1", approved_on="2026-09-01")
        yield stream, catalog.DefinitionPublished(
            **its, urn=f"urn:{definition_id}", owner_org=owner, awarding_body=owner, provider="org:three",
            content=content, content_digest=content_digest(content), effective_from=NOON - timedelta(days=80),
        )  # fmt: skip
        if version == 2:
            yield (
                stream,
                catalog.DefinitionRetired(
                    definition_id=definition_id,
                    version=1,
                    superseded_by=f"urn:{definition_id}",
                    last_issue_date="2027-01-01",
                ),
            )
        yield from _rights(stream, definition_id, version)


def _rights(stream: str, definition_id: str, version: int) -> Telling:
    its = {"definition_id": definition_id, "issuer_org": "org:three"}
    for days in (70, 60 - version):
        yield stream, catalog.IssuingRightGranted(**its, valid_from=NOON - timedelta(days=days))
        yield stream, catalog.IssuingRightWithdrawn(**its, withdrawn_from=NOON - timedelta(days=days - 5))
    yield stream, catalog.IssuingRightGranted(**its, valid_from=NOON - timedelta(days=20))


def walked(pathway_id: str, owner: str) -> Telling:
    """Three versions of a pathway, of which the last is not published."""
    stream = f"path-{pathway_id}"
    for version in (1, 2, 3):
        content, its = pathway(pathway_id, version), {"pathway_id": pathway_id, "version": version}
        yield (
            stream,
            catalog.PathwayDrafted(**its, owner_org=owner, content=content, content_digest=content_digest(content)),
        )
        yield stream, catalog.PathwayReviewRequested(**its)
        if version == 3:
            return
        yield stream, catalog.PathwayPublished(
            **its, urn=f"urn:{pathway_id}", owner_org=owner, awarding_body=owner, content=content,
            content_digest=content_digest(content), rule_digest=content_digest(content["rule"]),
            effective_from=NOON - timedelta(days=80),
        )  # fmt: skip
