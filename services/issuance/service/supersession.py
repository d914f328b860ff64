"""Supersession: the awarding body lets one of its credentials take the place of another. Source: domain.md 3.4."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued, CredentialOffered, OfferWithdrawn
from kompetenspass.events.stacking import SupersessionCause
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from services.issuance.domain import credential
from services.issuance.domain.credential import Credential, stream_of
from services.issuance.domain.supersession import Successor, supersede
from services.issuance.service.ports import Caller, Facts, State

_LONGEST_CHAIN = 100


class Turns(Protocol):
    """One at a time, in all processes."""

    def turn(self, what: str) -> AbstractAsyncContextManager[bool]:
        """Yield whether the turn is ours until the block ends; nobody waits for another's."""


@dataclass(frozen=True, slots=True)
class SupersedeCredential:
    """The command: let `by_credential_id` take the place of `credential_id`."""

    credential_id: UUID
    by_credential_id: UUID
    cause: SupersessionCause


class Supersession:
    """Credentials are replaced by their awarding body; the registry then revokes them as superseded."""

    def __init__(self, log: Log, facts: Facts, state: State, turns: Turns) -> None:
        self._log = log
        self._facts = facts
        self._state = state
        self._turns = turns

    async def supersede(self, caller: Caller, command: SupersedeCredential) -> int:
        """Return the log position (0: it was said already).

        Raises what domain.supersession.supersede raises, `forbidden`, `not_found`, `conflict`, `facts_stale`.
        """
        _require_awarding_body(caller)
        await self._facts.require_fresh()
        known = _own(caller, await self._folded(command.credential_id))
        async with self._turns.turn(f"supersede {known.learner_ref}") as ours:  # or two could supersede each other
            if not ours:
                raise _busy()
            done = await self._decided(caller, command)
        for event in done.events:
            if isinstance(event, OfferWithdrawn):
                await self._state.withdraw_offer(event.offer_id, event.cause)
                await self._state.settle_offer(event.offer_id)
        return done.position

    async def _decided(self, caller: Caller, command: SupersedeCredential) -> Done[Credential]:
        status = await self._facts.status(command.credential_id)

        async def decide(state: Credential) -> Sequence[Event]:
            return supersede(state, status, await self._successor(caller, command.by_credential_id), command.cause)

        return await execute(
            self._log, stream_of(command.credential_id),
            initial=Credential(), evolve=credential.evolve, decide=decide, context=caller.context,
        )  # fmt: skip

    async def _successor(self, caller: Caller, credential_id: UUID) -> Successor:
        state = await self._folded(credential_id)
        _own(caller, state)
        return Successor(state, await self._facts.status(credential_id), await self._chain(state))

    async def _chain(self, state: Credential) -> tuple[UUID, ...]:
        """Return the credentials that took its place, one after the other."""
        chain: list[UUID] = []
        while state.superseded is not None and len(chain) < _LONGEST_CHAIN:
            chain.append(state.superseded.by_credential_id)
            state = await self._folded(chain[-1])
        return tuple(chain)

    async def _folded(self, credential_id: UUID) -> Credential:
        state, _ = await fold(self._log, stream_of(credential_id), Credential(), credential.evolve)
        return state


def _require_awarding_body(caller: Caller) -> None:
    if "awarding_body" not in caller.roles:
        raise Problem(
            "forbidden",
            "This needs the role awarding_body.",
            kind=Kind.FORBIDDEN,
            remedy="Use a token with that role.",
        )


def _own(caller: Caller, state: Credential) -> CredentialIssued | CredentialOffered:
    known = state.issued or state.offer
    if known is None or known.issuer_org != caller.org:
        raise not_found("credential")
    return known


def _busy() -> Problem:
    return Problem(
        "conflict",
        "Another credential of the learner is being superseded.",
        kind=Kind.CONFLICT,
        remedy="Try again in a moment.",
    )
