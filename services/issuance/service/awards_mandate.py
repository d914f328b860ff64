"""Whether the awarding body of a pathway may award it now, by the registry. Source: domain.md 3.1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from services.issuance.domain.authority import Organisation, require_role
from services.issuance.service.award_authority import as_definition, facts_missing
from services.issuance.service.stacking_ports import PublishedPathway

_ROLE = "awarding_body"


class Organisations(Protocol):
    """What the registry says of organisations."""

    async def organisations(self, *org_ids: str) -> Mapping[str, Organisation]:
        """Return those that are known, with their roles and keys."""


class Mandate:
    """The role awarding_body, in a scope that covers the pathway."""

    def __init__(self, facts: Organisations) -> None:
        self._facts = facts

    async def held(self, published: PublishedPathway, at: datetime) -> bool:
        """Return whether the pathway's awarding body holds the role for it at that moment. Raises `facts_stale`."""
        return (await self._body(published)).holds(_ROLE, as_definition(published), at)

    async def require(self, published: PublishedPathway, at: datetime) -> None:
        """Raise `role_not_held` unless the awarding body holds the role for the pathway then, `facts_stale`."""
        require_role(await self._body(published), _ROLE, as_definition(published), at)

    async def _body(self, published: PublishedPathway) -> Organisation:
        body = (await self._facts.organisations(published.awarding_body)).get(published.awarding_body)
        if body is None:
            raise facts_missing()
        return body
