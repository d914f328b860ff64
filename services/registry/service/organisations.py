"""Organisations, their roles and their assessors: a method per command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Context
from kompetenspass.events.registry import (
    AssessorAuthorised,
    AssessorWithdrawn,
    OrganisationRegistered,
    RoleGranted,
    RoleWithdrawn,
)
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from services.registry.domain import assessors, organisation, roles
from services.registry.domain.award import Award
from services.registry.domain.organisation import Organisation


class Slugs(Protocol):
    """Which slug is whose, for life."""

    async def take_slug(self, slug: str, org_id: str) -> str:
        """Take `slug` unless it is taken; return the organisation that has it now."""


class Awards(Protocol):
    """What issuance's log says of stack awards."""

    async def award(self, stack_id: UUID) -> Award | None:
        """Return what was seen of a stack award; None until it was seen."""


class Organisations:
    """Commands of the scheme owner. What is wanted is handed in as the event that would state it."""

    def __init__(self, log: Log, slugs: Slugs, awards: Awards) -> None:
        self._log = log
        self._slugs = slugs
        self._awards = awards

    async def register(self, wanted: OrganisationRegistered, context: Context) -> Done[Organisation]:
        """Register an organisation; again with the same particulars is nothing. Raises Problem, also `slug_taken`."""

        async def decide(state: Organisation) -> Sequence[Event]:
            events = organisation.register(state, wanted)
            if events:
                await self._require_parent(wanted.parent)
                await self._take_slug(wanted)
            return events

        return await execute(
            self._log,
            organisation.stream_of(wanted.org_id),
            initial=Organisation(),
            evolve=organisation.evolve,
            decide=decide,
            context=context,
        )

    async def grant_role(self, wanted: RoleGranted, context: Context) -> Done[Organisation]:
        """Grant a role for a time. Raises Problem."""
        return await self._change(wanted.org_id, lambda state: roles.grant_role(state, wanted), context)

    async def withdraw_role(self, wanted: RoleWithdrawn, context: Context) -> Done[Organisation]:
        """Withdraw a role from a moment on. Raises Problem."""
        return await self._change(wanted.org_id, lambda state: roles.withdraw_role(state, wanted), context)

    async def authorise_assessor(self, wanted: AssessorAuthorised, context: Context) -> Done[Organisation]:
        """Authorise an assessor. Raises Problem."""
        stack_id = assessors.award_named(wanted)
        award = await self._awards.award(stack_id) if stack_id else None
        return await self._change(
            wanted.org_id, lambda state: assessors.authorise_assessor(state, wanted, award), context
        )

    async def withdraw_assessor(self, wanted: AssessorWithdrawn, context: Context) -> Done[Organisation]:
        """Withdraw an assessor's authorisation. Raises Problem."""
        return await self._change(wanted.org_id, lambda state: assessors.withdraw_assessor(state, wanted), context)

    async def _change(
        self, org_id: str, decide: Callable[[Organisation], Sequence[Event]], context: Context
    ) -> Done[Organisation]:
        return await execute(
            self._log,
            organisation.stream_of(org_id),
            initial=Organisation(),
            evolve=organisation.evolve,
            decide=decide,
            context=context,
        )

    async def _require_parent(self, parent: str | None) -> None:
        if parent is None:
            return
        state, _ = await fold(self._log, organisation.stream_of(parent), Organisation(), organisation.evolve)
        if state.registered is None:
            raise Problem(
                "parent_not_registered",
                "The parent organisation is not registered.",
                kind=Kind.CONFLICT,
                remedy="Register the parent first.",
                members={"parent": parent},
            )

    async def _take_slug(self, wanted: OrganisationRegistered) -> None:
        holder = await self._slugs.take_slug(wanted.slug, wanted.org_id)
        if holder != wanted.org_id:
            raise Problem(
                "slug_taken",
                "The slug belongs to another organisation.",
                kind=Kind.CONFLICT,
                remedy="Choose another slug; it becomes part of the issuer identifier and stays for life.",
                members={"slug": wanted.slug},
            )
