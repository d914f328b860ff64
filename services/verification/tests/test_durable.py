"""The durable tables: requests, verdicts, claims that wait; on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.ids import uuid7
from kompetenspass.keys.sealing import kept_secret
from kompetenspass.openid.oid4vp import dcql
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.postgres import Database
from kompetenspass.web.migrate import engine_of, upgrade
from kompetenspass.web.statements import Statements
from services.verification import state, vault
from services.verification.domain.presentation import Asked, question
from services.verification.service.ports import SealedClaims
from services.verification.tests.world import ORG, URN

ID = UUID("0190f7a0-0000-7000-8000-00000000000a")
LATER = NOON + timedelta(seconds=300)
QUERY = dcql.definition_query(vct="vct", definition=URN)


@pytest.fixture
async def statements(database: Database) -> AsyncIterator[Statements]:
    statements = Statements(database.dsn("verification"), "verification")
    yield statements
    await statements.close()


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    await upgrade(database.dsn("verification"), "services.verification.migrations")
    engine = engine_of(database.dsn("verification"), "verification")
    yield engine
    await engine.dispose()


async def test_requests_are_fetched_so_often_and_swept_a_day_after(engine: AsyncEngine, statements: Statements) -> None:
    held = state.RequestState(engine, statements)
    asked = Asked(ID, ORG, "nonce", "state", question(json.dumps(QUERY)), NOON, deep=True)
    await held.put(asked)
    kept = await held.get(ID)
    assert kept is not None
    assert kept.dcql_query == QUERY
    asked = replace(asked, question=kept.question)  # the database writes JSON in its own way
    assert kept == asked
    before = NOON - timedelta(seconds=1)
    assert await held.fetch(ID, 2, NOON) is None
    assert [await held.fetch(ID, 2, before) for _ in range(3)] == [asked, asked, None]
    await held.put_verdict(ID, ID, {"outcome": "refused"}, NOON, None)
    assert await held.verdict(ID) == {"outcome": "refused"}
    await held.sweep(NOON + timedelta(hours=23), 30)
    assert await held.get(ID) is not None
    await held.sweep(NOON + timedelta(days=31), 30)
    assert await held.get(ID) is None
    assert await held.verdict(ID) is None


async def test_claims_are_sealed_taken_once_and_gone_after_minutes(
    engine: AsyncEngine, statements: Statements, tmp_path: Path
) -> None:
    key = kept_secret(tmp_path / "claims.key")
    assert kept_secret(tmp_path / "claims.key") == key
    held, waiting = state.RequestState(engine, statements), vault.Disclosures(engine, statements, lambda: key)
    first, second, third = uuid7(), uuid7(), uuid7()

    async def keep(verdict_id: UUID, claims: dict[str, str]) -> None:
        await held.put_verdict(verdict_id, ID, {}, NOON, waiting.sealed(verdict_id, claims, LATER))

    await keep(first, {"family_name": "Elev"})
    async with engine.connect() as connection:
        sealed = (await connection.execute(vault.disclosures.select())).one().sealed
    assert b"Elev" not in sealed
    assert await waiting.take(first, NOON) == {"family_name": "Elev"}
    assert await waiting.take(first, NOON) is None
    await keep(second, {"family_name": "Elev"})
    assert await waiting.take(second, LATER) is None
    await keep(third, {})
    await waiting.sweep(LATER)
    assert await waiting.take(third, NOON) is None


async def test_claims_sealed_with_another_key_are_lost(engine: AsyncEngine, statements: Statements) -> None:
    sealed = vault.Disclosures(engine, statements, lambda: bytes(32)).sealed(ID, {}, LATER)
    await state.RequestState(engine, statements).put_verdict(ID, ID, {}, NOON, sealed)
    assert await vault.Disclosures(engine, statements, lambda: bytes([1] * 32)).take(ID, NOON) is None


async def test_many_are_kept_at_the_same_moment_each_its_own(engine: AsyncEngine, statements: Statements) -> None:
    held, waiting = state.RequestState(engine, statements), vault.Disclosures(engine, statements, lambda: bytes(32))
    ids, refused = [uuid7() for _ in range(20)], [uuid7() for _ in range(5)]

    def shown(id_: UUID) -> SealedClaims:
        return waiting.sealed(id_, {"name": str(id_)}, LATER)

    await asyncio.gather(
        *(held.put_verdict(id_, ID, {"outcome": str(id_)}, NOON, shown(id_)) for id_ in ids),
        *(held.put_verdict(id_, ID, {"outcome": str(id_)}, NOON, None) for id_ in refused),
    )
    assert [await held.verdict(id_) for id_ in (*ids, *refused)] == [{"outcome": str(id_)} for id_ in (*ids, *refused)]
    assert [await waiting.take(id_, NOON) for id_ in ids] == [{"name": str(id_)} for id_ in ids]
    assert [await waiting.take(id_, NOON) for id_ in refused] == [None] * len(refused)
