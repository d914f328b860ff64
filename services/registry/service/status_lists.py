"""Status lists: opened for issuers, one ahead of need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import IssuerKeyRegistered, StatusListOpened
from kompetenspass.log.api import Log, Recorded
from kompetenspass.log.execute import execute, fold
from services.registry.domain import status_list as domain
from services.registry.domain.status_list import StatusList
from services.registry.service.because import because_of


@dataclass(frozen=True, slots=True)
class ListPolicy:
    """How lists are opened from now on."""

    base_url: str
    size: int
    bits: Literal[1, 2]
    one_bit_issuers: frozenset[str]
    ttl_seconds: int

    def opening(self, list_id: UUID, issuer_org: str, issuer: str) -> StatusListOpened:
        """Return the opening of a list for an issuer."""
        return StatusListOpened(
            list_id=list_id,
            uri=f"{self.base_url}/status/{list_id}",
            issuer_org=issuer_org,
            issuer=issuer,
            size=self.size,
            bits=1 if issuer_org in self.one_bit_issuers else self.bits,
            ttl_seconds=self.ttl_seconds,
        )

    def list_id_in(self, uri: str) -> UUID | None:
        """Return the id of the list that `uri` names; None if it is not a list of this registry."""
        path, _, name = uri.rpartition("/")
        try:
            return UUID(name) if path == f"{self.base_url}/status" else None
        except ValueError:
            return None


class StatusLists:
    """Opens lists by reaction; again is nothing."""

    def __init__(self, log: Log, policy: ListPolicy) -> None:
        self._log = log
        self._policy = policy
        self._known_open: set[UUID] = set()

    async def open_first(self, event: IssuerKeyRegistered, cause: Recorded) -> None:
        """Open the issuer's first list, unless an earlier key did."""
        list_id = domain.first_list(event.org_id)
        await self._open(self._policy.opening(list_id, event.org_id, event.issuer), cause, "open_first_list")

    async def open_spare(self, event: IssuerKeyRegistered, cause: Recorded) -> None:
        """Open the issuer's first spare list, unless an earlier key did."""
        list_id = domain.list_after(domain.first_list(event.org_id))
        await self._open(self._policy.opening(list_id, event.org_id, event.issuer), cause, "open_spare_list")

    async def open_next(self, event: CredentialIssued, cause: Recorded) -> None:
        """See to it that every list that is in use has an open one after it: so a begun spare gets a new spare."""
        used = {self._policy.list_id_in(copy.status_uri) for copy in event.copies} - {None}
        for list_id in sorted(list_id for list_id in used if list_id is not None):
            await self._open_after(list_id, cause)

    async def _open_after(self, list_id: UUID, cause: Recorded) -> None:
        following = domain.list_after(list_id)
        if following in self._known_open:
            return
        state, _ = await fold(self._log, domain.stream_of(list_id), StatusList(), domain.evolve)
        if state.opened is not None:
            opening = self._policy.opening(following, state.opened.issuer_org, state.opened.issuer)
            await self._open(opening, cause, "open_next_list")

    async def _open(self, wanted: StatusListOpened, cause: Recorded, reaction: str) -> None:
        stream = domain.stream_of(wanted.list_id)
        await execute(
            self._log,
            stream,
            initial=StatusList(),
            evolve=domain.evolve,
            decide=lambda state: domain.open_list(state, wanted),
            context=because_of(cause),
            event_ids=lambda _n: derived_event_id(cause.id, reaction, stream, StatusListOpened.type),
        )
        self._known_open.add(wanted.list_id)
