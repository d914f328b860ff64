"""Where a reader begins: after a position, after a cursor that it was given, at a time, or now."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BeforeValidator, Field

from kompetenspass.web.commands import Moment

CURSOR = r"^[0-9]{1,16}(\.[0-9a-f]{32})?$"
"""How a cursor is written: a position, alone or with the epoch of the log behind a full stop."""


class At(NamedTuple):
    """After a position; `epoch`: in which life of the log that is, None where the reader does not say it."""

    position: int
    epoch: UUID | None = None

    def __str__(self) -> str:
        """Return the cursor as it is given out: the position, a full stop, the epoch."""
        return str(self.position) if self.epoch is None else f"{self.position}.{self.epoch.hex}"


def at(cursor: str) -> At:
    """Return the place that a cursor names, or a position alone. Raises ValueError for any other text."""
    position, dot, epoch = cursor.partition(".")
    return At(int(position), UUID(epoch) if dot else None)


def _written_out(value: Any) -> Any:
    """Refuse the numbers that would else be taken for seconds since 1970."""
    if not isinstance(value, str) or "-" not in value[1:]:
        raise ValueError("write the time as RFC 3339 says, with its offset")
    return value


Time = Annotated[Moment, BeforeValidator(_written_out)]
"""A time as RFC 3339 writes it."""

Position = Annotated[int, Field(ge=0, lt=2**53)]
"""A place in a log; 0 is before the first event."""

Cursor = Annotated[str, Field(pattern=CURSOR)]
"""A position as text, alone or with the epoch of the log: what an answer gives as `cursor`."""

Start = Position | Cursor | Time | Literal["now"]
"""Where to begin: after a position or a cursor, at a time, or with what happens from now on."""
