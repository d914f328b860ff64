"""Where a reader begins that knows only a position: never too late, whatever relays do, and seldom far too early."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.log.api import LogDiffers
from kompetenspass.log.kafka.places import event_at, place_of, proven
from kompetenspass.log.kafka.window import Entry
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.kafka.relays import EPOCH, Action, actions, event, played

Look = Callable[[int, int], Awaitable[Sequence[Entry]]]


def looking(records: Sequence[Entry], asked: list[int] | None = None) -> Look:
    async def look(offset: int, limit: int) -> Sequence[Entry]:
        if asked is not None:
            asked.append(offset)
        return records[offset : offset + limit]

    return look


def above(records: Sequence[Entry], position: int) -> list[int]:
    return [one.offset for one in records if one.recorded and one.position > position]


@given(actions, st.integers(0, 60), st.integers(0, 200))
@settings(deadline=None)
async def test_nothing_above_the_position_stands_before_the_place(
    happened: list[Action], position: int, removed: int
) -> None:
    records = played(happened).records
    begin = min(removed, len(records)) if removed > 100 else 0
    try:
        place = await place_of(looking(records), (begin, len(records)), EPOCH, position)
    except LogDiffers as error:
        assert error.reason == "log_no_longer_kept"  # noqa: PT017  it may be raised, or not
        assert begin > 0
    else:
        assert begin <= place <= len(records)
        assert all(offset >= place for offset in above(records, position))


@given(actions, st.integers(1, 60))
@settings(deadline=None)
async def test_an_event_is_found_where_it_is_and_nowhere_else(happened: list[Action], position: int) -> None:
    partition = played(happened)
    there = {row.position: row for row in partition.events}
    records = partition.records
    assert await event_at(looking(records), (0, len(records)), position) == there.get(position)


def long_partition(events: int) -> list[Entry]:
    """One relay, a watermark after each ten events, of which every hundredth is of this partition."""
    records: list[Entry] = []
    for position in range(100, 100 * events, 100):
        records.append(Entry(len(records), position, EPOCH, 1, event(position), None))
        if position % 1000 == 0:
            records.append(Entry(len(records), position, EPOCH, 1, None, NOON))
    return records


async def test_in_a_sparse_partition_it_looks_at_few_records_and_begins_close_by() -> None:
    records, asked = long_partition(100_000), list[int]()
    for position in (150, 4_999_950, 5_000_000, 9_999_000, 20_000_000):
        asked.clear()
        place = await place_of(looking(records, asked), (0, len(records)), EPOCH, position)
        first = next(iter(above(records, position)), len(records))
        assert first - 40 <= place <= first
        assert len(asked) < 30


async def test_a_repeat_by_a_late_relay_misleads_nobody() -> None:
    """What bisection alone would find, lies behind events that the reader lacks."""
    late = [(1, 12), (2, 12), (2, 15), (2, 18), (1, 12), (1, 12), (2, 21), (2, 24)]
    records = [Entry(n, position, EPOCH, fence, event(position), None) for n, (fence, position) in enumerate(late)]
    assert await place_of(looking(records), (0, 8), EPOCH, 13) == 0


async def test_at_the_beginning_and_in_an_empty_partition_it_is_the_beginning() -> None:
    assert await place_of(looking([]), (0, 0), EPOCH, 0) == 0
    assert await place_of(looking([]), (0, 0), EPOCH, 99) == 0
    assert await place_of(looking(long_partition(10)), (0, 9), EPOCH, 0) == 0


async def test_what_was_removed_is_only_missed_if_it_may_have_been_new() -> None:
    records = long_partition(1000)
    look, end = looking(records), len(records)
    with pytest.raises(LogDiffers, match="log_no_longer_kept"):
        await place_of(look, (500, end), EPOCH, 150)
    with pytest.raises(LogDiffers, match="log_no_longer_kept"):
        await place_of(look, (500, end), EPOCH, 0)
    assert await place_of(look, (500, end), EPOCH, 90_000) > 900
    with pytest.raises(LogDiffers, match="log_no_longer_kept"):
        await place_of(looking([]), (500, 500), EPOCH, 90_000)


async def test_of_a_log_that_only_rested_marks_may_be_removed() -> None:
    records = [Entry(n, 40, EPOCH, 1, None, NOON) for n in range(300)]
    assert await place_of(looking(records), (200, 300), EPOCH, 40) == 299


async def test_another_log_is_noticed() -> None:
    records = [Entry(0, 40, UUID(int=1), 1, None, NOON)]
    with pytest.raises(LogDiffers, match="log_has_another_epoch"):
        await place_of(looking(records), (0, 1), EPOCH, 0)


def test_nothing_is_proven_by_one_watermark_or_by_two_relays_or_without_an_end() -> None:
    def marks(*said: tuple[int, int, bool]) -> list[Entry]:
        return [Entry(n, at, EPOCH, fence, None, NOON if end else None) for n, (fence, at, end) in enumerate(said)]

    assert proven(marks((1, 5, True)), EPOCH, 9, set()) is None
    assert proven(marks((1, 5, True), (2, 5, True)), EPOCH, 9, set()) is None
    assert proven(marks((1, 5, True), (1, 5, False)), EPOCH, 9, set()) is None
    assert proven(marks((1, 5, False), (1, 5, True)), EPOCH, 9, set()) == 1
    assert proven(marks((1, 5, False), (2, 5, True), (1, 5, True), (2, 6, True)), EPOCH, 9, set()) == 2
    assert proven(marks((1, 5, False), (1, 12, True)), EPOCH, 9, set()) is None
    assert proven(marks((1, 5, False), (1, 5, True)), UUID(int=1), 9, set()) is None


async def test_watermarks_prove_something_however_far_apart_they_are() -> None:
    records: list[Entry] = []
    for position in range(1, 20_000):
        records.append(Entry(len(records), position, EPOCH, 1, event(position), None))
        if position % 3_000 == 0:
            records.append(Entry(len(records), position, EPOCH, 1, None, NOON))
    place = await place_of(looking(records), (0, len(records)), EPOCH, 10_000)
    assert place == records[6_001].offset + 1


async def test_an_event_that_is_no_longer_kept_is_not_found() -> None:
    records = long_partition(1000)
    look, end = looking(records), len(records)
    assert await event_at(look, (0, end), 50_000) == event(50_000)
    assert await event_at(look, (600, end), 50_000) is None
    assert await event_at(look, (600, end), 90_000) == event(90_000)
    assert await event_at(look, (0, end), 10_000_000) is None
    assert await event_at(look, (end, end), 90_000) is None
