"""What every log must do, whatever carries it: inherit, and provide the fixture `log`."""

from __future__ import annotations

import asyncio
from typing import Protocol

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Draft
from kompetenspass.log.api import AlreadyStored, Append, Conflict, IdReused, Log, Stored, WholeLog
from kompetenspass.log.conformance import draft, request

_PATIENCE_SECONDS = 60.0  # a log that is only slow fails nobody


class OwnLog(Log, WholeLog, Protocol):
    """A log that its owner appends to, and that can be read as a whole."""


class LogConformance:
    """The promises of Log."""

    async def test_positions_are_dense_and_in_commit_order(self, log: OwnLog) -> None:
        """From 1, without a gap, whoever appends at the same time, and as the callers were told."""
        answers = await asyncio.gather(*(log.append(request(f"s-{n}", events=1 + n % 3)) for n in range(60)))
        rows = await log.read(0, 1000)
        assert [row.position for row in rows] == list(range(1, 121))
        ends = {row.stream: row.position for row in rows}
        assert [ends[f"s-{n}"] for n in range(60)] == [a.position for a in answers if isinstance(a, Stored)]

    async def test_what_was_stored_is_read_back_as_it_was(self, log: OwnLog) -> None:
        """Id, type, bytes, stream and version; the moment is the log's, and the event decodes."""
        wanted = request("s", events=2)
        await log.append(wanted)
        rows = await log.read_stream("s")
        assert [(r.id, r.type, r.data) for r in rows] == [(d.id, d.type, d.data) for d in wanted.drafts]
        assert [(r.stream, r.version) for r in rows] == [("s", 1), ("s", 2)]
        assert rows[0].recorded.utcoffset() is not None
        assert rows[0].event.type == wanted.drafts[0].type

    async def test_a_stream_is_read_after_a_version(self, log: OwnLog) -> None:
        """Only what is newer, in order; nothing for a stream that is not there."""
        await log.append(request("s", events=3))
        assert [row.version for row in await log.read_stream("s", 1)] == [2, 3]
        assert await log.read_stream("t") == []

    async def test_a_conflict_names_the_version_that_stands_there(self, log: OwnLog) -> None:
        """Whether the caller expects too little or too much."""
        await log.append(request("s", events=3))
        assert await log.append(request("s", 2)) == Conflict(3)
        assert await log.append(request("s", 4)) == Conflict(3)
        assert await log.append(request("t", 1)) == Conflict(0)
        assert await log.append(request("s", 3)) == Stored(4, 4)

    async def test_of_rivals_for_one_version_one_wins(self, log: OwnLog) -> None:
        """The others are told the winner's version; one stored event stands there."""
        answers = await asyncio.gather(*(log.append(request("s")) for _ in range(8)))
        assert answers.count(Conflict(1)) == 7
        assert answers.count(Stored(1, 1)) == 1
        assert await log.head() == 1

    async def test_the_first_of_two_rivals_handed_in_together_wins(self, log: OwnLog) -> None:
        """And whoever expects the winner's version follows it."""
        first, second, third = request("s"), request("s"), request("s", 1)
        answers = await asyncio.gather(*(log.append(r) for r in (first, second, third)))
        assert answers == [Stored(1, 1), Conflict(1), Stored(2, 2)]
        assert [row.id for row in await log.read(0, 9)] == [first.drafts[0].id, third.drafts[0].id]

    async def test_each_caller_gets_its_own_answer(self, log: OwnLog) -> None:
        """However streams, rivals and repeats are mixed in one moment."""
        first, rival, other = request("s"), request("s"), request("t", events=2)
        moment = [first, rival, other, first, request("s", 1), request("u", 3)]
        answers = await asyncio.gather(*(log.append(r) for r in moment))
        at = {row.id: row.position for row in await log.read(0, 9)}
        expected: list[object] = [Stored(at[first.drafts[0].id], 1), Conflict(1), Stored(at[other.drafts[1].id], 2)]
        expected += [AlreadyStored(at[first.drafts[0].id]), Stored(at[moment[4].drafts[0].id], 2), Conflict(0)]
        assert answers == expected

    async def test_a_repeat_is_answered_with_the_same_position(self, log: OwnLog) -> None:
        """Although the stream has moved on since: ids are looked at before versions."""
        repeated = request("s", events=2)
        assert await log.append(repeated) == Stored(2, 2)
        await log.append(request("s", 2))
        assert await log.append(repeated) == AlreadyStored(2)
        assert await log.head() == 3

    async def test_a_repeat_in_the_same_moment_is_stored_once(self, log: OwnLog) -> None:
        """The same request handed in twice at once."""
        repeated = request("s")
        answers = await asyncio.gather(log.append(repeated), log.append(repeated))
        assert list(answers) == [Stored(1, 1), AlreadyStored(1)]

    async def test_a_known_id_with_other_bytes_is_refused(self, log: OwnLog) -> None:
        """Also beside a new id, and also where the version would have been wrong: nothing is stored."""
        known = draft()
        await log.append(Append("s", 0, [known]))
        assert await log.append(Append("s", 1, [draft(known.id)])) == IdReused(known.id)
        assert await log.append(Append("s", 7, [draft(), draft(known.id)])) == IdReused(known.id)
        assert await log.append(Append("s", 1, [known, draft()])) == IdReused(known.id)
        assert await log.head() == 1

    async def test_a_request_is_stored_whole_or_not_at_all(self, log: OwnLog) -> None:
        """A request whose last event is bad leaves none of its events."""
        twice = draft()
        assert await _refused(log, Append("s", 0, [draft(), twice, twice])) == "event_refused"
        assert await log.append(request("s")) == Stored(1, 1)

    async def test_a_bad_event_fails_alone(self, log: OwnLog) -> None:
        """Its neighbours in the same moment are stored."""
        twice, nul = draft(), Draft(uuid7(), "wallet.Bad.v1", "a\x00b")
        half = Draft(uuid7(), "wallet.Bad.v1", "a\ud800b")
        bad = [Append("bad", 0, drafts) for drafts in ([twice, twice], [nul], [], [half])]
        requests = [request("s-1"), bad[0], request("s-2"), *bad[1:], request("s-3")]
        answers = await asyncio.gather(*(log.append(r) for r in requests), return_exceptions=True)
        assert [answers[n] for n in (0, 2, 6)] == [Stored(1, 1), Stored(2, 1), Stored(3, 1)]
        assert [getattr(answers[n], "code", "") for n in (1, 3, 4, 5)] == ["event_refused"] * 4

    async def test_an_id_given_to_two_streams_at_once_is_stored_once(self, log: OwnLog) -> None:
        """The second is told that the id is taken."""
        shared = uuid7()
        requests = [Append("s", 0, [draft(shared)]), Append("t", 0, [draft(shared)])]
        assert await asyncio.gather(*(log.append(r) for r in requests)) == [Stored(1, 1), IdReused(shared)]


class WholeLogConformance:
    """The promises of WholeLog: one order, at once."""

    async def test_pages_follow_each_other(self, log: OwnLog) -> None:
        """A page holds up to the limit; after the last there is nothing."""
        await log.append(request("s", events=5))
        pages = [[row.position for row in await log.read(after, 2)] for after in (0, 2, 4, 5)]
        assert pages == [[1, 2], [3, 4], [5], []]

    async def test_the_head_is_the_newest_position(self, log: OwnLog) -> None:
        """0 while the log is empty."""
        assert await log.head() == 0
        await log.append(request("s", events=4))
        assert await log.head() == 4

    async def test_the_epoch_stays(self, log: OwnLog) -> None:
        """While nobody restores the log."""
        before = await log.epoch()
        await log.append(request("s"))
        assert await log.epoch() == before

    async def test_waiting_ends_when_something_is_appended(self, log: OwnLog) -> None:
        """Long before its time is over; at once where something stands there already."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            waiting = asyncio.create_task(log.wait(0, 2 * _PATIENCE_SECONDS))
            await log.append(request("s"))
            await waiting
            await log.wait(0, 2 * _PATIENCE_SECONDS)

    async def test_waiting_ends_when_its_time_is_over(self, log: OwnLog) -> None:
        """Although nothing came."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await log.wait(0, 0.05)
        assert await log.head() == 0


async def _refused(log: Log, bad: Append) -> str:
    try:
        await log.append(bad)
    except Problem as problem:
        return problem.code
    return ""
