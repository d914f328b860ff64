"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FixedClock:
    """A Clock: call it for the moment, `advance` it to let time pass."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        """Return the moment, aware, in UTC."""
        return self.moment

    def advance(self, by: timedelta | None = None, *, seconds: float = 0) -> datetime:
        """Let time pass and return the new moment."""
        self.moment += (by or timedelta()) + timedelta(seconds=seconds)
        return self.moment
