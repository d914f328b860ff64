"""What every feed must do, whatever carries it: inherit, and provide `log` and `feed`; and drafts for tests of logs.

A feed may take its time: what is appended is waited for, and never longer than a slow machine needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.events.envelope import SYSTEM, Context, Draft, seal
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Append, Cursor, Feed, Log, LogDiffers, Part, Recorded
from kompetenspass.log.parts import part_of

_PATIENCE_SECONDS = 60.0  # a feed that is only slow fails nobody
_PAUSE_SECONDS = 0.25


def draft(event_id: UUID | None = None, digest: str = "") -> Draft:
    """Return a draft of some event, with other bytes at each call unless the digest is given."""
    event_id = event_id or uuid7()
    event = CredentialReceived(account_id=event_id, digest=digest or random_token(), issuer="https://issuer.test")
    return seal(event_id, event, Context(SYSTEM, system_clock(), "conformance"))


def request(stream: str, expected_version: int = 0, events: int = 1) -> Append:
    """Return a request of fresh drafts."""
    return Append(stream, expected_version, [draft() for _ in range(events)])


class FeedConformance:
    """The promises of Feed, of which `feed` is one that follows `log`, in as many parts as it has."""

    async def test_each_event_is_in_the_part_of_its_stream_and_as_it_was_stored(self, log: Log, feed: Feed) -> None:
        """Once, those of a part in the log's order; position, version, moment and bytes are the log's."""
        await asyncio.gather(*(log.append(request(f"s-{n}", events=1 + n % 3)) for n in range(40)))
        seen = await _followed(feed, 79)
        for part, rows in seen.items():
            assert all(part_of(row.stream, part.of) == part.number for row in rows)
            assert [row.position for row in rows] == sorted({row.position for row in rows})
        stored = [row for n in range(40) for row in await log.read_stream(f"s-{n}")]
        assert sorted(_all(seen)) == sorted(stored)

    async def test_a_page_holds_up_to_the_limit_and_the_next_goes_on_at_its_cursor(self, log: Log, feed: Feed) -> None:
        """Nothing is missing, nothing comes twice, and no cursor goes back."""
        for n in range(12):
            await log.append(request(f"s-{n % 5}", expected_version=n // 5))
        seen = await _followed(feed, 12, limit=2)
        assert sorted(row.position for row in _all(seen)) == list(range(1, 13))

    async def test_it_goes_on_after_an_event_of_which_no_more_is_known(self, log: Log, feed: Feed) -> None:
        """With the event's id or without, and without the place where a transport has it."""
        await log.append(request("s", events=6))
        part, epoch = await _part_of("s", feed), await feed.epoch()
        await _until_read(feed, part, 6)
        for event_id in ((await log.read_stream("s"))[2].id, None):
            after = Cursor(epoch, 3, event_id)
            assert [row.position for row in (await feed.page(part, after, 10)).rows] == [4, 5, 6]

    async def test_every_part_comes_to_the_head_and_says_that_it_ended(self, log: Log, feed: Feed) -> None:
        """Also a part that has none of the newest events; and one that has more does not say so."""
        await log.append(request("s", events=5))
        for part in await _parts(feed):
            cursor, ended = await _at_start(feed), False
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while cursor.position < 5 or not ended:
                    _, cursor, ended, _ = await feed.page(part, cursor, 10)
                    await feed.more(part, cursor, _PAUSE_SECONDS)
            assert cursor.position == 5
        part = await _part_of("s", feed)
        assert not (await feed.page(part, await _at_start(feed), 2)).ended

    async def test_a_cursor_of_another_epoch_is_refused(self, log: Log, feed: Feed) -> None:
        """The log was restored since, or is another one."""
        await log.append(request("s"))
        part = await _part_of("s", feed)
        await _until_read(feed, part, 1)
        try:
            await feed.page(part, Cursor(uuid7(), 1, None), 10)
        except LogDiffers as error:
            assert error.reason == "log_has_another_epoch"  # noqa: PT017  the library has no pytest
        else:
            raise AssertionError("it was not refused")

    async def test_an_event_is_found_by_its_position(self, log: Log, feed: Feed) -> None:
        """None where there is none."""
        await log.append(request("s", events=3))
        await _until_read(feed, await _part_of("s", feed), 3)
        assert await feed.find(2) == (await log.read_stream("s"))[1]
        assert await feed.find(4) is None

    async def test_the_head_comes_to_the_newest_position_and_the_epoch_stays(self, log: Log, feed: Feed) -> None:
        """0 while the log is empty."""
        assert await feed.head() == 0
        before = await feed.epoch()
        await log.append(request("s", events=4))
        part = await _part_of("s", feed)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while await feed.head() < 4:
                await feed.more(part, Cursor(before, 3, None), _PAUSE_SECONDS)
        assert (await feed.head(), await feed.epoch()) == (4, before)

    async def test_waiting_for_more_ends_when_something_is_appended(self, log: Log, feed: Feed) -> None:
        """Long before its time is over; at once where something stands there already."""
        part, start = await _part_of("s", feed), await _at_start(feed)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            waiting = asyncio.create_task(feed.more(part, start, 2 * _PATIENCE_SECONDS))
            await log.append(request("s"))
            await waiting
            await _until_read(feed, part, 1)
            await feed.more(part, start, 2 * _PATIENCE_SECONDS)

    async def test_waiting_for_more_ends_when_its_time_is_over(self, feed: Feed) -> None:
        """Although nothing came."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await feed.more(Part(0, await feed.parts()), await _at_start(feed), 0.05)


async def _parts(feed: Feed) -> Sequence[Part]:
    of = await feed.parts()
    return [Part(number, of) for number in range(of)]


async def _part_of(stream: str, feed: Feed) -> Part:
    of = await feed.parts()
    return Part(part_of(stream, of), of)


async def _at_start(feed: Feed) -> Cursor:
    return Cursor(await feed.epoch(), 0, None)


async def _followed(feed: Feed, count: int, limit: int = 500) -> Mapping[Part, Sequence[Recorded]]:
    """Return what each part has, once they have so many events together."""
    seen: dict[Part, list[Recorded]] = {part: [] for part in await _parts(feed)}
    cursors = dict.fromkeys(seen, await _at_start(feed))
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while len(_all(seen)) < count:
            for part, before in cursors.items():
                page = await feed.page(part, before, limit)
                assert len(page.rows) <= limit
                assert page.cursor.position >= max((row.position for row in page.rows), default=before.position)
                seen[part].extend(page.rows)
                cursors[part] = page.cursor
                if page.cursor == before:
                    await feed.more(part, before, _PAUSE_SECONDS)
    return seen


async def _until_read(feed: Feed, part: Part, position: int) -> None:
    """Return once the feed has a part's event at a position."""
    start = await _at_start(feed)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while position not in [row.position for row in (await feed.page(part, start, 500)).rows]:
            await feed.more(part, start, _PAUSE_SECONDS)


def _all(seen: Mapping[Part, Sequence[Recorded]]) -> Sequence[Recorded]:
    return [row for rows in seen.values() for row in rows]
