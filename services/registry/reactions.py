"""What the registry does by itself: lists opened for issuers, awards followed, changed lists signed, merits expired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import IssuerKeyRegistered
from kompetenspass.events.stacking import CredentialSuperseded, StackReinstated, StackRevoked, StackSuspended
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Reaction
from services.registry.service.awards import AwardStatuses
from services.registry.service.credentials import Credentials
from services.registry.service.keys import IssuerKeys
from services.registry.service.publishing import Publisher
from services.registry.service.status_lists import StatusLists

_AT_ONCE = 8
"""Of reactions that read and change the status of one credential only, and all events about it are of one stream."""


@dataclass(frozen=True, slots=True)
class Timer:
    """`run` is called every `seconds`."""

    seconds: float
    name: str
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often each timer looks."""

    publish_seconds: float
    expire_seconds: float
    sweep_seconds: float


def reactions(lists: StatusLists) -> Sequence[Reaction]:
    """Return the reactions: a first list and a spare for a new issuer, another when the spare is begun."""

    async def open_first(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, IssuerKeyRegistered)
        await lists.open_first(event, recorded)

    async def open_spare(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, IssuerKeyRegistered)
        await lists.open_spare(event, recorded)

    async def open_next(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialIssued)
        await lists.open_next(event, recorded)

    return (
        Reaction("open_first_list", ("registry",), {IssuerKeyRegistered: open_first}),
        Reaction("open_spare_list", ("registry",), {IssuerKeyRegistered: open_spare}),
        Reaction("open_next_list", ("issuance",), {CredentialIssued: open_next}),
    )


def award_reactions(awards: AwardStatuses) -> Sequence[Reaction]:
    """Return the reactions to issuance's decisions, after what they rest on was projected.

    What ends a credential is a reaction of its own: a parked suspension does not hold it back.
    """

    async def suspend(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StackSuspended)
        await awards.suspend(event, recorded)

    async def reinstate(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StackReinstated)
        await awards.reinstate(event, recorded)

    async def revoke(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StackRevoked)
        await awards.revoke(event, recorded)

    async def supersede(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialSuperseded)
        await awards.supersede(event, recorded)

    logs, after = ("issuance",), ("status", "awards")
    return (
        Reaction("hold_awards", logs, {StackSuspended: suspend, StackReinstated: reinstate}, after, _AT_ONCE),
        Reaction("end_awards", logs, {StackRevoked: revoke}, after, _AT_ONCE),
        Reaction("end_superseded", logs, {CredentialSuperseded: supersede}, after, _AT_ONCE),
    )


def timers(pace: Pace, publisher: Publisher, credentials: Credentials, keys: IssuerKeys) -> Sequence[Timer]:
    """Return what is done again and again."""
    return (
        Timer(pace.publish_seconds, "publish_status_lists", publisher.publish_changed),
        Timer(pace.expire_seconds, "expire_merits", credentials.expire_ended),
        Timer(pace.sweep_seconds, "sweep_challenges", keys.sweep),
    )
