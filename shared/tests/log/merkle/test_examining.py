"""Whatever is done to whichever row, the first wrong position is named, and in which way where that can be told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.log.api import Recorded
from kompetenspass.log.merkle.examining import Examination, Wrong, way_of
from kompetenspass.log.merkle.tree import Frontier, row_hash
from kompetenspass.testing.clock import NOON

SIZE = 40
ROWS = [
    Recorded(n, f"s-{n % 3}", (n + 2) // 3, UUID(int=n), "x.Y.v1", NOON + timedelta(seconds=n // 4), f'{{"n":{n}}}')
    for n in range(1, SIZE + 1)
]
LEAVES = [row_hash(row) for row in ROWS]
NEW = Recorded(0, "s-new", 1, UUID(int=999), "x.Y.v1", NOON, "{}")
CHANGES: list[Callable[[Recorded], Recorded]] = [
    lambda row: row._replace(stream=row.stream + "x"),
    lambda row: row._replace(version=row.version + 7),
    lambda row: row._replace(id=UUID(int=row.id.int + 1000)),
    lambda row: row._replace(type="x.Z.v1"),
    lambda row: row._replace(recorded=row.recorded + timedelta(microseconds=1)),
    lambda row: row._replace(data=row.data + " "),
]


def renumbered(rows: list[Recorded], *, versions: bool) -> list[Recorded]:
    """Return the rows as an owner leaves them who mends positions, and versions as well."""
    last: dict[str, int] = {}
    found = []
    for position, row in enumerate(rows, 1):
        last[row.stream] = last.get(row.stream, 0) + 1
        found.append(row._replace(position=position, version=last[row.stream] if versions else row.version))
    return found


def known(position: int) -> bytes | None:
    return LEAVES[position - 1] if 1 <= position <= SIZE else None


def first_wrong(rows: list[Recorded]) -> Wrong | None:
    examination = Examination(known, SIZE, {})
    for at, row in enumerate(rows):
        if wrong := examination.take(row, None):
            return way_of(rows[at:], known) if wrong.by_leaf else wrong
    return examination.ended()


places, mended = st.integers(1, SIZE), st.booleans()


@given(places, st.sampled_from(CHANGES), mended)
def test_a_changed_row_is_named(place: int, change: Callable[[Recorded], Recorded], versions: bool) -> None:
    rows = [change(row) if row.position == place else row for row in ROWS]
    wrong = first_wrong(rows)
    assert wrong is not None
    assert (wrong.position, wrong.way) == (place, "changed")
    if renumbered(rows, versions=versions) != ROWS:
        again = first_wrong(renumbered(rows, versions=versions))
        assert again is not None
        assert again.position == place


@given(places, mended, st.booleans())
def test_a_removed_row_is_named(place: int, versions: bool, moved_up: bool) -> None:
    left = [row for row in ROWS if row.position != place]
    wrong = first_wrong(renumbered(left, versions=versions) if moved_up else left)
    assert wrong is not None
    assert (wrong.position, wrong.way) == (place, "removed")


@given(places, mended, st.sampled_from(["s-new", "s-0"]))
def test_an_inserted_row_is_named(place: int, versions: bool, stream: str) -> None:
    rows = [*ROWS[: place - 1], NEW._replace(stream=stream), *ROWS[place - 1 :]]
    wrong = first_wrong(renumbered(rows, versions=versions))
    assert wrong is not None
    assert (wrong.position, wrong.way) == (place, "inserted")


@settings(max_examples=200)
@given(places, places, mended)
def test_of_two_rows_that_changed_places_the_first_is_named(one: int, other: int, versions: bool) -> None:
    first, second = sorted((one, other))
    rows = ROWS.copy()
    rows[first - 1], rows[second - 1] = rows[second - 1], rows[first - 1]
    wrong = first_wrong(renumbered(rows, versions=versions))
    if first == second:
        assert wrong is None
        return
    assert wrong is not None
    assert wrong.position == first
    if not versions:  # of one stream, far from each other, both have another version now: they fit nowhere
        assert wrong.way == "reordered"


@pytest.mark.parametrize("size", [0, 1, SIZE - 1])
def test_rows_that_are_missing_at_the_end_are_named(size: int) -> None:
    assert first_wrong(ROWS[:size]) == Wrong(size + 1, "removed", "the log ends before it")


def test_rows_that_lead_to_another_root_than_the_signed_one_are_named_by_its_size() -> None:
    examination = Examination(lambda _position: None, 0, {5: {bytes(32)}})
    found = [examination.take(row, None) for row in ROWS]
    assert [wrong.position for wrong in found if wrong] == [5]
    tree = Frontier()
    for leaf in LEAVES:
        tree.append(leaf)
    well = Examination(known, SIZE, {SIZE: {tree.root()}})
    assert [well.take(row, None) for row in ROWS] == [None] * SIZE
    assert well.ended() is None
