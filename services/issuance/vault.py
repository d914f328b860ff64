"""The vault: personal data under a key per learner, wrapped by the master key. Implements service.ports.Vault and Keys.

Destroying a learner's wrapped key makes all their entries unreadable, wherever copies of the database lie.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import Column, ForeignKey, LargeBinary, MetaData, Table, Text, Uuid, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.digest import b64u
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_bytes
from kompetenspass.keys.sealing import KEY_BYTES, kept_secret, seal, unseal
from services.issuance.service.ports import Identity

METADATA = MetaData()

tenants = Table(
    "vault_tenants",
    METADATA,
    Column("tenant", Text, primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
)

learners = Table(
    "vault_learners",
    METADATA,
    Column("learner_ref", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("wrapped_key", LargeBinary),
    Column("identity", LargeBinary, nullable=False),
)

entries = Table(
    "vault_entries",
    METADATA,
    Column("entry_id", Uuid, primary_key=True),
    Column("learner_ref", Text, ForeignKey("vault_learners.learner_ref"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class MasterKey:
    """The key that wraps all others, in a file of mode 0600 beside the database, never in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> None:
        """Read the key, making it at the very first start."""
        _ = self.wrapping

    @cached_property
    def _secret(self) -> bytes:
        return kept_secret(self._path)

    @cached_property
    def wrapping(self) -> bytes:
        """Return the key that wraps the keys of learners and tenants."""
        return self._derived("wrapping")

    @cached_property
    def nonce(self) -> bytes:
        """Return the key for c_nonces."""
        return self._derived("nonce")

    @cached_property
    def offer(self) -> bytes:
        """Return the key for pre-authorized codes."""
        return self._derived("offer")

    @cached_property
    def tx_code(self) -> bytes:
        """Return the key for what is stored of transaction codes."""
        return self._derived("tx_code")

    @cached_property
    def notification(self) -> bytes:
        """Return the key for notification ids."""
        return self._derived("notification")

    @cached_property
    def permutation(self) -> bytes:
        """Return the key for the permutations of status lists."""
        return self._derived("permutation")

    def _derived(self, use: str) -> bytes:
        return HKDFExpand(SHA256(), KEY_BYTES, f"kompetenspass issuance {use}".encode()).derive(self._secret)


class Vault:
    """Entries are sealed with AES-256-GCM, each bound to its id and kind."""

    def __init__(self, engine: AsyncEngine, master: MasterKey) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._master = master
        self._tenant_keys: dict[str, bytes] = {}

    async def enrol(self, tenant: str, learner_ref: str, identity: Identity) -> None:
        """Keep a new learner under a random reference, with a data key of their own."""
        key = random_bytes(KEY_BYTES)
        row = {
            "learner_ref": learner_ref,
            "tenant": tenant,
            "wrapped_key": seal(self._master.wrapping, key, f"learner {learner_ref}"),
            "identity": seal(key, _json(asdict(identity)), f"identity {learner_ref}"),
        }
        async with self._engine.connect() as connection:
            await connection.execute(insert(learners).values(**row))

    async def knows(self, tenant: str, learner_ref: str) -> bool:
        """Return whether the tenant has this learner, with a key that is not destroyed."""
        known = select(learners.c.wrapped_key).where(learners.c.learner_ref == learner_ref)
        async with self._engine.connect() as connection:
            return await connection.scalar(known.where(learners.c.tenant == tenant)) is not None

    async def keep(self, learner_ref: str, entry_id: UUID, kind: str, value: Mapping[str, Any]) -> None:
        """Keep an entry. Raises Problem `vault_entry_gone` when the learner's key is destroyed."""
        async with self._engine.connect() as connection:
            wrapped = await connection.scalar(
                select(learners.c.wrapped_key).where(learners.c.learner_ref == learner_ref)
            )
            key = self._unwrapped(wrapped, learner_ref)
            sealed = seal(key, _json(value), f"{kind} {entry_id}")
            row = {"entry_id": entry_id, "learner_ref": learner_ref, "kind": kind, "sealed": sealed}
            await connection.execute(insert(entries).values(**row))

    async def forget(self, learner_ref: str, entry_id: UUID) -> None:
        """Take an entry away; one that is not there changes nothing."""
        gone = delete(entries).where(entries.c.entry_id == entry_id, entries.c.learner_ref == learner_ref)
        async with self._engine.connect() as connection:
            await connection.execute(gone)

    async def read(self, learner_ref: str, entry_id: UUID) -> tuple[Identity, Mapping[str, Any]]:
        """Return who the learner is, with one entry. Raises Problem `vault_entry_gone`."""
        both = (
            select(learners.c.wrapped_key, learners.c.identity, entries.c.kind, entries.c.sealed)
            .join(entries, entries.c.learner_ref == learners.c.learner_ref)
            .where(learners.c.learner_ref == learner_ref, entries.c.entry_id == entry_id)
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(both)).one_or_none()
        if row is None:
            raise _gone()
        key = self._unwrapped(row.wrapped_key, learner_ref)
        entry = json.loads(unseal(key, row.sealed, f"{row.kind} {entry_id}"))
        return _identity(key, row.identity, learner_ref), entry

    async def identity(self, learner_ref: str) -> Identity:
        """Return who the learner is. Raises Problem `vault_entry_gone`."""
        its = select(learners.c.wrapped_key, learners.c.identity).where(learners.c.learner_ref == learner_ref)
        async with self._engine.connect() as connection:
            row = (await connection.execute(its)).one_or_none()
        if row is None:
            raise _gone()
        return _identity(self._unwrapped(row.wrapped_key, learner_ref), row.identity, learner_ref)

    async def readable(self, learner_ref: str, entry_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        """Return those of the learner's entries that can still be read, in one statement; none once the key is gone."""
        asked = (
            select(learners.c.wrapped_key, entries.c.entry_id, entries.c.kind, entries.c.sealed)
            .join(entries, entries.c.learner_ref == learners.c.learner_ref)
            .where(learners.c.learner_ref == learner_ref, learners.c.wrapped_key.is_not(None))
            .where(entries.c.entry_id.in_(entry_ids))
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(asked)).all()
        if not rows:
            return {}
        key = self._unwrapped(rows[0].wrapped_key, learner_ref)
        return {row.entry_id: json.loads(unseal(key, row.sealed, f"{row.kind} {row.entry_id}")) for row in rows}

    async def identification(self, tenant: str, learner_ref: str) -> str:
        """Return base64url(HMAC-SHA256(the tenant's key, learner_ref)). Source: domain.md 2."""
        key = self._tenant_keys.get(tenant) or await self._tenant_key(tenant)
        self._tenant_keys[tenant] = key
        return b64u(hmac.digest(key, learner_ref.encode(), hashlib.sha256))

    async def shred(self, learner_ref: str) -> bool:
        """Destroy the learner's data key, for good; return whether there was one."""
        destroyed = (
            update(learners)
            .where(learners.c.learner_ref == learner_ref, learners.c.wrapped_key.is_not(None))
            .values(wrapped_key=None)
        )
        async with self._engine.connect() as connection:
            return (await connection.execute(destroyed)).rowcount == 1

    async def _tenant_key(self, tenant: str) -> bytes:
        fresh = seal(self._master.wrapping, random_bytes(KEY_BYTES), f"tenant {tenant}")
        async with self._engine.connect() as connection:
            await connection.execute(insert(tenants).values(tenant=tenant, wrapped_key=fresh).on_conflict_do_nothing())
            wrapped = await connection.scalar(select(tenants.c.wrapped_key).where(tenants.c.tenant == tenant))
        assert wrapped is not None
        return unseal(self._master.wrapping, wrapped, f"tenant {tenant}")

    def _unwrapped(self, wrapped: bytes | None, learner_ref: str) -> bytes:
        if wrapped is None:
            raise _gone()
        return unseal(self._master.wrapping, wrapped, f"learner {learner_ref}")


def _identity(key: bytes, sealed: bytes, learner_ref: str) -> Identity:
    identity = json.loads(unseal(key, sealed, f"identity {learner_ref}"))
    born = identity["birth_date"]
    birth_date = date.fromisoformat(born) if born else None
    return Identity(identity["given_name"], identity["family_name"], birth_date)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, default=str).encode()


def _gone() -> Problem:
    return Problem(
        "vault_entry_gone",
        "What the vault held of this learner is gone.",
        kind=Kind.GONE,
        remedy="Nothing can bring it back: the learner was forgotten.",
    )
