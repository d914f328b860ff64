"""What the three logs may state about one learner's credentials and awards, for tests of read tables and queries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import MetaData, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.digest import content_digest
from kompetenspass.events import catalog, issuance, registry, stacking
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.log.api import Recorded
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of
from services.issuance import projections, tables
from services.issuance.queries import Queries
from services.issuance.tests.world import KOMMUN, SINCE, VUX, definition, pilot

LEARNER = "learner-1"
TODAY = NOON.date()
HANDLERS = {**projections.facts.handlers, **projections.overview.handlers}
PATHWAY: dict[str, Any] = pilot()["pathways"][0]
STACK, STACK_CREDENTIAL = UUID(int=0x5AC), UUID(int=0x5ACC)


def id_of(name: str) -> UUID:
    """Return the id that stands for a name."""
    return uuid5(UUID(int=7), name)


def recorded(event: Event, position: int) -> Recorded:
    """Return an event as its log holds it, in a stream of its own."""
    owner, stream = event.owner(), f"said-{id_of(repr(event))}"
    draft = seal(id_of(f"{owner} {position}"), event, Context(SYSTEM, NOON + timedelta(seconds=position), "test"))
    return Recorded(position, stream, 1, draft.id, draft.type, NOON + timedelta(days=1), draft.data)


def log_of(events: Iterable[Event]) -> list[Recorded]:
    """Return events of one log, in order."""
    return [recorded(event, position) for position, event in enumerate(events, 1)]


async def say(connection: AsyncConnection, *events: Event | Recorded, times: int = 1) -> None:
    """Let the projections hear events, each of them several times over."""
    writing = Writing(connection)
    for position, event in enumerate(events, 1):
        heard = event if isinstance(event, Recorded) else recorded(event, position)
        for _ in range(times):
            await HANDLERS[type(heard.event)](writing, heard)
    await writing.flush()


async def rows(connection: AsyncConnection, metadata: MetaData) -> dict[str, list[str]]:
    """Return all that the tables hold."""
    return {
        table.name: sorted(map(repr, (await connection.execute(select(table))).all()))
        for table in metadata.sorted_tables
    }


@asynccontextmanager
async def tabled(database: Database) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database with the read tables, empty."""
    engine = engine_of(database.dsn("issuance"), "issuance")
    async with engine.begin() as connection:
        for metadata in (tables.FACTS, tables.OVERVIEW):
            await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


def founded(org_id: str = KOMMUN, *roles: str) -> list[Event]:
    """Return an organisation with its roles."""
    slug = org_id.removeprefix("org:")
    named = registry.OrganisationRegistered(
        org_id=org_id, legal_name={"sv": slug}, slug=slug, registration_no="DEMO", country="SE"
    )
    grants = [
        registry.RoleGranted(org_id=org_id, role=role, mandate_ref="M", granted_by="org:rise", valid_from=SINCE)
        for role in roles
    ]
    return [named, *grants]


def defined(definition_id: str = "sko-ys-01", **changes: Any) -> list[Event]:
    """Return the publication of a definition that its sector body approved."""
    content = definition(definition_id) | changes
    approved = catalog.SectorApproved(
        definition_id=definition_id, version=content["version"], sector_org="org:sector", decision_ref="d",
        approved_on="2026-09-01",
    )  # fmt: skip
    published = catalog.DefinitionPublished(
        definition_id=definition_id, urn=content["urn"], version=content["version"], owner_org=KOMMUN,
        awarding_body=KOMMUN, provider=VUX, content=content, content_digest=content_digest(content),
        effective_from=SINCE,
    )  # fmt: skip
    return [approved, published]


def pathway(**changes: Any) -> catalog.PathwayPublished:
    """Return the publication of a version of the pilot's pathway."""
    content = PATHWAY | changes
    return catalog.PathwayPublished(
        pathway_id=content["id"], urn=content["urn"], version=content["version"], owner_org=KOMMUN,
        awarding_body=content["awarding_body"], content=content, content_digest=content_digest(content),
        rule_digest=content_digest(content["rule"]), effective_from=SINCE,
    )  # fmt: skip


def merit(name: str, definition_id: str = "sko-ys-01", *, on: date = TODAY, route: Any = "course") -> list[Event]:
    """Return a learner's way from the plan to an offered credential; the ids follow from the name."""
    achievement, vault_ref = id_of(f"achievement {name}"), id_of(f"vault {name}")
    digest = content_digest(definition(definition_id))
    planned = issuance.AssessmentPlanned(
        achievement_id=achievement, learner_ref=LEARNER, definition_id=definition_id, definition_version=1,
        definition_digest=digest, awarding_body=KOMMUN, provider=VUX, route=route,
    )  # fmt: skip
    result = issuance.ResultRecorded(
        achievement_id=achievement, passed=True, rule="min_percent", vault_ref=vault_ref, assessor_ref="a",
        supervision="s", assessed_on=on,
    )  # fmt: skip
    confirmed = issuance.AchievementConfirmed(
        achievement_id=achievement, vault_ref=vault_ref, awarded_on=on, assessor_authorisation_ref="d",
        recognition_level="R4",
    )  # fmt: skip
    return [planned, result, confirmed, offered(name, definition_id)]


def offered(name: str, definition_id: str = "sko-ys-01", number: int = 1) -> issuance.CredentialOffered:
    """Return an offer of a merit's credential."""
    return issuance.CredentialOffered(
        credential_id=id_of(name), achievement_id=id_of(f"achievement {name}"), learner_ref=LEARNER,
        offer_id=id_of(f"offer {number} of {name}"), definition_id=definition_id, definition_version=1,
        definition_digest=content_digest(definition(definition_id)), issuer_org=KOMMUN, formats=("dc+sd-jwt",),
        recognition_level="R4", tx_code=False, offer_expires_at=NOON + timedelta(days=7),
    )  # fmt: skip


def issued(offer: issuance.CredentialOffered, *digests: str, replaces: Sequence[str] = ()) -> issuance.CredentialIssued:
    """Return the issue of what was offered."""
    shared = offer.model_dump(
        exclude={"offer_id", "formats", "tx_code", "offer_expires_at"},
    )
    copies = tuple(
        registry.StatusRef(digest=digest, status_uri="https://registry.example/status/1", index=number)
        for number, digest in enumerate(digests)
    )
    return issuance.CredentialIssued(
        **shared, issuer="i", format="dc+sd-jwt", vct="v", kid="k", copies=copies, replaces=tuple(replaces),
        valid_from=NOON,
    )  # fmt: skip


def earned(name: str, definition_id: str = "sko-ys-01", **how: Any) -> list[Event]:
    """Return a learner's way from the plan to an issued credential."""
    return [*merit(name, definition_id, **how), issued(offered(name, definition_id), f"copy of {name}")]


def constituent(name: str, definition_id: str = "sko-ys-01", *digests: str) -> stacking.Constituent:
    """Return a credential as an award binds it."""
    return stacking.Constituent(
        credential_id=id_of(name), kind="definition", definition_id=definition_id, definition_version=1,
        definition_digest=content_digest(definition(definition_id)), digests=digests or (f"copy of {name}",),
        status_at_award="valid",
    )  # fmt: skip


def award() -> dict[str, Any]:
    """Return what both the proposal and the award name."""
    return {
        "stack_id": STACK, "credential_id": STACK_CREDENTIAL, "learner_ref": LEARNER, "pathway_id": PATHWAY["id"],
        "pathway_version": 1, "pathway_digest": content_digest(PATHWAY),
        "rule_digest": content_digest(PATHWAY["rule"]), "awarding_body": KOMMUN, "ordinal": 1,
        "constituents": (constituent("a"), constituent("b", "sko-ys-02")),
    }  # fmt: skip


def proposed() -> stacking.StackAwardProposed:
    """Return the proposal of an award."""
    return stacking.StackAwardProposed(**award())


def stacked(on: date = TODAY) -> stacking.CredentialStacked:
    """Return the award."""
    return stacking.CredentialStacked(
        **award(), proof_digest="p", mode="automatic", awarded_on=on, recognition_level="R4"
    )


def lapse(kind: type[Event], cause: str = "lapse:1", **more: Any) -> Event:
    """Return that a cause suspends the award, or suspends it no longer, or that it is revoked."""
    its = {name: award()[name] for name in ("stack_id", "credential_id", "learner_ref", "pathway_id")}
    return kind.read(
        {**its, "pathway_version": 1, "issuer_org": KOMMUN, "cause": cause, "reason_code": "fraud", **more}
    )


def stack_offer() -> issuance.CredentialOffered:
    """Return the offer of the award's credential."""
    return offered("stack").model_copy(
        update={
            "credential_id": STACK_CREDENTIAL, "achievement_id": None, "stack_id": STACK,
            "definition_id": PATHWAY["id"], "definition_digest": content_digest(PATHWAY),
        }
    )  # fmt: skip


def queries_on(engine: AsyncEngine) -> Queries:
    """Return the queries of a service whose facts are always fresh."""

    async def fresh(*_owners: str) -> None:
        pass

    return Queries(engine, fresh, lambda statement: _OneByOne(engine, statement))


@dataclass(frozen=True)
class _OneByOne:
    """A hot statement that nobody shares, on a connection of the engine."""

    engine: AsyncEngine
    statement: str

    async def rows(self, *arguments: object) -> Sequence[Any]:
        async with self.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            rows: Sequence[Any] = await driver.fetch(self.statement, *([one] for one in arguments))
            return rows


async def told(engine: AsyncEngine, *events: Event | Recorded) -> None:
    """Let the projections of a database hear events."""
    async with engine.begin() as connection:
        await say(connection, *events)
