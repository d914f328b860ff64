"""The status of credentials: suspended, reinstated, revoked by their own issuer; expired by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from kompetenspass.core.clock import Clock, rfc3339
from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.registry import CredentialExpired, RevocationReason
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute
from services.registry.domain import credential as domain
from services.registry.domain.credential import CredentialStatus, Known

_AT_ONCE = 8
"""So many expiries are stated side by side: they share the commits of the log."""

_DUE = UUID("7d1b3f0a-5c3f-5a0e-9a9b-2f7b7d7e0c11")


class Facts(Protocol):
    """What was seen of credentials."""

    async def credential(self, credential_id: UUID) -> Known | None:
        """Return what was seen of a credential; None until its issue was seen."""

    async def ended(self, now: datetime) -> Sequence[tuple[UUID, datetime]]:
        """Return live credentials whose merit's own end has passed, with that end."""


class Credentials:
    """Commands about a credential; `org` is who asks, and anyone but the issuer is told that there is no such one."""

    def __init__(self, log: Log, facts: Facts, clock: Clock) -> None:
        self._log = log
        self._facts = facts
        self._clock = clock

    async def suspend(
        self, credential_id: UUID, *, org: str, reason_code: str, context: Context
    ) -> Done[CredentialStatus]:
        """Suspend by the issuer's own cause. Raises Problem."""

        def decide(state: CredentialStatus, known: Known) -> Sequence[Event]:
            return domain.suspend(state, known, cause=domain.ISSUER, reason_code=reason_code)

        return await self._change(credential_id, org, decide, context)

    async def reinstate(
        self, credential_id: UUID, *, org: str, reason_code: str, context: Context
    ) -> Done[CredentialStatus]:
        """Clear the issuer's own cause; other causes keep it suspended. Raises Problem."""

        def decide(state: CredentialStatus, known: Known) -> Sequence[Event]:
            return domain.reinstate(state, known, cause=domain.ISSUER, reason_code=reason_code)

        return await self._change(credential_id, org, decide, context)

    async def revoke(
        self,
        credential_id: UUID,
        *,
        org: str,
        reason_code: RevocationReason,
        void_ab_initio: bool,
        context: Context,
    ) -> Done[CredentialStatus]:
        """Revoke for good. Raises Problem."""
        now = self._clock()

        def decide(state: CredentialStatus, known: Known) -> Sequence[Event]:
            return domain.revoke(state, known, reason_code=reason_code, void_ab_initio=void_ab_initio, now=now)

        return await self._change(credential_id, org, decide, context)

    async def expire_ended(self) -> None:
        """State the expiry of every credential whose merit has ended; again is nothing."""
        now = self._clock()
        ended = iter(await self._facts.ended(now))

        async def some() -> None:
            for credential_id, due in ended:
                await self._expire(credential_id, due, now)

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))

    async def _expire(self, credential_id: UUID, due: datetime, now: datetime) -> None:
        stream = domain.stream_of(credential_id)
        cause = uuid5(_DUE, f"{stream}\n{rfc3339(due)}")

        async def decide(state: CredentialStatus) -> Sequence[Event]:
            known = await self._facts.credential(credential_id)
            return domain.expire(state, known, now=now) if known else ()

        await execute(
            self._log,
            stream,
            initial=CredentialStatus(),
            evolve=domain.evolve,
            decide=decide,
            context=Context(SYSTEM, occurred_at=due, correlation_id=str(cause), causation_id=str(cause)),
            event_ids=lambda _n: derived_event_id(cause, "expire", stream, CredentialExpired.type),
        )

    async def _change(
        self,
        credential_id: UUID,
        org: str,
        decide: Callable[[CredentialStatus, Known], Sequence[Event]],
        context: Context,
    ) -> Done[CredentialStatus]:
        async def decided(state: CredentialStatus) -> Sequence[Event]:
            return decide(state, domain.own(await self._facts.credential(credential_id), org))

        return await execute(
            self._log,
            domain.stream_of(credential_id),
            initial=CredentialStatus(),
            evolve=domain.evolve,
            decide=decided,
            context=context,
        )
