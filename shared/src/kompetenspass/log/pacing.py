"""How long readers gather what comes before they begin the next page."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache

SPACINGS_SECONDS = (0.0125, 0.025, 0.05, 0.1)
_AT_REST = 4


class Pace:
    """Of all readers of one process: together they are at work for no more than a fifth of the time, until the longest
    of the spacings is reached. One that has the process to itself goes on the soonest.

    They go on at full multiples, at the same time, so that they share what is read.
    """

    def __init__(self) -> None:
        self._took: dict[Hashable, tuple[float, float]] = {}

    def until_gathered(self, reader: Hashable, began: float, now: float) -> float:
        """Return the seconds until a reader goes on that began a page then and has ended it now, by the loop's clock.

        Of a reader that follows a log in parts the last page counts: its parts are at work at the same time.
        """
        self._took[reader] = now, now - began
        lately = now - 2 * SPACINGS_SECONDS[-1]
        rest = _AT_REST * sum(took for ended, took in self._took.values() if ended > lately)
        spacing = next((each for each in SPACINGS_SECONDS if each >= rest), SPACINGS_SECONDS[-1])
        return spacing - now % spacing


@cache
def of_this_process() -> Pace:
    """Return the pace of all readers here, whichever service they belong to: they share its processor time."""
    return Pace()
