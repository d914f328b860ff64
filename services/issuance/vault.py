"""The vault: personal data under a key per learner, wrapped by the master key. Implements Keys and Vault of the ports.

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
from sqlalchemy import Column, ForeignKey, LargeBinary, MetaData, Table, Text, Uuid

from kompetenspass.core.digest import b64u
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_bytes, uuid7
from kompetenspass.keys.sealing import KEY_BYTES, kept_secret, seal, unseal
from kompetenspass.web.statements import Statements
from services.issuance.service.vault_ports import Identity, SealedEntry

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


_ENROL = """
insert into vault_learners (learner_ref, tenant, wrapped_key, identity)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])
"""
_KEY = """
select asked.number, wrapped_key from unnest($1::text[]) with ordinality as asked(learner_ref, number)
join vault_learners using (learner_ref)
"""
_KEEP = """
insert into vault_entries (entry_id, learner_ref, kind, sealed)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
"""
_READ = """
select asked.number, wrapped_key, identity, kind, sealed
from unnest($1::text[], $2::uuid[]) with ordinality as asked(learner_ref, entry_id, number)
join vault_entries using (learner_ref, entry_id) join vault_learners using (learner_ref)
"""
_KNOWS = "select 1 from vault_learners where learner_ref = $1 and tenant = $2 and wrapped_key is not null"
_FORGET = "delete from vault_entries where entry_id = $1 and learner_ref = $2"
_IDENTITY = "select wrapped_key, identity from vault_learners where learner_ref = $1"
_READABLE = """
select wrapped_key, entry_id, kind, sealed from vault_entries join vault_learners using (learner_ref)
where learner_ref = $1 and entry_id = any ($2::uuid[]) and wrapped_key is not null
"""
_NEW_TENANT = "insert into vault_tenants (tenant, wrapped_key) values ($1, $2) on conflict do nothing"
_TENANT = "select wrapped_key from vault_tenants where tenant = $1"
_SHRED = """
update vault_learners set wrapped_key = null where learner_ref = $1 and wrapped_key is not null returning learner_ref
"""


class Vault:
    """Entries are sealed with AES-256-GCM, each bound to its id and kind. A learner's key is read each time anew."""

    def __init__(self, statements: Statements, master: MasterKey) -> None:
        self._statements = statements
        self._master = master
        self._tenant_keys: dict[str, bytes] = {}
        self._enrol = statements.shared(_ENROL)
        self._key = statements.shared(_KEY)
        self._keep = statements.shared(_KEEP)
        self._read = statements.shared(_READ)

    async def enrol(self, tenant: str, learner_ref: str, identity: Identity) -> None:
        """Keep a new learner under a random reference, with a data key of their own."""
        key = random_bytes(KEY_BYTES)
        wrapped = seal(self._master.wrapping, key, f"learner {learner_ref}")
        sealed = seal(key, _json(asdict(identity)), f"identity {learner_ref}")
        await self._enrol.rows(learner_ref, tenant, wrapped, sealed)

    async def knows(self, tenant: str, learner_ref: str) -> bool:
        """Return whether the tenant has this learner, with a key that is not destroyed."""
        return bool(await self._statements.fetch(_KNOWS, learner_ref, tenant))

    async def keep(self, learner_ref: str, entry_id: UUID, kind: str, value: Mapping[str, Any]) -> None:
        """Keep an entry. Raises Problem `vault_entry_gone` when the learner's key is destroyed."""
        found = await self._key.rows(learner_ref)
        entry = self._sealed(found[0]["wrapped_key"] if found else None, learner_ref, entry_id, kind, value)
        await self._keep.rows(entry.entry_id, entry.learner_ref, entry.kind, entry.sealed)

    def sealed(self, wrapped_key: bytes | None, learner_ref: str, kind: str, value: Mapping[str, Any]) -> SealedEntry:
        """Return a new entry for whoever keeps it. Raises Problem `vault_entry_gone` when the key is destroyed."""
        return self._sealed(wrapped_key, learner_ref, uuid7(), kind, value)

    async def forget(self, learner_ref: str, entry_id: UUID) -> None:
        """Take an entry away; one that is not there changes nothing."""
        await self._statements.fetch(_FORGET, entry_id, learner_ref)

    async def read(self, learner_ref: str, entry_id: UUID) -> tuple[Identity, Mapping[str, Any]]:
        """Return who the learner is, with one entry. Raises Problem `vault_entry_gone`."""
        found = await self._read.rows(learner_ref, entry_id)
        if not found:
            raise _gone()
        _, wrapped, identity, kind, sealed = found[0]
        key = self._unwrapped(wrapped, learner_ref)
        return _identity(key, identity, learner_ref), json.loads(unseal(key, sealed, f"{kind} {entry_id}"))

    async def identity(self, learner_ref: str) -> Identity:
        """Return who the learner is. Raises Problem `vault_entry_gone`."""
        found = await self._statements.fetch(_IDENTITY, learner_ref)
        if not found:
            raise _gone()
        return _identity(self._unwrapped(found[0]["wrapped_key"], learner_ref), found[0]["identity"], learner_ref)

    async def readable(self, learner_ref: str, entry_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        """Return those of the learner's entries that can still be read, in one statement; none once the key is gone."""
        rows = await self._statements.fetch(_READABLE, learner_ref, entry_ids)
        if not rows:
            return {}
        key = self._unwrapped(rows[0]["wrapped_key"], learner_ref)
        return {id_: json.loads(unseal(key, sealed, f"{kind} {id_}")) for _, id_, kind, sealed in rows}

    async def identification(self, tenant: str, learner_ref: str) -> str:
        """Return base64url(HMAC-SHA256(the tenant's key, learner_ref)). Source: domain.md 2."""
        key = self._tenant_keys.get(tenant) or await self._tenant_key(tenant)
        self._tenant_keys[tenant] = key
        return b64u(hmac.digest(key, learner_ref.encode(), hashlib.sha256))

    async def shred(self, learner_ref: str) -> bool:
        """Destroy the learner's data key, for good; return whether there was one."""
        return bool(await self._statements.fetch(_SHRED, learner_ref))

    async def _tenant_key(self, tenant: str) -> bytes:
        fresh = seal(self._master.wrapping, random_bytes(KEY_BYTES), f"tenant {tenant}")
        await self._statements.fetch(_NEW_TENANT, tenant, fresh)
        ((wrapped,),) = await self._statements.fetch(_TENANT, tenant)
        return unseal(self._master.wrapping, wrapped, f"tenant {tenant}")

    def _sealed(
        self, wrapped_key: bytes | None, learner_ref: str, entry_id: UUID, kind: str, value: Mapping[str, Any]
    ) -> SealedEntry:
        key = self._unwrapped(wrapped_key, learner_ref)
        return SealedEntry(entry_id, learner_ref, kind, seal(key, _json(value), f"{kind} {entry_id}"))

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
