"""What issuance does when something has happened, here or elsewhere: one call of a use case for each event."""

from __future__ import annotations

from collections.abc import Mapping

from kompetenspass.events.base import Event
from kompetenspass.events.catalog import PathwayPublished
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    StatusListOpened,
)
from kompetenspass.events.stacking import (
    CredentialRecognised,
    CredentialStacked,
    CredentialSuperseded,
    CredentialUnrecognised,
    PathwayProgressed,
    StackConfirmed,
    StackRebound,
    StackReinstated,
    StackRevoked,
    StackSuspended,
)
from kompetenspass.log.api import Recorded
from kompetenspass.log.project import Reaction, ReactionHandler
from services.issuance.service.awards_cause import because_of
from services.issuance.service.indices import Indices
from services.issuance.service.offers import Offers
from services.issuance.service.ports import StatusList
from services.issuance.service.publications import Publications
from services.issuance.service.stacks import Stacks

_AFTER = ("facts", "overview")
_AT_ONCE = 8
"""What follows waits for the database more than it computes. Looks at one learner take turns, whatever they are because
of; an award's offer follows from its own stream and its own credential alone."""


def status_lists(indices: Indices) -> Reaction:
    """Return the reaction that makes a list, once the registry opened it, one to lease indices from."""

    async def opened(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StatusListOpened)
        await indices.open(StatusList(event.list_id, event.uri, event.issuer_org, event.size, recorded.position))

    return Reaction("status_lists", ("registry",), {StatusListOpened: opened})


def credentials_change(stacks: Stacks) -> Reaction:
    """Return the reaction that looks again at the pathways that a credential matters for, whoever changed it."""

    async def of_ours(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialIssued | CredentialSuperseded)
        await stacks.credential_changed(event.credential_id, event.definition_id, because_of(recorded))

    async def presented(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialRecognised | CredentialUnrecognised)
        await stacks.changed(event.learner_ref, event.definition_id, because_of(recorded))

    async def of_the_registry(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialSuspended | CredentialReinstated | CredentialRevoked | CredentialExpired)
        await stacks.status_changed(event.credential_id, because_of(recorded))

    handlers: Mapping[type[Event], ReactionHandler] = {
        CredentialIssued: of_ours,
        CredentialSuperseded: of_ours,
        CredentialRecognised: presented,
        CredentialUnrecognised: presented,
        CredentialSuspended: of_the_registry,
        CredentialReinstated: of_the_registry,
        CredentialRevoked: of_the_registry,
        CredentialExpired: of_the_registry,
    }
    return Reaction("credentials_change", ("issuance", "registry"), handlers, _AFTER, at_once=_AT_ONCE)


def awards_change(stacks: Stacks) -> Reaction:
    """Return the reaction that looks again at an award's own pathway, and at those that name it: one level per event.

    What moves a learner on a pathway moves them on those that name it, too.
    """

    async def of_an_award(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialStacked | StackSuspended | StackReinstated | StackRevoked)
        await stacks.award_changed(event.learner_ref, event.credential_id, event.pathway_id, because_of(recorded))

    async def within_an_award(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StackRebound | StackConfirmed)
        await stacks.constituents_changed(event.stack_id, because_of(recorded))

    async def progress(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, PathwayProgressed)
        await stacks.progressed(event.learner_ref, event.pathway_id, recorded.position, because_of(recorded))

    handlers: Mapping[type[Event], ReactionHandler] = {
        CredentialStacked: of_an_award,
        StackSuspended: of_an_award,
        StackReinstated: of_an_award,
        StackRevoked: of_an_award,
        StackRebound: within_an_award,
        StackConfirmed: within_an_award,
        PathwayProgressed: progress,
    }
    return Reaction("awards_change", ("issuance",), handlers, _AFTER, at_once=_AT_ONCE)


def awards_end(stacks: Stacks) -> Reaction:
    """Return the reaction that ends an award whose own credential its issuer revoked at the registry.

    Which credential proves which award is our own log's to say: it may be read after the registry's.
    """

    async def end(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialRevoked | CredentialStacked)
        await stacks.end_if_revoked(event.credential_id, because_of(recorded))

    handlers: Mapping[type[Event], ReactionHandler] = {CredentialRevoked: end, CredentialStacked: end}
    return Reaction("awards_end", ("registry", "issuance"), handlers, _AFTER)


def pathways_begin(publications: Publications) -> Reaction:
    """Return the reaction that has a published pathway looked at for those who hold something of it already."""

    async def published(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, PathwayPublished)
        await publications.published(event.pathway_id)

    return Reaction("pathways_begin", ("catalog",), {PathwayPublished: published}, _AFTER)


def award_offers(offers: Offers) -> Reaction:
    """Return the reaction that offers an award, takes the offer back while it does not hold, and offers it again."""

    async def offer(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, CredentialStacked | StackReinstated | StackRebound)
        await offers.offer_award_by_itself(event.stack_id, because_of(recorded))

    async def suspended(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StackSuspended)
        await offers.withdraw_award(event.credential_id, "suspended", because_of(recorded))

    async def revoked(recorded: Recorded) -> None:
        event = recorded.event
        assert isinstance(event, StackRevoked)
        await offers.withdraw_award(event.credential_id, "revoked", because_of(recorded))

    handlers: Mapping[type[Event], ReactionHandler] = {
        CredentialStacked: offer,
        StackReinstated: offer,
        StackRebound: offer,
        StackSuspended: suspended,
        StackRevoked: revoked,
    }
    return Reaction("award_offers", ("issuance",), handlers, _AFTER, at_once=_AT_ONCE)
