"""Snapshots: what a long stream had folded to, so that its beginning need not be read. An accelerator and no more."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded

S = TypeVar("S")
AFTER_EVENTS = 100
"""So many events are read before a snapshot is worth its row: to decode them takes a millisecond."""


class Snapshot(NamedTuple):
    """What a stream had folded to at a version."""

    version: int
    state: str


class Standing(NamedTuple):
    """What is read of a stream: up to which version it goes, a snapshot to begin with, and the events after it.

    `from_files`: detached files were searched for some of these, which takes long.
    """

    version: int = 0
    snapshot: Snapshot | None = None
    rows: Sequence[Recorded] = ()
    from_files: bool = False


@dataclass(frozen=True)
class Aggregate(Generic[S]):
    """What the streams with a prefix fold to: a frozen dataclass, from `initial` by `evolve`."""

    prefix: str
    initial: S
    evolve: Callable[[S, Event], S]

    @cached_property
    def kind(self) -> str:
        """The name of the state's class, and a hash over its shape, events in it too, and over the code that folds.

        What another code has written is of another kind, and not looked at.
        """
        modules = sorted({type(self.initial).__module__, self.evolve.__module__})
        code = "".join(inspect.getsource(sys.modules[name]) for name in modules)
        code += json.dumps(self._adapter.json_schema())
        return f"{type(self.initial).__name__} {sha256(code.encode()).hexdigest()[:16]}"

    @cached_property
    def _adapter(self) -> TypeAdapter[S]:
        return TypeAdapter(type(self.initial))

    def written(self, state: S) -> str | None:
        """Return a state as JSON, None for one that would not be read back as it is: it is never kept."""
        try:
            text = self._adapter.dump_json(state).decode()
        except (ValueError, TypeError):
            return None
        return text if self.read(text) == state else None

    def read(self, text: str) -> S | None:
        """Return the state of a JSON text, None for one that is none."""
        try:
            return self._adapter.validate_json(text, extra="forbid")
        except ValidationError:
            return None


class Snapshots:
    """The aggregates of a service whose streams may be long, and after how many events one is kept."""

    def __init__(self, aggregates: Iterable[Aggregate[Any]], after_events: int = AFTER_EVENTS) -> None:
        self.aggregates: Mapping[object, Aggregate[Any]] = {each.evolve: each for each in aggregates}
        self.after_events = after_events

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of snapshots that this code begins with; it passes all others over."""
        return [each.kind for each in self.aggregates.values()]

    def of(self, evolve: Callable[[S, Event], S]) -> Aggregate[S] | None:
        """Return the aggregate that folds so, None where its streams are never kept."""
        return self.aggregates.get(evolve)

    def of_stream(self, stream: str) -> Aggregate[Any] | None:
        """Return the aggregate of a stream by its name's prefix."""
        return next((each for each in self.aggregates.values() if stream.startswith(each.prefix)), None)
