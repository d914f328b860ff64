"""Given, when, then for domain tests: states by folding events, no fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeVar

from kompetenspass.events.base import Event

S = TypeVar("S")


def given(initial: S, evolve: Callable[[S, Event], S], events: Iterable[Event]) -> S:
    """Return the state after `events`."""
    return reduce(evolve, events, initial)


def prefixes_agree(initial: S, evolve: Callable[[S, Event], S], events: tuple[Event, ...]) -> bool:
    """Return whether folding any prefix and then the rest is folding all: what a snapshot relies on."""
    whole = given(initial, evolve, events)
    return all(
        given(given(initial, evolve, events[:cut]), evolve, events[cut:]) == whole for cut in range(len(events) + 1)
    )
