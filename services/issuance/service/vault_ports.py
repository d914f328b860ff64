"""What the use cases need of the vault, and the values that pass between them and it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a learner is. It stands in the vault only."""

    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    birth_date: date | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry under its learner's key: it may be kept in one statement with what it belongs to."""

    entry_id: UUID
    learner_ref: str
    kind: str
    sealed: bytes = field(repr=False)


class Vault(Protocol):
    """Personal data, encrypted per learner; a learner belongs to one tenant, the awarding body."""

    async def enrol(self, tenant: str, learner_ref: str, identity: Identity) -> None:
        """Keep a new learner under a random reference, with a data key of their own."""

    async def knows(self, tenant: str, learner_ref: str) -> bool:
        """Return whether the tenant has this learner."""

    async def keep(self, learner_ref: str, entry_id: UUID, kind: str, value: Mapping[str, Any]) -> None:
        """Keep an entry."""

    def sealed(self, wrapped_key: bytes | None, learner_ref: str, kind: str, value: Mapping[str, Any]) -> SealedEntry:
        """Return a new entry for whoever keeps it. Raises Problem `vault_entry_gone` when the key is destroyed."""

    async def read(self, learner_ref: str, entry_id: UUID) -> tuple[Identity, Mapping[str, Any]]:
        """Return who the learner is, with one entry. Raises Problem `vault_entry_gone`."""

    async def identity(self, learner_ref: str) -> Identity:
        """Return who the learner is. Raises Problem `vault_entry_gone`."""

    async def identification(self, tenant: str, learner_ref: str) -> str:
        """Return the learner's pseudonym towards verifiers: an HMAC under the tenant's key."""
