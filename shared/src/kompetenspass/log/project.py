"""What a service declares to follow logs: projections, reactions, and the two fates of a handler that fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import MetaData

from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.log.writing import Writing

Handler = Callable[[Writing, Recorded], Awaitable[None]]
"""Writes what one event means into the projection's tables, in the runner's transaction; idempotent."""

ReactionHandler = Callable[[Recorded], Awaitable[None]]
"""Does what follows from one event, with an id derived from it; may be called again for the same event."""


class Retry(Exception):
    """It cannot be done now and may be done later: tried again with growing pauses, then the reader stops."""


class Poison(Exception):
    """This event can never be handled: it is parked, with all later ones of its stream."""


@dataclass(frozen=True)
class Projection:
    """Read tables and how events fill them.

    `version` changes when tables or handlers change: the runner then fills new tables beside the live ones and
    switches. A projection that `judges_validity` is not ready while anything of it is parked. Where no handler looks
    anything up but by primary keys, `indexed_last`, other indexes are made once new tables are full.
    """

    name: str
    version: int
    logs: tuple[str, ...]
    metadata: MetaData
    handlers: Mapping[type[Event], Handler]
    judges_validity: bool = False
    indexed_last: bool = False


@dataclass(frozen=True)
class Reaction:
    """What a service does when something has happened, after its own projections named in `after` have seen it.

    Of events that are there together, those of different streams are handled beside one another, `at_once` at a time:
    more than one only where a handler may run beside itself. Those of one stream are always handled in their order.
    """

    name: str
    logs: tuple[str, ...]
    handlers: Mapping[type[Event], ReactionHandler]
    after: tuple[str, ...] = ()
    at_once: int = 1
