"""What the logs say, as the tables of trust have it, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events import catalog, issuance, registry
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.registry import RevocationReason
from kompetenspass.log.api import Recorded
from kompetenspass.log.writing import Writing
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of, upgrade
from kompetenspass.web.statements import Statements
from services.verification.domain import judgement
from services.verification.domain.trust import Document, Facts, Grant, Period
from services.verification.projections import PROJECTIONS
from services.verification.queries import TrustFacts
from services.verification.tests.world import ISSUED, ISSUER, ORG, START, URN, World

ID = UUID("0190f7a0-0000-7000-8000-00000000000a")


@pytest.fixture
async def statements(database: Database) -> AsyncIterator[Statements]:
    statements = Statements(database.dsn("verification"), "verification")
    yield statements
    await statements.close()


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    await upgrade(database.dsn("verification"), "services.verification.migrations")
    engine = engine_of(database.dsn("verification"), "verification")
    async with engine.begin() as connection:
        for projection in PROJECTIONS:
            await connection.run_sync(projection.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def known(engine: AsyncEngine, statements: Statements) -> TrustFacts:
    return TrustFacts(engine, statements)


async def said(engine: AsyncEngine, *events: Event, start: int = 1) -> None:
    """Let the projections hear events, twice each: a second time changes nothing."""
    handlers = {kind: handler for projection in PROJECTIONS for kind, handler in projection.handlers.items()}
    async with engine.begin() as connection:
        writing = Writing(connection)
        for position, event in enumerate(events, start):
            draft = seal(uuid7(), event, Context(SYSTEM, NOON, "test"))
            recorded = Recorded(position, "s", position, draft.id, draft.type, ISSUED, draft.data)
            await handlers[type(event)](writing, recorded)
            await handlers[type(event)](writing, recorded)
        await writing.flush()


def role(name: str) -> Event:
    return registry.RoleGranted(org_id=ORG, role=name, mandate_ref="M", granted_by="org:rise", valid_from=START)


def key_of(world: World) -> Event:
    return registry.IssuerKeyRegistered(
        org_id=ORG,
        issuer=ISSUER,
        kid=world.issuer.kid,
        purpose="credential_signing",
        jwk=dict(world.issuer.public_jwk),
        jwk_thumbprint=world.issuer.kid,
        x5c=tuple(world.issuer.x5c),
        valid_from=START,
        valid_to=START + timedelta(days=398),
    )


def issued(kid: str, digest: str, definition_id: str = "mm-01", definition_digest: str = "digest") -> Event:
    return issuance.CredentialIssued(
        credential_id=ID,
        achievement_id=ID,
        learner_ref="ref",
        definition_id=definition_id,
        definition_version=1,
        definition_digest=definition_digest,
        issuer_org=ORG,
        issuer=ISSUER,
        format="dc+sd-jwt",
        vct="vct",
        kid=kid,
        copies=(registry.StatusRef(digest=digest, status_uri="https://registry.example/status/1", index=7),),
        recognition_level="R4",
        valid_from=NOON,
    )


def trusted(world: World, digest: str) -> list[Event]:
    """Return all that makes a credential with this digest trusted; the issuer has a right, it is not the owner."""
    published = catalog.DefinitionPublished(
        definition_id="mm-01",
        urn=URN,
        version=1,
        owner_org="org:owner",
        awarding_body="org:owner",
        provider="org:owner",
        content={},
        content_digest="digest",
        effective_from=START,
    )
    right = catalog.IssuingRightGranted(definition_id="mm-01", issuer_org=ORG, valid_from=START)
    return [key_of(world), role("issuer"), role("awarding_body"), published, right, issued(world.issuer.kid, digest)]


def path(version: int, pathway_id: str = "path-01", content: dict[str, Any] | None = None) -> Event:
    return catalog.PathwayPublished(
        pathway_id=pathway_id,
        urn=f"urn:{pathway_id}",
        version=version,
        owner_org=ORG,
        awarding_body=ORG,
        content=content or {"version": version},
        content_digest="d",
        rule_digest="r",
        effective_from=START,
    )


def published_path(rule: dict[str, Any]) -> Event:
    """Return the publication of a pathway with this rule."""
    constraints = {"double_counting": "forbid", "default_validity": "snapshot"}
    award = {"mode": "automatic", "on_satisfied": "award"}
    return path(1, content={"id": "path-01", "version": 1, "rule": rule, "constraints": constraints, "award": award})


async def about(known: TrustFacts, credential: str) -> Facts:
    return await known.about(judgement.read(credential))


async def test_what_the_services_say_makes_a_credential_trusted(
    engine: AsyncEngine, known: TrustFacts, world: World
) -> None:
    credential = world.credential()
    await said(engine, *trusted(world, judgement.read(credential).digest))
    facts = await about(known, credential)
    world.said.facts = facts
    assert (await world.judge.pasted(credential)).outcome == "verified"
    assert facts.issue is not None
    assert facts.issue.recorded == ISSUED
    assert await known.urn_of("mm-01") == URN


async def test_what_a_roles_scope_is_held_against_is_known(
    engine: AsyncEngine, known: TrustFacts, world: World
) -> None:
    scope = registry.Scope(fields=("0231",), regions=("Norr",))
    granted = registry.RoleGranted(
        org_id=ORG, role="issuer", scope=scope, mandate_ref="M", granted_by="org:rise", valid_from=START
    )
    events = trusted(world, "digest")
    content = {"fields": [{"code": "0231"}, {"code": "0001"}], "region": {"name": "Norr"}}
    published = events[3].model_copy(update={"content": content})
    await said(engine, events[0], granted, published)
    facts = await about(known, world.credential())
    assert facts.roles["issuer"] == (Grant(Period(START), scope),)
    assert facts.definition is not None
    assert (facts.definition.fields, facts.definition.region) == (frozenset({"0001", "0231"}), "Norr")


async def test_what_is_withdrawn_has_an_end(engine: AsyncEngine, known: TrustFacts, world: World) -> None:
    credential = world.credential()
    await said(engine, *trusted(world, "another digest"))
    await said(
        engine,
        registry.RoleWithdrawn(org_id=ORG, role="issuer", withdrawn_from=NOON, reason_code="x"),
        catalog.IssuingRightWithdrawn(definition_id="mm-01", issuer_org=ORG, withdrawn_from=NOON),
        registry.IssuerKeyCompromised(org_id=ORG, kid=world.issuer.kid, compromised_since=NOON),
        start=7,
    )
    facts = await about(known, credential)
    assert facts.roles == {"issuer": (Grant(Period(START, NOON)),), "awarding_body": (Grant(Period(START)),)}
    assert facts.rights == (Period(START, NOON),)
    assert facts.key is not None
    assert facts.key.compromised_since == NOON
    assert facts.issue is None


async def test_of_two_compromises_the_earlier_counts_and_registering_again_does_not_heal(
    engine: AsyncEngine, known: TrustFacts, world: World
) -> None:
    events = trusted(world, "digest")
    for since in (NOON, START, NOON):
        compromise = registry.IssuerKeyCompromised(org_id=ORG, kid=world.issuer.kid, compromised_since=since)
        events.append(compromise)
    await said(engine, *events, events[0])
    key = (await about(known, world.credential())).key
    assert key is not None
    assert key.compromised_since == START


async def test_a_pathway_is_known_by_its_urn(engine: AsyncEngine, known: TrustFacts) -> None:
    await said(engine, path(1))
    assert await known.urn_of("path-01") == "urn:path-01"
    with pytest.raises(Problem):
        await known.urn_of("nowhere")


async def test_what_is_published_is_known_word_by_word(engine: AsyncEngine, known: TrustFacts, world: World) -> None:
    approved = catalog.SectorApproved(
        definition_id="mm-01", version=1, sector_org="org:sector", decision_ref="D", approved_on="2026-01-01"
    )
    await said(engine, approved, trusted(world, "digest")[3], path(1), path(2), path(1, "path-02"))
    merit = Document("definition", "mm-01", URN, 1, {}, "org:sector")
    first, second = (Document("pathway", "path-01", "urn:path-01", n, {"version": n}) for n in (1, 2))
    wanted = {(URN, 1), ("urn:path-01", 1), ("urn:path-01", 3)}
    assert await known.documents(wanted) == {(URN, 1): merit, ("urn:path-01", 1): first}
    assert await known.documents(()) == {}
    ids = ["path-02", "path-01", "mm-01"]
    assert [found.id for found in await known.newest("pathway", ids)] == ["path-01", "path-02"]
    assert await known.newest("pathway", ["path-01"]) == (second,)
    assert await known.newest("definition", ids) == (merit,)
    assert await known.newest("definition", []) == ()


@pytest.mark.parametrize(
    ("reason", "said_void", "void"),
    [("holder_request", True, True), ("holder_request", False, False), ("fraud", False, True)],
)
async def test_a_credential_that_never_should_have_been_is_known(
    engine: AsyncEngine, known: TrustFacts, world: World, reason: RevocationReason, *, said_void: bool, void: bool
) -> None:
    credential = world.credential()
    revoked = registry.CredentialRevoked(
        credential_id=ID, copies=(), reason_code=reason, effective_from=NOON, void_ab_initio=said_void
    )
    await said(engine, revoked, *trusted(world, judgement.read(credential).digest))
    issue = (await about(known, credential)).issue
    assert issue is not None
    assert issue.void is void


async def test_all_roles_of_an_issuer_are_known(engine: AsyncEngine, known: TrustFacts, world: World) -> None:
    await said(engine, key_of(world), role("provider"))
    facts = await about(known, world.credential())
    assert facts.roles == {"issuer": (), "awarding_body": (), "provider": (Grant(Period(START)),)}


async def test_nothing_is_known_of_a_stranger(engine: AsyncEngine, known: TrustFacts, world: World) -> None:
    facts = await about(known, world.credential())
    assert facts == Facts(roles={"issuer": (), "awarding_body": ()})


async def test_what_is_asked_at_the_same_moment_is_answered_each_with_its_own(
    engine: AsyncEngine, known: TrustFacts, world: World
) -> None:
    first, second, stranger = (judgement.read(world.credential()) for _ in range(3))
    other = replace(second, definition="urn:other")
    await said(engine, *trusted(world, first.digest))
    facts = await asyncio.gather(*(known.about(each) for each in (first, stranger, other, first)))
    assert [one.issue is not None for one in facts] == [True, False, False, True]
    assert [one.definition is not None for one in facts] == [True, True, False, True]
    assert all(one.key is not None and one.roles["issuer"] for one in facts)
