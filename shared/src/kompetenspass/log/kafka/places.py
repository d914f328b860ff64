"""Where in a partition a reader begins that knows a position, and no offset; and where an event stands.

Positions grow along a partition, but for two things: a relay that begins again repeats what nobody confirmed, and one
that was slow to learn of its successor adds what the successor has sent already. Bisection may be misled by both; what
it finds is only about where to look. Where a reader begins is proven: by two watermarks of one relay, of which the
second says that the log ended at its position. The relay still had the lease when the first was confirmed: so all that
stands before the first was sent by this relay, or by one before it. Those had read it before this one took over, and so
before the log ended at the second's position: none of it is above that. Before the partition's first record stands
nothing, as long as that has offset 0: else older records were removed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from kompetenspass.log.api import LogDiffers, Recorded
from kompetenspass.log.kafka.window import Entry

_FIRST_LOOK, _LONGEST_LOOK = 64, 4096

Look = Callable[[int, int], Awaitable[Sequence[Entry]]]
"""Returns up to so many records from an offset on, at least one if the partition has one there."""


async def place_of(look: Look, bounds: tuple[int, int], epoch: UUID, position: int) -> int:
    """Return an offset before which no event stands above a position, and not far before the first that does.

    `bounds`: of the partition's first record, and after its last. Raises LogDiffers where records were removed that
    may be above it, and where the log is another one.
    """
    begin, end = bounds
    if begin < end and (await look(end - 1, 1))[0].epoch != epoch:
        raise LogDiffers("log_has_another_epoch")
    if begin == 0 and position == 0:
        return 0
    found = await _proven_before(look, begin, await _about(look, begin, end, position), epoch, position)
    if found is None and begin > 0:
        raise LogDiffers("log_no_longer_kept")
    return found or 0


async def event_near(look: Look, bounds: tuple[int, int], position: int) -> Recorded | None:
    """Return the event at a position if it stands where bisection looks for it, as it nearly always does."""
    at = await _about(look, *bounds, position - 1)
    entry = (await look(at, 1))[0] if at < bounds[1] else None
    return entry.recorded if entry and entry.position == position else None


async def event_at(look: Look, bounds: tuple[int, int], position: int) -> Recorded | None:
    """Return the event at a position, None where the partition does not have it, or no longer."""
    begin, end = bounds
    if begin == end:
        return None
    epoch = (await look(end - 1, 1))[0].epoch
    about = await _about(look, begin, end, position - 1)
    at = await _proven_before(look, begin, about, epoch, position - 1) or begin
    while at < end:
        entries = await look(at, _FIRST_LOOK)
        for entry in entries:
            if entry.recorded and entry.position >= position:
                return entry.recorded if entry.position == position else None
        at = entries[-1].offset + 1
    return None


async def _about(look: Look, begin: int, end: int, position: int) -> int:
    """Return where, by bisection, the first record above a position stands; `end` if there is none."""
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if (await look(middle, 1))[0].position > position:
            high = middle
        else:
            low = middle + 1
    return low


async def _proven_before(look: Look, begin: int, high: int, epoch: UUID, position: int) -> int | None:
    """Return the last proven place before an offset, None if there is none."""
    size, proving = _FIRST_LOOK, set[int]()
    while high > begin:
        low = max(begin, high - size)
        found = proven(await _between(look, low, high), epoch, position, proving)
        if found is not None:
            return found
        high, size = low, min(2 * size, _LONGEST_LOOK)
    return None


async def _between(look: Look, low: int, high: int) -> Sequence[Entry]:
    found: list[Entry] = []
    while low < high:
        entries = await look(low, high - low)
        found += (entry for entry in entries if entry.offset < high)
        low = entries[-1].offset + 1
    return found


def proven(entries: Sequence[Entry], epoch: UUID, position: int, proving: set[int]) -> int | None:
    """Return the last offset before which, by watermarks among these records, no event stands above a position.

    `proving`: the fences of which a later watermark says that the log ended at or below the position; more are added.
    """
    for entry in reversed(entries):
        if entry.recorded is None and entry.epoch == epoch:
            if entry.fence in proving:
                return entry.offset + 1
            if entry.ended_at is not None and entry.position <= position:
                proving.add(entry.fence)
    return None
