"""One-time links: a learner's token makes one, opening it starts a session of the page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_token
from services.wallet.service.ports import Sessions

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Ticket:
    """A token that is told once, and until when it may be used; only its hash is kept."""

    token: str = field(repr=False)
    expires_at: datetime


class Links:
    """Makes and opens links."""

    def __init__(self, sessions: Sessions, clock: Clock, *, link_ttl: timedelta, session_ttl: timedelta) -> None:
        self._sessions = sessions
        self._clock = clock
        self._link_ttl = link_ttl
        self._session_ttl = session_ttl

    async def make(self, account_id: UUID) -> Ticket:
        """Return a link's token."""
        ticket = Ticket(random_token(_TOKEN_BYTES), self._clock() + self._link_ttl)
        await self._sessions.keep_link(_hash(ticket.token), account_id, ticket.expires_at)
        return ticket

    async def open(self, token: str) -> Ticket:
        """Use a link up and return the token of the session that it opens. Raises Problem `link_over` (410)."""
        now = self._clock()
        account_id = await self._sessions.use_link(_hash(token), now)
        if account_id is None:
            raise _over()
        session = Ticket(random_token(_TOKEN_BYTES), now + self._session_ttl)
        await self._sessions.keep_session(_hash(session.token), account_id, session.expires_at)
        return session

    async def account(self, session_token: str | None) -> UUID:
        """Return whose session it is. Raises Problem `link_over` (410) for none or an expired one."""
        found = await self._sessions.session(_hash(session_token), self._clock()) if session_token else None
        if found is None:
            raise _over()
        return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _over() -> Problem:
    return Problem("link_over", "This link has been used or has expired.", kind=Kind.GONE, remedy="Ask for a new one.")
