"""What the logs say, as the tables of trust have it; and the durable tables, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
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
from kompetenspass.keys.sealing import kept_secret
from kompetenspass.log.api import Recorded
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of, upgrade
from services.verification import state, vault
from services.verification.domain import judgement
from services.verification.domain.presentation import Asked
from services.verification.domain.trust import Document, Facts, Grant, Period
from services.verification.projections import PROJECTIONS
from services.verification.queries import TrustFacts
from services.verification.tests.world import ISSUED, ISSUER, ORG, START, URN, World

ID = UUID("0190f7a0-0000-7000-8000-00000000000a")


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    await upgrade(database.dsn("verification"), "services.verification.migrations")
    engine = engine_of(database.dsn("verification"), "verification")
    async with engine.begin() as connection:
        for projection in PROJECTIONS:
            await connection.run_sync(projection.metadata.create_all)
    yield engine
    await engine.dispose()


async def said(engine: AsyncEngine, *events: Event, start: int = 1) -> None:
    """Let the projections hear events, twice each: a second time changes nothing."""
    handlers = {kind: handler for projection in PROJECTIONS for kind, handler in projection.handlers.items()}
    async with engine.begin() as connection:
        for position, event in enumerate(events, start):
            draft = seal(uuid7(), event, Context(SYSTEM, NOON, "test"))
            recorded = Recorded(position, "s", position, draft.id, draft.type, ISSUED, draft.data)
            await handlers[type(event)](connection, recorded)
            await handlers[type(event)](connection, recorded)


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


async def about(engine: AsyncEngine, world: World, credential: str) -> Facts:
    return await TrustFacts(engine).about(judgement.read(credential))


async def test_what_the_services_say_makes_a_credential_trusted(engine: AsyncEngine, world: World) -> None:
    credential = world.credential()
    await said(engine, *trusted(world, judgement.read(credential).digest))
    facts = await about(engine, world, credential)
    world.said.facts = facts
    assert (await world.judge.pasted(credential)).outcome == "verified"
    assert facts.issue is not None
    assert facts.issue.recorded == ISSUED
    assert await TrustFacts(engine).urn_of("mm-01") == URN


async def test_what_a_roles_scope_is_held_against_is_known(engine: AsyncEngine, world: World) -> None:
    scope = registry.Scope(fields=("0231",), regions=("Norr",))
    granted = registry.RoleGranted(
        org_id=ORG, role="issuer", scope=scope, mandate_ref="M", granted_by="org:rise", valid_from=START
    )
    events = trusted(world, "digest")
    content = {"fields": [{"code": "0231"}, {"code": "0001"}], "region": {"name": "Norr"}}
    published = events[3].model_copy(update={"content": content})
    await said(engine, events[0], granted, published)
    facts = await about(engine, world, world.credential())
    assert facts.roles["issuer"] == (Grant(Period(START), scope),)
    assert facts.definition is not None
    assert (facts.definition.fields, facts.definition.region) == (frozenset({"0001", "0231"}), "Norr")


async def test_what_is_withdrawn_has_an_end(engine: AsyncEngine, world: World) -> None:
    credential = world.credential()
    await said(engine, *trusted(world, "another digest"))
    await said(
        engine,
        registry.RoleWithdrawn(org_id=ORG, role="issuer", withdrawn_from=NOON, reason_code="x"),
        catalog.IssuingRightWithdrawn(definition_id="mm-01", issuer_org=ORG, withdrawn_from=NOON),
        registry.IssuerKeyCompromised(org_id=ORG, kid=world.issuer.kid, compromised_since=NOON),
        start=7,
    )
    facts = await about(engine, world, credential)
    assert facts.roles == {"issuer": (Grant(Period(START, NOON)),), "awarding_body": (Grant(Period(START)),)}
    assert facts.rights == (Period(START, NOON),)
    assert facts.key is not None
    assert facts.key.compromised_since == NOON
    assert facts.issue is None


async def test_of_two_compromises_the_earlier_counts_and_registering_again_does_not_heal(
    engine: AsyncEngine, world: World
) -> None:
    events = trusted(world, "digest")
    for since in (NOON, START, NOON):
        compromise = registry.IssuerKeyCompromised(org_id=ORG, kid=world.issuer.kid, compromised_since=since)
        events.append(compromise)
    await said(engine, *events, events[0])
    key = (await about(engine, world, world.credential())).key
    assert key is not None
    assert key.compromised_since == START


async def test_a_pathway_is_known_by_its_urn(engine: AsyncEngine) -> None:
    await said(engine, path(1))
    assert await TrustFacts(engine).urn_of("path-01") == "urn:path-01"
    with pytest.raises(Problem):
        await TrustFacts(engine).urn_of("nowhere")


async def test_what_is_published_is_known_word_by_word(engine: AsyncEngine, world: World) -> None:
    approved = catalog.SectorApproved(
        definition_id="mm-01", version=1, sector_org="org:sector", decision_ref="D", approved_on="2026-01-01"
    )
    await said(engine, approved, trusted(world, "digest")[3], path(1), path(2), path(1, "path-02"))
    facts = TrustFacts(engine)
    merit = Document("definition", "mm-01", URN, 1, {}, "org:sector")
    first, second = (Document("pathway", "path-01", "urn:path-01", n, {"version": n}) for n in (1, 2))
    wanted = {(URN, 1), ("urn:path-01", 1), ("urn:path-01", 3)}
    assert await facts.documents(wanted) == {(URN, 1): merit, ("urn:path-01", 1): first}
    assert await facts.documents(()) == {}
    ids = ["path-02", "path-01", "mm-01"]
    assert [found.id for found in await facts.newest("pathway", ids)] == ["path-01", "path-02"]
    assert await facts.newest("pathway", ["path-01"]) == (second,)
    assert await facts.newest("definition", ids) == (merit,)
    assert await facts.newest("definition", []) == ()


@pytest.mark.parametrize(
    ("reason", "said_void", "void"),
    [("holder_request", True, True), ("holder_request", False, False), ("fraud", False, True)],
)
async def test_a_credential_that_never_should_have_been_is_known(
    engine: AsyncEngine, world: World, reason: RevocationReason, *, said_void: bool, void: bool
) -> None:
    credential = world.credential()
    revoked = registry.CredentialRevoked(
        credential_id=ID, copies=(), reason_code=reason, effective_from=NOON, void_ab_initio=said_void
    )
    await said(engine, revoked, *trusted(world, judgement.read(credential).digest))
    issue = (await about(engine, world, credential)).issue
    assert issue is not None
    assert issue.void is void


async def test_all_roles_of_an_issuer_are_known(engine: AsyncEngine, world: World) -> None:
    await said(engine, key_of(world), role("provider"))
    facts = await about(engine, world, world.credential())
    assert facts.roles == {"issuer": (), "awarding_body": (), "provider": (Grant(Period(START)),)}


async def test_nothing_is_known_of_a_stranger(engine: AsyncEngine, world: World) -> None:
    facts = await about(engine, world, world.credential())
    assert facts == Facts(roles={"issuer": (), "awarding_body": ()})


async def test_requests_are_fetched_so_often_and_swept_a_day_after(engine: AsyncEngine) -> None:
    held = state.RequestState(engine)
    asked = Asked(ID, ORG, "nonce", "state", {"credentials": []}, NOON, deep=True)
    await held.put(asked)
    assert await held.get(ID) == asked
    assert [await held.fetched(ID, 2) for _ in range(3)] == [True, True, False]
    await held.put_verdict(ID, ID, {"outcome": "refused"}, NOON)
    assert await held.verdict(ID) == {"outcome": "refused"}
    await held.sweep(NOON + timedelta(hours=23), 30)
    assert await held.get(ID) is not None
    await held.sweep(NOON + timedelta(days=31), 30)
    assert await held.get(ID) is None
    assert await held.verdict(ID) is None


async def test_claims_are_sealed_taken_once_and_gone_after_minutes(engine: AsyncEngine, tmp_path: Path) -> None:
    key = kept_secret(tmp_path / "claims.key")
    assert kept_secret(tmp_path / "claims.key") == key
    waiting = vault.Disclosures(engine, lambda: key)
    await waiting.put(ID, {"family_name": "Elev"}, NOON, 300)
    async with engine.connect() as connection:
        sealed = (await connection.execute(vault.disclosures.select())).one().sealed
    assert b"Elev" not in sealed
    assert await waiting.take(ID, NOON) == {"family_name": "Elev"}
    assert await waiting.take(ID, NOON) is None
    await waiting.put(ID, {"family_name": "Elev"}, NOON, 300)
    assert await waiting.take(ID, NOON + timedelta(seconds=300)) is None
    await waiting.put(ID, {}, NOON, 300)
    await waiting.sweep(NOON + timedelta(seconds=300))
    assert await waiting.take(ID, NOON) is None


async def test_claims_sealed_with_another_key_are_lost(engine: AsyncEngine) -> None:
    await vault.Disclosures(engine, lambda: bytes(32)).put(ID, {}, NOON, 300)
    assert await vault.Disclosures(engine, lambda: bytes([1] * 32)).take(ID, NOON) is None
