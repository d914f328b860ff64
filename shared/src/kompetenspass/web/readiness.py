"""What /readyz says, and /metrics of it for whoever watches it.

Source of the form of `/metrics`: Prometheus, exposition formats, text format 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

METRICS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class CursorState:
    """How far one reader (a projection or a reaction) is in one log. `halted` is why it stopped, or None.

    `stalled` says that it makes no step although its log has more, and `reachable` is false while nobody says how far
    the log is (Kafka is away): no reasons not to answer, but somebody must look.
    """

    reader: str
    log: str
    position: int
    head: int
    halted: str | None = None
    stalled: bool = False
    reachable: bool = True

    @property
    def lag(self) -> int | None:
        """How many events of the log it has not applied yet, None while the log cannot be asked."""
        return max(0, self.head - self.position) if self.reachable else None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests can be answered; `reasons` says why not, in constant words. `parked` is None where not known.

    `appender_refusing`: the last append was refused. That is no reason: queries are answered, and only another append
    can tell that the next one will be stored.
    """

    reasons: tuple[str, ...]
    cursors: Sequence[CursorState]
    parked: int | None
    appender_healthy: bool
    appender_refusing: bool = False

    @property
    def ready(self) -> bool:
        """Whether nothing stands against it."""
        return not self.reasons

    @property
    def _refuses(self) -> bool:
        return self.appender_refusing or not self.appender_healthy

    @property
    def _appender(self) -> str:
        if not self.appender_healthy:
            return "failed"
        return "refusing" if self.appender_refusing else "healthy"

    def as_json(self) -> dict[str, Any]:
        """Return the answer of /readyz."""
        return {
            "status": "ready" if self.ready else "not_ready",
            "reasons": list(self.reasons),
            "appender": self._appender,
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

    def as_metrics(self, service: str) -> str:
        """Return the answer of /metrics; what is not known now has no line."""
        return "".join(self._metrics({"service": service}))

    def _metrics(self, labels: dict[str, str]) -> Iterator[str]:
        at = [(c, {**labels, "reader": c.reader, "log": c.log}) for c in self.cursors]
        lags = [(each, c.lag) for c, each in at if c.lag is not None]
        yield from _gauge("ready", "1 if requests can be answered.", [(labels, int(self.ready))])
        yield from _gauge("reader_lag_events", "Events of a log that a reader has not applied.", lags)
        yield from _gauge(
            "reader_halted", "1 if a reader has stopped.", [(e, int(c.halted is not None)) for c, e in at]
        )
        yield from _gauge("reader_stalled", "1 if a reader makes no step.", [(e, int(c.stalled)) for c, e in at])
        yield from _gauge("appender_refusing", "1 if the last append was refused.", [(labels, int(self._refuses))])
        if self.parked is not None:
            yield from _gauge("parked_events", "Events that wait for a person.", [(labels, self.parked)])


def _gauge(name: str, said: str, values: Sequence[tuple[dict[str, str], int]]) -> Iterator[str]:
    yield f"# HELP kompetenspass_{name} {said}\n# TYPE kompetenspass_{name} gauge\n"
    for labels, value in values:
        of = ",".join(f'{label}="{text}"' for label, text in labels.items())
        yield f"kompetenspass_{name}{{{of}}} {value}\n"
