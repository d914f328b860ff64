"""Reading a partition: each event once, in order, none lost, however relays crashed and readers stopped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.log.api import Cursor, LogDiffers, Page, Recorded
from kompetenspass.log.kafka.window import AHEAD, BEHIND, ENDED, SKEW, Entry, Window
from kompetenspass.testing.clock import NOON
from kompetenspass.testing.kafka.relays import EPOCH, Action, Partition, actions, event, played


def window_of(records: Sequence[Entry], start: int = 0) -> Window:
    window = Window(start)
    window.add(records[start:])
    return window


def followed(records: Sequence[Entry], cursor: Cursor, limits: Sequence[int]) -> tuple[list[Recorded], list[Cursor]]:
    """Return what a reader gets that reads anew at each page, from the record before its offset on."""
    found, cursors, turn = list[Recorded](), [cursor], 0
    assert cursor.offset is not None
    while (cursors[-1].offset or 0) < len(records):
        at = cursors[-1].offset or 0
        page = window_of(records, max(0, at - 1)).page(cursors[-1], limits[turn % len(limits)], NOON)
        found += page.rows
        cursors.append(page.cursor)
        turn += 1
    return found, cursors


@given(actions, st.lists(st.integers(1, 7), min_size=1, max_size=4))
@settings(deadline=None)
def test_each_event_comes_once_and_in_order_whatever_relays_do(happened: list[Action], limits: list[int]) -> None:
    partition = played(happened)
    found, cursors = followed(partition.records, Cursor(EPOCH, 0, None, 0), limits)
    assert found == partition.events
    assert cursors == sorted(cursors, key=lambda one: (one.position, one.offset))
    assert cursors[-1].position == partition.head


@given(actions)
@settings(deadline=None)
def test_a_cursor_holds_what_was_promised_of_it(happened: list[Action]) -> None:
    partition = played(happened)
    for cursor in followed(partition.records, Cursor(EPOCH, 0, None, 0), [2])[1]:
        before = [one.position for one in partition.records[: cursor.offset] if one.recorded]
        assert all(position <= cursor.position for position in before)
        assert {row.position for row in partition.events if row.position <= cursor.position} == set(before)


@given(actions, st.integers(0, 40), st.integers(0, 60))
@settings(deadline=None)
def test_a_newer_position_with_an_older_offset_loses_nothing(happened: list[Action], position: int, at: int) -> None:
    partition = played(happened)
    cursors = followed(partition.records, Cursor(EPOCH, 0, None, 0), [3])[1]
    old = cursors[at % len(cursors)]
    newer = Cursor(EPOCH, max(position, old.position), None, old.offset)
    found, _ = followed(partition.records, newer, [4])
    assert found == [row for row in partition.events if row.position > newer.position]


def mark(offset: int, position: int, ended_at: datetime | None, fence: int = 1) -> Entry:
    return Entry(offset, position, EPOCH, fence, None, ended_at)


def row(offset: int, position: int, epoch: UUID = EPOCH) -> Entry:
    return Entry(offset, position, epoch, 1, event(position), None)


def test_a_watermark_moves_the_cursor_and_says_whether_the_log_ended_there() -> None:
    window = window_of([row(0, 1), mark(1, 5, NOON)])
    page = window.page(Cursor(EPOCH, 0, None, 0), 10, NOON)
    assert page == Page([event(1)], Cursor(EPOCH, 5, None, 2), ended=True, ended_at=NOON)
    assert window.page(page.cursor, 10, NOON + ENDED) == Page([], page.cursor, ended=True, ended_at=NOON)
    assert not window.page(page.cursor, 10, NOON + ENDED + timedelta(seconds=1)).ended


def test_a_watermark_from_the_future_says_nothing_of_the_end() -> None:
    window = window_of([row(0, 1), mark(1, 5, NOON)])
    assert window.page(Cursor(EPOCH, 0, None, 0), 10, NOON - SKEW).ended
    assert not window.page(Cursor(EPOCH, 0, None, 0), 10, NOON - SKEW - timedelta(seconds=1)).ended


def test_a_watermark_at_the_last_event_leaves_its_id_known() -> None:
    page = window_of([row(0, 4), mark(1, 4, None)]).page(Cursor(EPOCH, 0, None, 0), 10, NOON)
    assert page.cursor == Cursor(EPOCH, 4, event(4).id, 2)
    assert not page.ended  # a watermark without a time says nothing of it


def test_a_page_that_was_cut_or_follows_a_late_watermark_has_not_ended() -> None:
    records = [row(0, 1), row(1, 2), mark(2, 2, NOON)]
    assert not window_of(records).page(Cursor(EPOCH, 0, None, 0), 2, NOON).ended
    late = [row(0, 1), row(1, 7), mark(2, 3, NOON, fence=0)]
    assert not window_of(late).page(Cursor(EPOCH, 0, None, 0), 9, NOON).ended


def test_events_after_the_last_watermark_have_not_ended() -> None:
    assert not window_of([mark(0, 1, NOON), row(1, 2)]).page(Cursor(EPOCH, 0, None, 0), 9, NOON).ended


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        (Cursor(UUID(int=9), 3, None, 1), "log_has_another_epoch"),
        (Cursor(EPOCH, 2, None, 1), "log_has_another_event"),
        (Cursor(EPOCH, 3, UUID(int=99), 1), "log_has_another_event"),
        (Cursor(EPOCH, 5, UUID(int=99), 1), "log_has_another_event"),
        (Cursor(EPOCH, 5, None, 2), "log_has_another_epoch"),
    ],
)
def test_what_stands_at_the_cursor_is_what_stood_there(cursor: Cursor, reason: str) -> None:
    window = window_of([row(0, 3), row(1, 5), row(2, 6, UUID(int=8))])
    with pytest.raises(LogDiffers, match=reason):
        window.page(cursor, 9, NOON)


def test_it_remembers_for_those_who_come_later_and_no_more_than_that() -> None:
    window, cursor = Window(0), Cursor(EPOCH, 0, None, 0)
    for start in range(0, 10 * BEHIND, 500):
        window.add([row(offset, offset + 1) for offset in range(start, start + 500)])
        cursor = window.page(cursor, 500, NOON).cursor
    assert window.next - window.start <= BEHIND + 500
    again = Cursor(EPOCH, window.start + 1, None, window.start + 1)
    assert len(window.page(again, 10_000, NOON).rows) == window.next - window.start - 1


def test_it_is_full_when_its_readers_do_not_follow() -> None:
    window = Window(0)
    window.add([row(offset, offset + 1) for offset in range(AHEAD)])
    assert window.is_full
    window.page(Cursor(EPOCH, 0, None, 0), 1, NOON)
    assert not window.is_full


def test_the_model_has_repeats_and_relays_that_are_late() -> None:
    """So that what is said above of it means something."""
    late: list[Action] = [("append", 0, 9), ("take", 0, 1), ("load", 0, 1), ("send", 0, 2), ("take", 1, 1)]
    late += [("load", 1, 1), ("send", 1, 9), ("confirm", 1, 1), ("send", 0, 1)]
    partition: Partition = played(late)
    fences = [one.fence for one in partition.records]
    assert fences != sorted(fences)
    assert len([one for one in partition.records if one.recorded]) > len(partition.events)
