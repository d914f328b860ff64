"""What a reader is told whose place the log no longer has, or does not have yet: a stable code and what to do."""

from __future__ import annotations

from kompetenspass.core.errors import Kind, Problem


def ahead(head: int) -> Problem:
    """Return the refusal of a position behind the log's last event."""
    return Problem(
        "cursor_ahead",
        "The log does not reach that position.",
        kind=Kind.CONFLICT,
        remedy="Go on after the position that `head` names; if you were further, see `log_restored`.",
        members={"head": head},
    )


def restored(head: int) -> Problem:
    """Return the refusal of a cursor that was given out in another life of the log."""
    return Problem(
        "log_restored",
        "The log was restored from a backup since you were given that cursor.",
        kind=Kind.CONFLICT,
        remedy="Read again with `since`, a time before the restore, or with `after=0`. Drop the ids that you know; "
        "what you have from after that time and does not come again never happened.",
        members={"head": head},
    )


def detached() -> Problem:
    """Return the refusal of a place whose events are no longer kept in the log."""
    return Problem(
        "events_detached",
        "The events that follow were moved from the log to an archive that is not at hand.",
        kind=Kind.GONE,
        remedy="Ask the operator for the archive, or begin later: with `since`, a time.",
    )


def unreadable(position: int) -> Problem:
    """Return the refusal of a page whose first event cannot be shown."""
    return Problem(
        "event_unreadable",
        "This version of the platform cannot read the event that follows.",
        kind=Kind.UNAVAILABLE,
        remedy="The operator was told. Come again later, or go on after `position` if you can do without the event.",
        members={"position": position},
        headers={"Retry-After": "60"},
    )
