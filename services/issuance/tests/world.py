"""What registry and catalog have stated: three organisations, an assessor, a key, a status list, definitions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import yaml

from kompetenspass.core.digest import content_digest
from kompetenspass.core.ids import uuid7
from kompetenspass.events import catalog, registry
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Append, Stored
from kompetenspass.log.postgres import PostgresLog
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.keys import TestSigner

PILOT = Path(__file__).parents[3] / "demo" / "pilots" / "02_skelleftea_kommun_yrkessvenska.yaml"
KOMMUN, VUX, SOCIALKONTORET = "org:skelleftea-kommun", "org:skelleftea-vux", "org:skelleftea-kommun-socialkontoret"
ASSESSOR = "assessor:skelleftea-vux-1"
LIST_URI = "https://registry.example/status/1"
LIST_ID = UUID("7a3d1c52-0000-4000-8000-000000000001")
ISSUER = "https://issuance.example/issuers/skelleftea-kommun"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def pilot() -> dict[str, Any]:
    """Return the pilot file: ten definitions of vocational Swedish and their pathway."""
    content: dict[str, Any] = yaml.safe_load(PILOT.read_text("utf-8"))
    return content


def definition(definition_id: str) -> dict[str, Any]:
    """Return the content of one definition of the pilot."""
    return next(each for each in pilot()["definitions"] if each["id"] == definition_id)


def published(content: dict[str, Any], **changes: Any) -> catalog.DefinitionPublished:
    """Return the event that publishes a definition."""
    values = {
        "definition_id": content["id"],
        "urn": content["urn"],
        "version": content["version"],
        "owner_org": content["awarding_body"],
        "awarding_body": content["awarding_body"],
        "provider": content["provider"],
        "content": content,
        "content_digest": content_digest(content),
        "effective_from": SINCE,
    }
    return catalog.DefinitionPublished(**(values | changes))


class World:
    """The two logs that issuance follows."""

    def __init__(self, registry_log: PostgresLog, catalog_log: PostgresLog) -> None:
        self.logs = {"registry": registry_log, "catalog": catalog_log}
        self._versions: dict[str, int] = {}
        self.positions: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        for log in self.logs.values():
            await log.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        for log in self.logs.values():
            await log.stop()

    async def state(self, stream: str, *events: Event) -> None:
        """Append events to a stream of their owner's log."""
        owner = events[0].owner()
        drafts = [seal(uuid7(), event, Context(SYSTEM, NOON, "test")) for event in events]
        answer = await self.logs[owner].append(Append(stream, self._versions.get(stream, 0), drafts))
        assert isinstance(answer, Stored), answer
        self._versions[stream] = answer.version
        self.positions[owner] = answer.position

    async def seed(self, signer: TestSigner) -> None:
        """State everything that a credential of Skellefteå kommun needs."""
        await self.found(KOMMUN, "Skellefteå kommun (demo)", "awarding_body", "issuer")
        await self.found(VUX, "Vuxenutbildningen i Skellefteå (VUX)", "provider")
        await self.found(SOCIALKONTORET, "Socialkontoret, Skellefteå kommun", "quality_assurer")
        await self.state(f"org-{VUX}", assessor(VUX, ASSESSOR))
        await self.state(f"org-{KOMMUN}", key_of(signer))
        await self.open_list(LIST_ID, LIST_URI, 4096)
        for content in pilot()["definitions"]:
            await self.state(f"def-{content['id']}", published(content))
        await self._pathway(pilot()["pathways"][0])

    async def open_list(self, list_id: UUID, uri: str, size: int) -> None:
        """Open a status list for Skellefteå kommun."""
        opened = registry.StatusListOpened(
            list_id=list_id, uri=uri, issuer_org=KOMMUN, issuer=ISSUER, size=size, bits=2, ttl_seconds=300
        )
        await self.state(f"list-{list_id}", opened)

    async def found(self, org_id: str, name: str, *roles: str, scope: registry.Scope = registry.EVERYTHING) -> None:
        """Register an organisation and grant it roles."""
        slug = org_id.removeprefix("org:")
        registered = registry.OrganisationRegistered(
            org_id=org_id, legal_name={"sv": name}, slug=slug, registration_no=f"DEMO-{slug}", country="SE",
            region="Västerbottens län",
        )  # fmt: skip
        granted = [
            registry.RoleGranted(
                org_id=org_id, role=role, scope=scope, mandate_ref="M", granted_by="org:rise", valid_from=SINCE
            )
            for role in roles
        ]
        await self.state(f"org-{org_id}", registered, *granted)

    async def _pathway(self, content: dict[str, Any]) -> None:
        event = catalog.PathwayPublished(
            pathway_id=content["id"],
            urn=content["urn"],
            version=1,
            owner_org=content["awarding_body"],
            awarding_body=content["awarding_body"],
            content=content,
            content_digest=content_digest(content),
            rule_digest=content_digest(content["rule"]),
            effective_from=SINCE,
        )
        await self.state(f"path-{content['id']}", event)


def assessor(org_id: str, assessor_ref: str, *fields: str) -> registry.AssessorAuthorised:
    """Return the authorisation of an assessor, by default in the field of the pilot."""
    return registry.AssessorAuthorised(
        org_id=org_id,
        assessor_ref=assessor_ref,
        fields=fields or ("0231",),
        basis="founding_decision",
        decision_ref="DEMO-FOUNDING-02",
        valid_from=SINCE,
        valid_to=SINCE + timedelta(days=900),
    )


def key_of(signer: TestSigner) -> registry.IssuerKeyRegistered:
    """Return the registration of the issuer's key."""
    return registry.IssuerKeyRegistered(
        org_id=KOMMUN,
        issuer=ISSUER,
        kid=signer.kid,
        purpose="credential_signing",
        jwk=dict(signer.public_jwk),
        jwk_thumbprint=signer.kid,
        x5c=tuple(signer.x5c),
        valid_from=SINCE,
        valid_to=SINCE + timedelta(days=900),
    )
