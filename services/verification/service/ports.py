"""What the use cases need of the world."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kompetenspass.openid.status import Reference
from services.verification.domain import trust
from services.verification.domain.judgement import Claimed
from services.verification.domain.presentation import Asked


@dataclass(frozen=True, slots=True)
class SealedClaims:
    """Claims that were shown, encrypted; they may be kept in one statement with the verdict that let them pass."""

    sealed: bytes = field(repr=False)
    until: datetime


class Facts(Protocol):
    """What registry, catalog and issuance have said."""

    async def about(self, claimed: Claimed) -> trust.Facts:
        """Return what they have said about one credential."""

    async def urn_of(self, definition_id: str) -> str:
        """Return the URN of a published definition. Raises Problem `not_found`."""

    async def documents(self, versions: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], trust.Document]:
        """Return what published versions say, by URN and version; one that is not known is left out."""

    async def newest(self, kind: trust.Kind, ids: Collection[str]) -> tuple[trust.Document, ...]:
        """Return the newest published version of each id, by id; one that is not known is left out."""


class Freshness(Protocol):
    """What says whether the facts are up to date."""

    async def require_fresh(self, *owners: str) -> None:
        """Raise Problem `facts_stale` if they are not."""

    async def catch_up(self, owner: str) -> None:
        """Return once everything that can be read of a log now has been heard. Raises Problem `not_caught_up`."""


class Statuses(Protocol):
    """Status lists of others."""

    async def value(self, reference: Reference) -> int:
        """Return the status value of an entry. Raises Problem `status_unavailable` and others."""


class State(Protocol):
    """The durable state of requests."""

    async def put(self, asked: Asked) -> None:
        """Keep a new request."""

    async def get(self, request_id: UUID) -> Asked | None:
        """Return a request, or None."""

    async def fetch(self, request_id: UUID, limit: int, now: datetime) -> Asked | None:
        """Count one fetch and return the request; None where it is unknown or expired, or was fetched `limit` times."""

    async def put_verdict(
        self, verdict_id: UUID, request_id: UUID, verdict: dict[str, Any], at: datetime, claims: SealedClaims | None
    ) -> None:
        """Keep the reasons of one judgement, and what was shown if it holds: both or neither."""

    async def verdict(self, verdict_id: UUID) -> dict[str, Any] | None:
        """Return the reasons of one judgement, or None."""


class Vault(Protocol):
    """Claims that wait to be read once."""

    def sealed(self, verdict_id: UUID, claims: Mapping[str, Any], until: datetime) -> SealedClaims:
        """Return claims for whoever keeps them until they are taken."""

    async def take(self, verdict_id: UUID, now: datetime) -> dict[str, Any] | None:
        """Return the claims and delete them, or None."""
