"""What issuance decides about awards and successors becomes the status of the credentials concerned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.base import Event
from kompetenspass.events.registry import CredentialReinstated, CredentialRevoked, CredentialSuspended
from kompetenspass.events.stacking import CredentialSuperseded, StackReinstated, StackRevoked, StackSuspended
from kompetenspass.log.api import Log, Recorded
from kompetenspass.log.execute import execute
from kompetenspass.log.project import Poison
from services.registry.domain import award as domain
from services.registry.domain import credential as status
from services.registry.domain.award import Award, AwardChange
from services.registry.domain.credential import CredentialStatus, Known
from services.registry.service.because import because_of

_log = structlog.get_logger("kompetenspass")

Decide = Callable[[CredentialStatus], Sequence[Event]]


class Facts(Protocol):
    """What was seen of awards and of the credentials that prove them."""

    async def credential(self, credential_id: UUID) -> Known | None:
        """Return what was seen of a credential; None until its issue was seen."""

    async def award(self, stack_id: UUID) -> Award | None:
        """Return what was seen of a stack award; None until it was seen."""

    async def says_suspended(self, issuer_org: str) -> bool:
        """Return whether every open list of an issuer can say suspended."""


class AwardStatuses:
    """Follows issuance; an event that comes again, was overtaken, or comes after the end changes nothing."""

    def __init__(self, log: Log, facts: Facts) -> None:
        self._log = log
        self._facts = facts

    async def suspend(self, event: StackSuspended, cause: Recorded) -> None:
        """Suspend the award's credential for the award's cause.

        Raises Poison for an event that is not about the credential's own award, and on one-bit lists.
        """
        known, award = await self._own(event, cause)

        def decide(state: CredentialStatus) -> Sequence[Event]:
            return domain.suspended(state, known, event) if domain.needs_suspension(state, award, event) else ()

        try:
            await self._change(event.credential_id, decide, cause, "suspend_award", CredentialSuspended.type)
        except Problem as problem:
            if problem.code != "suspension_not_supported":
                raise
            _alarm("award_not_suspendable", problem.title, event, cause)
            raise Poison(problem.title) from problem

    async def reinstate(self, event: StackReinstated, cause: Recorded) -> None:
        """Clear the award's cause; others keep the credential suspended. Raises Poison."""
        known, award = await self._own(event, cause)

        def decide(state: CredentialStatus) -> Sequence[Event]:
            return domain.reinstated(state, known, award, event)

        await self._change(event.credential_id, decide, cause, "reinstate_award", CredentialReinstated.type)

    async def revoke(self, event: StackRevoked, cause: Recorded) -> None:
        """Revoke the award's credential, unless it is over already. Raises Poison."""
        known, _ = await self._own(event, cause)

        def decide(state: CredentialStatus) -> Sequence[Event]:
            return domain.revoked(
                state, known, reason_code=event.reason_code, void_ab_initio=event.void_ab_initio, at=cause.recorded
            )

        await self._change(event.credential_id, decide, cause, "revoke_award", CredentialRevoked.type)

    async def supersede(self, event: CredentialSuperseded, cause: Recorded) -> None:
        """Revoke a credential whose place another one took, unless it is over already. Raises Poison."""
        seen = await self._facts.credential(event.credential_id)
        if seen is not None and seen.issuer_org != event.issuer_org:
            fault = "the event and the credential have different issuers"
            _alarm("supersession_of_another", fault, event, cause)
            raise Poison(fault)
        known = seen or await self._unseen(event)

        def decide(state: CredentialStatus) -> Sequence[Event]:
            return domain.revoked(state, known, reason_code="superseded", void_ab_initio=False, at=cause.recorded)

        await self._change(event.credential_id, decide, cause, "revoke_superseded", CredentialRevoked.type)

    async def _own(self, event: AwardChange, cause: Recorded) -> tuple[Known, Award | None]:
        known = await self._facts.credential(event.credential_id)
        award = await self._facts.award(event.stack_id)
        if fault := domain.foreign(event, award, known):
            _alarm("award_of_another", fault, event, cause)
            raise Poison(fault)
        return known or await self._unseen(event), award

    async def _unseen(self, event: AwardChange | CredentialSuperseded) -> Known:
        """Return what can be said of a credential before its issue: no copies, and the bits of its issuer's lists."""
        suspendable = await self._facts.says_suspended(event.issuer_org)
        return Known(event.credential_id, event.issuer_org, (), suspendable)

    async def _change(
        self, credential_id: UUID, decide: Decide, cause: Recorded, reaction: str, event_type: str
    ) -> None:
        stream = status.stream_of(credential_id)
        await execute(
            self._log,
            stream,
            initial=CredentialStatus(),
            evolve=status.evolve,
            decide=decide,
            context=because_of(cause),
            event_ids=lambda _n: derived_event_id(cause.id, reaction, stream, event_type),
        )


def _alarm(name: str, fault: str, event: AwardChange | CredentialSuperseded, cause: Recorded) -> None:
    about = {"credential_id": str(event.credential_id), "event_id": str(cause.id), "position": cause.position}
    _log.error(name, alarm=True, fault=fault, **about)
