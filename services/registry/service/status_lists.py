"""Status lists: opened for issuers one ahead of need, signed when something in them has changed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypedDict
from uuid import UUID

import structlog

from kompetenspass.core.clock import Clock
from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import IssuerKeyRegistered, StatusListOpened
from kompetenspass.keys.api import Signer
from kompetenspass.log.api import Log, Recorded
from kompetenspass.log.execute import execute, fold
from kompetenspass.openid import status
from services.registry.domain import status_list as domain
from services.registry.domain.publication import (
    Mark,
    OpenList,
    Published,
    content_of,
    must_look,
    must_sign,
    nearly_full,
    shown,
)
from services.registry.domain.status_list import StatusList
from services.registry.service.because import because_of

_log = structlog.get_logger("kompetenspass")

_ZLIB_LEVEL = 6  # a fifth of the time of level 9 for a tenth more bytes; a changed list is signed within the second


class Facts(Protocol):
    """What the read tables say of the lists."""

    async def open_lists(self) -> Sequence[OpenList]:
        """Return every open list with the sign of its last change and the number of used indices."""

    async def not_valid(self, status_uri: str) -> Sequence[tuple[int, int]]:
        """Return (index, value) of every entry of a list that is not VALID."""


class Wear(TypedDict):
    """What wears a signed list out: another signer, and time."""

    signer: str
    now: datetime
    lifetime: timedelta


class PublishedLists(Protocol):
    """The lists as they are served."""

    async def marks(self) -> Mapping[UUID, Mark]:
        """Return what each published list was made after, what it says, by whom it is signed and until when."""

    async def publish(self, published: Published, mark: Mark) -> None:
        """Replace what is published of a list."""

    async def still_holds(self, list_id: UUID, change: str | None) -> None:
        """Note that what is published of a list holds after a further change, which left its values as they were."""


@dataclass(frozen=True, slots=True)
class ListPolicy:
    """How lists are opened from now on, and how long a signed one is valid."""

    base_url: str
    size: int
    bits: Literal[1, 2]
    one_bit_issuers: frozenset[str]
    ttl_seconds: int
    lifetime: timedelta

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
    """Opens lists by reaction and publishes them by timer; nothing is signed while a request waits."""

    def __init__(
        self,
        log: Log,
        facts: Facts,
        published: PublishedLists,
        *,
        signer: Callable[[], Signer],
        clock: Clock,
        policy: ListPolicy,
    ) -> None:
        self._log = log
        self._facts = facts
        self._published = published
        self._signer = signer
        self._clock = clock
        self._policy = policy
        self._known_open: set[UUID] = set()
        self._alarmed: set[UUID] = set()

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

    async def publish_changed(self) -> None:
        """Sign every list that is new, has changed, or grows old, and alarm for those that are nearly full."""
        now, signer = self._clock(), self._signer()
        marks = await self._published.marks()
        for listed in await self._facts.open_lists():
            self._watch(listed)
            mark, wear = marks.get(listed.list_id), self._wear(signer, now)
            if must_look(listed, mark, **wear):
                await self._look(listed, mark, signer, wear)

    def _wear(self, signer: Signer, now: datetime) -> Wear:
        return {"signer": _identity(signer), "now": now, "lifetime": self._policy.lifetime}

    async def _look(self, listed: OpenList, mark: Mark | None, signer: Signer, wear: Wear) -> None:
        # the change was read before the values: what comes between the two reads is looked at again the next time
        entries = shown(listed, await self._facts.not_valid(listed.uri))
        content = content_of(entries)
        if not must_sign(mark, content, **wear):
            await self._published.still_holds(listed.list_id, listed.change)
            return
        made = Mark(listed.change, content, wear["signer"], wear["now"] + wear["lifetime"])
        published = await asyncio.to_thread(_signed, listed, entries, signer, wear["now"], made.expires_at)
        await self._published.publish(published, made)
        _log.info("status_list_published", status_uri=listed.uri, not_valid=len(entries))

    def _watch(self, listed: OpenList) -> None:
        if nearly_full(listed) and listed.list_id not in self._alarmed:
            self._alarmed.add(listed.list_id)
            _log.warning(
                "status_list_nearly_full", alarm=True, status_uri=listed.uri, used=listed.used, size=listed.size
            )


def _signed(
    listed: OpenList, entries: Sequence[tuple[int, int]], signer: Signer, now: datetime, expires_at: datetime
) -> Published:
    values = status.new_values(listed.size, listed.bits)
    for index, value in entries:
        status.set_value(values, listed.bits, index, value)
    token = status.token(
        status.encode(values, listed.bits, level=_ZLIB_LEVEL),
        listed.bits,
        uri=listed.uri,
        signer=signer,
        issued_at=now,
        expires_at=expires_at,
        ttl_seconds=listed.ttl_seconds,
        aggregation_uri=listed.uri.rpartition("/")[0],
    ).encode("ascii")
    return Published(
        list_id=listed.list_id,
        uri=listed.uri,
        token=token,
        gzipped=gzip.compress(token, mtime=0),
        etag=hashlib.sha256(token).hexdigest()[:32],
        ttl_seconds=listed.ttl_seconds,
        expires_at=expires_at,
    )


def _identity(signer: Signer) -> str:
    """Return what changes when the key or its certificate does."""
    return hashlib.sha256("".join((signer.kid, *signer.x5c)).encode("ascii")).hexdigest()
