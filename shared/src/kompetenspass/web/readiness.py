"""What /readyz says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CursorState:
    """How far one reader (a projection or a reaction) is in one log. `halted` is why it stopped, or None.

    `stalled` says that it makes no step although its log has more: no reason not to answer, but somebody must look.
    """

    reader: str
    log: str
    position: int
    head: int
    halted: str | None = None
    stalled: bool = False

    @property
    def lag(self) -> int:
        """How many events of the log it has not applied yet."""
        return max(0, self.head - self.position)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests can be answered; `reasons` says why not, in constant words."""

    reasons: tuple[str, ...]
    cursors: Sequence[CursorState]
    parked: int
    appender_healthy: bool

    @property
    def ready(self) -> bool:
        """Whether nothing stands against it."""
        return not self.reasons

    def as_json(self) -> dict[str, Any]:
        """Return the answer of /readyz."""
        return {
            "status": "ready" if self.ready else "not_ready",
            "reasons": list(self.reasons),
            "appender": "healthy" if self.appender_healthy else "failed",
            "parked": self.parked,
            "cursors": [
                {
                    "reader": c.reader,
                    "log": c.log,
                    "position": c.position,
                    "lag": c.lag,
                    "halted": c.halted,
                    "stalled": c.stalled,
                }
                for c in self.cursors
            ],
        }
