"""What the log says of an award and of the offers of its credential, and in which order it said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kompetenspass.events.issuance import CredentialOffered
from kompetenspass.events.stacking import CredentialStacked, StackRebound
from kompetenspass.log.api import Log
from services.issuance.domain import credential, stack
from services.issuance.domain.credential import Credential
from services.issuance.domain.stack import Stack


@dataclass(frozen=True, slots=True)
class OffersMade:
    """A credential, with the place in the log of each of its offers."""

    state: Credential
    positions: Mapping[UUID, int]

    def usable_since(self, position: int, now: datetime) -> bool:
        """Return whether an offer made after that place was fetched or may still be.

        What is issued under an offer is read when it is issued: it is never older than the offer.
        """
        usable = set(self.state.fetched)
        if self.state.offer is not None and self.state.offer.offer_expires_at > now:
            usable.add(self.state.offer.offer_id)
        return any(self.positions[offer_id] > position for offer_id in usable)


async def award_as_bound(log: Log, stack_id: UUID) -> tuple[Stack, int]:
    """Return the award, and the place in the log at which what it rests on was said last (0: it was not made)."""
    state, bound_at = stack.INITIAL, 0
    for recorded in await log.read_stream(stack.stream_of(stack_id)):
        event = recorded.event
        state = stack.evolve(state, event)
        if isinstance(event, CredentialStacked | StackRebound):
            bound_at = recorded.position
    return state, bound_at


async def offers_made(log: Log, credential_id: UUID) -> OffersMade:
    """Return the credential with all offers of it that were ever made."""
    state, positions = Credential(), dict[UUID, int]()
    for recorded in await log.read_stream(credential.stream_of(credential_id)):
        event = recorded.event
        state = credential.evolve(state, event)
        if isinstance(event, CredentialOffered):
            positions[event.offer_id] = recorded.position
    return OffersMade(state, positions)
