"""Publishing: lists that have changed are signed within the second, and made as small as they get once they rest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypedDict
from uuid import UUID

import deflate
import structlog

from kompetenspass.core.clock import Clock
from kompetenspass.keys.api import Signer
from kompetenspass.openid import status
from services.registry.domain.publication import (
    Mark,
    OpenList,
    Published,
    content_of,
    may_compact,
    must_look,
    must_sign,
    nearly_full,
)
from services.registry.service.list_values import ListValues, Rows

_log = structlog.get_logger("kompetenspass")

QUICK = 6
"""The level for a list that has just changed: a fortieth of the time of the smallest, for a quarter more bytes."""

_BATCH = 16
"""So many lists are signed and stored at once."""

_GZIP_LEVEL = 1  # base64 of what was compressed: a longer search finds nothing more


class Facts(Rows, Protocol):
    """What the read tables say of the lists."""

    async def open_lists(self) -> Sequence[OpenList]:
        """Return every open list with the sign of its last change and the number of used indices."""


class PublishedLists(Protocol):
    """The lists as they are served."""

    async def marks(self) -> Mapping[UUID, Mark]:
        """Return what each published list was made after, what it says, by whom it is signed and until when."""

    async def publish(self, made: Sequence[tuple[Published, Mark]]) -> None:
        """Replace what is published of some lists."""

    async def still_holds(self, changes: Mapping[UUID, str | None]) -> None:
        """Note that what is published of lists holds after a further change, which left their values as they were."""


class Wear(TypedDict):
    """What wears a signed list out: another signer, and time."""

    signer: str
    now: datetime
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class _Look:
    """A list that may have to be signed, and its bytes now."""

    listed: OpenList
    mark: Mark | None
    values: bytearray


class Publisher:
    """Runs by timer, in one process; nothing is signed while a request waits."""

    def __init__(
        self,
        facts: Facts,
        published: PublishedLists,
        *,
        signer: Callable[[], Signer],
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._facts = facts
        self._published = published
        self._signer = signer
        self._clock = clock
        self._lifetime = lifetime
        self._values = ListValues(facts)
        self._alarmed: set[UUID] = set()

    async def publish_changed(self) -> None:
        """Sign every list that is new, has changed, or grows old, and alarm for those that are nearly full.

        One that rests is made small each time, no more: what has changed since must not wait for it.
        """
        wear = Wear(signer=_identity(self._signer()), now=self._clock(), lifetime=self._lifetime)
        # the changes are read before the values: what comes between the two reads is looked at again the next time
        marks, lists = await self._published.marks(), await self._facts.open_lists()
        for listed in lists:
            self._watch(listed)
        due = [listed for listed in lists if must_look(listed, marks.get(listed.list_id), **wear)]
        if due:
            await self._values.catch_up()
        for first in range(0, len(due), _BATCH):
            await self._look([(one, marks.get(one.list_id)) for one in due[first : first + _BATCH]], wear)
        seen = {listed.list_id for listed in due}
        await self._compact([listed for listed in lists if listed.list_id not in seen], marks, wear)

    async def _look(self, batch: Sequence[tuple[OpenList, Mark | None]], wear: Wear) -> None:
        looks = [_Look(listed, mark, await self._values.kept(listed)) for listed, mark in batch]
        made = await asyncio.to_thread(_signed_if_due, looks, self._signer(), wear)
        unchanged = {
            one.listed.list_id: one.listed.change for one, signed in zip(looks, made, strict=True) if not signed
        }
        await self._publish([signed for signed in made if signed])
        if unchanged:
            await self._published.still_holds(unchanged)

    async def _compact(self, resting: Sequence[OpenList], marks: Mapping[UUID, Mark], wear: Wear) -> None:
        for listed in resting:
            mark = marks[listed.list_id]
            if mark.compact:
                self._values.forget(listed)  # it is kept again where a change has left its values as they were
            elif may_compact(listed, mark, now=wear["now"], lifetime=wear["lifetime"]):
                values = await self._values.fresh(listed)
                self._values.forget(listed)
                await self._publish([await asyncio.to_thread(_compacted, listed, values, self._signer(), wear)])
                return

    async def _publish(self, made: Sequence[tuple[Published, Mark]]) -> None:
        if not made:
            return
        await self._published.publish(made)
        for published, mark in made:
            _log.info(
                "status_list_published", status_uri=published.uri, bytes=len(published.token), compact=mark.compact
            )

    def _watch(self, listed: OpenList) -> None:
        if nearly_full(listed) and listed.list_id not in self._alarmed:
            self._alarmed.add(listed.list_id)
            _log.warning(
                "status_list_nearly_full", alarm=True, status_uri=listed.uri, used=listed.used, size=listed.size
            )


def _signed_if_due(looks: Sequence[_Look], signer: Signer, wear: Wear) -> Sequence[tuple[Published, Mark] | None]:
    return [
        signed(one.listed, one.values, content, signer, wear) if must_sign(one.mark, content, **wear) else None
        for one in looks
        for content in (content_of(one.values),)
    ]


def _compacted(listed: OpenList, values: bytearray, signer: Signer, wear: Wear) -> tuple[Published, Mark]:
    return signed(listed, values, content_of(values), signer, wear, compact=True)


def signed(
    listed: OpenList, values: bytearray, content: str, signer: Signer, wear: Wear, *, compact: bool = False
) -> tuple[Published, Mark]:
    """Return a list ready to be served, and what it was made after. `content` is the digest of its values."""
    expires_at = wear["now"] + wear["lifetime"]
    token = status.token(
        status.encode(values, listed.bits, level=status.SMALLEST if compact else QUICK),
        listed.bits,
        uri=listed.uri,
        signer=signer,
        issued_at=wear["now"],
        expires_at=expires_at,
        ttl_seconds=listed.ttl_seconds,
        aggregation_uri=listed.uri.rpartition("/")[0],
    ).encode("ascii")
    published = Published(
        list_id=listed.list_id,
        uri=listed.uri,
        token=token,
        gzipped=bytes(deflate.gzip_compress(token, _GZIP_LEVEL)),
        etag=hashlib.sha256(token).hexdigest()[:32],
        ttl_seconds=listed.ttl_seconds,
        expires_at=expires_at,
    )
    return published, Mark(listed.change, content, wear["signer"], expires_at, compact)


def _identity(signer: Signer) -> str:
    """Return what changes when the key or its certificate does."""
    return hashlib.sha256("".join((signer.kid, *signer.x5c)).encode("ascii")).hexdigest()
