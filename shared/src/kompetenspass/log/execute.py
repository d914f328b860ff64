"""The only load -> decide -> append loop: fold a stream, decide, append onto the version that was folded."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic, Protocol, TypeVar, cast
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Context, seal
from kompetenspass.log.api import AlreadyStored, Answer, Append, Conflict, IdReused, Log, Recorded, Stored
from kompetenspass.log.snapshots import Aggregate, Snapshot, Snapshots, Standing

S = TypeVar("S")
Evolve = Callable[[S, Event], S]
Decision = Sequence[Event] | Awaitable[Sequence[Event]]


class Keeping(Protocol):
    """A log that keeps snapshots."""

    snapshots: Snapshots | None

    async def read_stream(self, stream: str, after_version: int = 0) -> Sequence[Recorded]:
        """Return the stream's events after a version, in order."""

    async def read_on(self, stream: str, kind: str) -> Standing:
        """Return a stream from its snapshot of a kind on."""

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot, position: int) -> None:
        """Keep what a stream folds to."""


@dataclass(frozen=True)
class Done(Generic[S]):
    """What came of a command: the state after it, where its last event stands (0: none was needed), its events.

    `events` is empty when there was nothing to do or when a reaction's events had been stored before.
    """

    state: S
    position: int
    events: tuple[Event, ...]


async def fold(log: Log, stream: str, initial: S, evolve: Evolve[S]) -> tuple[S, int]:
    """Return the stream's state and its version (0: the stream is new).

    Where the log keeps snapshots of what folds so, the newest is the beginning, and a long way from it makes another,
    as does any way through detached files.
    """
    snapshots: Snapshots | None = getattr(log, "snapshots", None)
    aggregate = snapshots.of(evolve) if snapshots else None
    if snapshots is None or aggregate is None:
        return await _folded_on(log, stream, initial, 0, evolve)
    return await _folded_from_snapshot(cast(Keeping, log), stream, aggregate, snapshots.after_events)


async def snapshot(log: Keeping, stream: str) -> bool:
    """Keep what a stream folds to now; return False where it is of no aggregate that can be kept."""
    aggregate = log.snapshots.of_stream(stream) if log.snapshots else None
    rows = await log.read_stream(stream) if aggregate else ()
    if aggregate is None or not rows:
        return False
    state = reduce(aggregate.evolve, (row.event for row in rows), aggregate.initial)
    written = aggregate.written(state)
    if written is None:
        return False
    await log.keep_snapshot(stream, aggregate.kind, Snapshot(rows[-1].version, written), rows[-1].position)
    return True


async def _folded_from_snapshot(log: Keeping, stream: str, aggregate: Aggregate[S], after_events: int) -> tuple[S, int]:
    found = await log.read_on(stream, aggregate.kind)
    state = aggregate.read(found.snapshot.state) if found.snapshot else None
    if found.snapshot is None or state is None:
        rows = await log.read_stream(stream) if found.snapshot else found.rows
        state, version = aggregate.initial, 0
    else:
        rows, version = found.rows, found.snapshot.version
    for recorded in rows:
        state, version = aggregate.evolve(state, recorded.event), recorded.version
    if (len(rows) >= after_events or found.from_files) and (written := aggregate.written(state)):
        await log.keep_snapshot(stream, aggregate.kind, Snapshot(version, written), rows[-1].position)
    return state, version


async def execute(
    log: Log,
    stream: str,
    *,
    initial: S,
    evolve: Evolve[S],
    decide: Callable[[S], Decision],
    context: Context,
    event_ids: Callable[[int], UUID] | None = None,
    attempts: int = 5,
    folded: tuple[S, int] | None = None,
) -> Done[S]:
    """Fold the stream, decide, append; after another's append fold what is new and decide again.

    `event_ids` gives the id of the n-th event; a reaction hands in derived ones, and then `already stored` and
    `id_reused` both mean that an earlier attempt did it. `folded`: what the caller has of the stream from `fold`, to
    begin with that instead of reading it once more. Raises what `decide` raises, and Problem: `conflict` after
    `attempts` conflicts, `log_unavailable`, `outcome_unknown`.
    """
    state, version = await fold(log, stream, initial, evolve) if folded is None else folded
    for _ in range(attempts):
        events = tuple(await _decided(decide(state)))
        if not events:
            return Done(state, 0, ())
        answer = await log.append(_request(stream, version, events, context, event_ids))
        if isinstance(answer, Conflict):
            state, version = await _folded_on(log, stream, state, version, evolve)
        elif event_ids is None:
            return Done(reduce(evolve, events, state), _position(answer), events)
        elif isinstance(answer, Stored):
            return Done(reduce(evolve, events, state), answer.position, events)
        else:
            state, _ = await _folded_on(log, stream, state, version, evolve)
            return Done(state, answer.position if isinstance(answer, AlreadyStored) else 0, ())
    raise Problem(
        "conflict",
        "Others changed the same thing at the same time.",
        kind=Kind.CONFLICT,
        remedy="Read it again, then repeat the request if it still applies.",
    )


async def _folded_on(log: Log, stream: str, state: S, version: int, evolve: Evolve[S]) -> tuple[S, int]:
    for recorded in await log.read_stream(stream, version):
        state, version = evolve(state, recorded.event), recorded.version
    return state, version


async def _decided(decision: Decision) -> Sequence[Event]:
    return await decision if inspect.isawaitable(decision) else decision


def _request(
    stream: str, version: int, events: tuple[Event, ...], context: Context, event_ids: Callable[[int], UUID] | None
) -> Append:
    ids = [event_ids(n) if event_ids else uuid7() for n in range(len(events))]
    return Append(stream, version, [seal(id_, event, context) for id_, event in zip(ids, events, strict=True)])


def _position(answer: Answer) -> int:
    """Return where fresh ids were stored; `already stored` then means that the log itself repeated the request."""
    if isinstance(answer, Stored | AlreadyStored):
        return answer.position
    if isinstance(answer, IdReused):
        raise RuntimeError(f"a fresh event id was taken: {answer.event_id}")
    raise AssertionError(answer)
