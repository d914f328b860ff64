"""The picture of a learner's progress: a row of segments, full or hollow, that needs no colour to be read."""

from __future__ import annotations

from dataclasses import dataclass

_WIDTH = 690
_GAP = 6
_HEIGHT = 44
_INSET = 2
_IN_A_ROW = 30


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a pathway, by its place in the picture."""

    x: float
    y: float
    width: float
    height: float
    done: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Segments in as many rows as they need, from the left, what is done first."""

    width: int
    height: int
    segments: tuple[Segment, ...]


def drawing(done: int, total: int) -> Drawing:
    """Return `total` segments of which the first `done` are full."""
    columns = max(1, min(total, _IN_A_ROW))
    width = (_WIDTH - _GAP * (columns - 1)) / columns
    rows = max(1, -(-total // columns))
    segments = tuple(
        Segment(
            x=round(index % columns * (width + _GAP) + _INSET, 2),
            y=index // columns * (_HEIGHT + _GAP) + _INSET,
            width=round(width - 2 * _INSET, 2),
            height=_HEIGHT - 2 * _INSET,
            done=index < done,
        )
        for index in range(total)
    )
    return Drawing(_WIDTH, rows * (_HEIGHT + _GAP) - _GAP, segments)
