"""A status list: opened once for one issuer; each list knows the id of the one that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from kompetenspass.events.base import Event
from kompetenspass.events.registry import StatusListOpened

_LISTS = UUID("0d6f7f1c-95c4-5f0b-8f0f-6f1b7a6f2c55")


@dataclass(frozen=True, slots=True)
class StatusList:
    """What the stream `list-{list_id}` says."""

    opened: StatusListOpened | None = None


def stream_of(list_id: UUID) -> str:
    """Return the name of a list's stream."""
    return f"list-{list_id}"


def first_list(issuer_org: str) -> UUID:
    """Return the id of an issuer's first list: the same for each of its keys, so it is opened once."""
    return uuid5(_LISTS, issuer_org)


def list_after(list_id: UUID) -> UUID:
    """Return the id of the list that follows another: the spare, while that one is in use."""
    return uuid5(list_id, "next")


def evolve(state: StatusList, event: Event) -> StatusList:
    """Return the state after `event`; an event of another kind changes nothing."""
    return StatusList(event) if isinstance(event, StatusListOpened) else state


def open_list(state: StatusList, wanted: StatusListOpened) -> Sequence[Event]:
    """Return the opening, or nothing if the list is open."""
    return (wanted,) if state.opened is None else ()
