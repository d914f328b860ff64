"""The vault: the learners' holder keys and credentials, encrypted with a key per account under the wallet's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from sqlalchemy import Column, DateTime, ForeignKey, LargeBinary, MetaData, Table, Text, Uuid, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import not_found
from kompetenspass.core.ids import random_bytes
from kompetenspass.keys.public import public_jwk
from kompetenspass.keys.public import thumbprint as thumbprint_of
from kompetenspass.keys.sealing import KEY_BYTES, kept_secret, seal, unseal

metadata = MetaData()

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("wrapped_key", LargeBinary),
)
"""`wrapped_key` is None once the account was forgotten: what it sealed can then never be read again."""

holder_keys = Table(
    "holder_keys",
    metadata,
    Column("thumbprint", Text, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.account_id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

held_credentials = Table(
    "held_credentials",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.account_id"), nullable=False, index=True),
    Column("thumbprint", Text, ForeignKey("holder_keys.thumbprint"), nullable=False),
    Column("issuer", Text, nullable=False),
    Column("vct", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Held:
    """One credential that an account holds: the compact SD-JWT and the thumbprint of the key that it is bound to."""

    digest: str
    thumbprint: str
    issuer: str
    vct: str
    compact: str = field(repr=False)
    received_at: datetime


class HolderKey:
    """A Signer over one holder key of an account; it has no certificates."""

    x5c: Sequence[str] = ()

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.public_jwk: Mapping[str, str] = public_jwk(private.public_key())
        self.kid = thumbprint_of(self.public_jwk)

    def sign(self, message: bytes) -> bytes:
        """Return the ES256 signature of `message`: r and s, 32 bytes each. Source: RFC 7518, section 3.4."""
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def private_bytes(self) -> bytes:
        """Return the key as DER (PKCS #8), to be sealed at once."""
        plain = serialization.NoEncryption()
        return self._private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)


class Vault:
    """Seals and opens; the wallet's own key is a file that is made when it is first needed."""

    def __init__(self, engine: AsyncEngine, kek_path: Path, clock: Clock) -> None:
        self._engine = engine
        self._kek_path = kek_path
        self._clock = clock
        self._kek: bytes | None = None

    async def open(self) -> None:
        """Read the wallet's own key, or make it. Raises Problem `key_unusable`."""
        self._kek = kept_secret(self._kek_path)

    async def new_key(self, account_id: UUID) -> HolderKey:
        """Return a fresh holder key, kept before it is used for anything."""
        key = HolderKey(ec.generate_private_key(ec.SECP256R1()))
        async with self._engine.begin() as connection:
            data_key = await self._key_of(connection, account_id)
            row = {
                "thumbprint": key.kid,
                "account_id": account_id,
                "sealed": seal(data_key, key.private_bytes(), key.kid),
                "made_at": self._clock(),
            }
            await connection.execute(insert(holder_keys).values(row))
        return key

    async def key(self, account_id: UUID, kid: str) -> HolderKey:
        """Return a holder key of the account. Raises Problem `not_found`."""
        mine = (holder_keys.c.thumbprint == kid) & (holder_keys.c.account_id == account_id)
        async with self._engine.begin() as connection:
            sealed = await connection.scalar(select(holder_keys.c.sealed).where(mine))
            if sealed is None:
                raise not_found("key")
            private = serialization.load_der_private_key(
                unseal(await self._key_of(connection, account_id), sealed, kid), password=None
            )
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        return HolderKey(private)

    async def keep(
        self,
        account_id: UUID,
        *,
        digest: str,
        thumbprint: str,
        issuer: str,
        vct: str,
        compact: str,
        received_at: datetime,
    ) -> None:
        """Keep a credential; keeping it again changes nothing."""
        async with self._engine.begin() as connection:
            data_key = await self._key_of(connection, account_id)
            row = {
                "digest": digest,
                "account_id": account_id,
                "thumbprint": thumbprint,
                "issuer": issuer,
                "vct": vct,
                "sealed": seal(data_key, compact.encode("ascii"), digest),
                "received_at": received_at,
            }
            await connection.execute(insert(held_credentials).values(row).on_conflict_do_nothing())

    async def held(self, account_id: UUID) -> Sequence[Held]:
        """Return the credentials of an account, the oldest first."""
        query = select(held_credentials).where(held_credentials.c.account_id == account_id)
        async with self._engine.begin() as connection:
            rows = (await connection.execute(query.order_by("received_at", "digest"))).all()
            if not rows:
                return ()
            data_key = await self._key_of(connection, account_id)
        return [
            Held(
                digest=row.digest,
                thumbprint=row.thumbprint,
                issuer=row.issuer,
                vct=row.vct,
                compact=unseal(data_key, row.sealed, row.digest).decode("ascii"),
                received_at=row.received_at,
            )
            for row in rows
        ]

    async def forget(self, account_id: UUID) -> None:
        """Destroy the account's key: its keys and credentials can never be read again; the log stays whole."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(accounts).where(accounts.c.account_id == account_id).values(wrapped_key=None)
            )

    async def _key_of(self, connection: AsyncConnection, account_id: UUID) -> bytes:
        assert self._kek is not None, "opened first"
        wrapped = seal(self._kek, random_bytes(KEY_BYTES), str(account_id))
        row = {"account_id": account_id, "wrapped_key": wrapped}
        known = select(accounts.c.wrapped_key).where(accounts.c.account_id == account_id)
        found = (await connection.execute(known)).one_or_none()
        if found is None:
            await connection.execute(insert(accounts).values(row).on_conflict_do_nothing())
            found = (await connection.execute(known)).one()
        if found.wrapped_key is None:
            raise not_found("account")
        return unseal(self._kek, found.wrapped_key, str(account_id))
