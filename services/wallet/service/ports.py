"""What the wallet's use cases need of the world: the vault, and those it calls out to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from cryptography import x509

from kompetenspass.core.clock import Clock
from kompetenspass.keys.api import Signer
from kompetenspass.log.api import Log


class HeldCredential(Protocol):
    """One credential that an account holds."""

    @property
    def digest(self) -> str:
        """The digest that names the copy."""

    @property
    def thumbprint(self) -> str:
        """The key that the copy is bound to."""

    @property
    def compact(self) -> str:
        """The SD-JWT as it was received."""

    @property
    def issuer(self) -> str:
        """Who issued it."""

    @property
    def vct(self) -> str:
        """Its type."""

    @property
    def received_at(self) -> datetime:
        """When it was received."""


class Vault(Protocol):
    """Keeps keys and credentials, sealed."""

    async def new_key(self, account_id: UUID) -> Signer:
        """Return a fresh holder key, kept before it is used."""

    async def key(self, account_id: UUID, kid: str) -> Signer:
        """Return a holder key of the account."""

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
        """Keep a credential."""

    async def held(self, account_id: UUID) -> Sequence[HeldCredential]:
        """Return the credentials of an account."""


class Answer(Protocol):
    """What another party answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case."""

    @property
    def body(self) -> bytes:
        """The body."""


class Parties(Protocol):
    """Calls issuers, verifiers, the catalog and the registry by their public protocols."""

    async def document(self, url: str, accept: str = "application/json") -> bytes:
        """Return a public document. Raises Problem where there is none."""

    async def post_form(self, url: str, form: Mapping[str, str]) -> Answer:
        """Return the answer to a form."""

    async def post_body(self, url: str, body: bytes, content_type: str, access_token: str | None = None) -> Answer:
        """Return the answer to a body that is ready to send."""


@dataclass(frozen=True)
class Means:
    """What receiving and presenting work with. `anchors` are the roots that other parties' certificates lead to."""

    log: Log
    vault: Vault
    parties: Parties
    anchors: Sequence[x509.Certificate]
    clock: Clock
    allow_loopback_http: bool


class Sessions(Protocol):
    """Keeps one-time links and the sessions that they open, by the hash of their token."""

    async def keep_link(self, token_hash: bytes, account_id: UUID, expires_at: datetime) -> None:
        """Keep a link."""

    async def use_link(self, token_hash: bytes, now: datetime) -> UUID | None:
        """Use a link up."""

    async def keep_session(self, token_hash: bytes, account_id: UUID, expires_at: datetime) -> None:
        """Keep a session."""

    async def session(self, token_hash: bytes, now: datetime) -> UUID | None:
        """Return the account of an open session."""
