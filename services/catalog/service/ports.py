"""What the use cases need of the world, and what they answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.catalog.domain.rules import Roles


class Facts(Protocol):
    """What the registry has said about organisations."""

    async def roles(self, organisations: Collection[str], at: datetime) -> Roles:
        """Return the roles of those of `organisations` that are registered, as they are at a moment."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command leads to: the version it was about and its state; `position` is 0 if nothing changed."""

    id: str
    version: int
    state: str
    content_digest: str
    position: int
