"""Which audience a caller belongs to: the role in its token decides, and without a token it is the public."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.audiences import reaches, sees
from kompetenspass.events.base import Audience
from kompetenspass.events.codec import EVENTS
from kompetenspass.web.auth import Principal, principal

PARTNER_ROLES = frozenset({"observer", "relying_party", "scheme_owner", "statistics_consumer"})
"""The roles of those who follow what others do with credentials: they rely on them, count them, or watch over them.

Who issues or awards learns what is its own from its own commands. No role reads internal events over HTTP: those stay
with the services, which follow each other's logs themselves.
"""


async def caller_of(request: Request) -> Principal | None:
    """Return who calls, None for a request without a token. Raises Problem `unauthenticated` for a bad one."""
    return await principal(request) if "authorization" in request.headers else None


def audience_of(caller: Principal | None) -> Audience:
    """Return the widest audience that the caller belongs to."""
    return "partner" if caller and caller.roles & PARTNER_ROLES else "public"


def is_organisation(caller: Principal) -> bool:
    """Return whether the caller acts for an organisation of its own; all learners share one name."""
    return caller.org.startswith("org:")


def require_organisation(caller: Principal) -> None:
    """Return if the caller acts for an organisation. Raises Problem `organisation_needed` (403)."""
    if not is_organisation(caller):
        raise Problem(
            "organisation_needed",
            "Only organisations have subscriptions.",
            kind=Kind.FORBIDDEN,
            remedy="Use a token of an organisation, or read the pages.",
        )


def require_audience(caller: Principal | None, audience: Audience) -> None:
    """Return if the caller belongs to the audience. Raises Problem `audience_forbidden` (403)."""
    if not sees(audience_of(caller), audience):
        raise Problem(
            "audience_forbidden",
            f"Events for the audience {audience} need a role that you do not have.",
            kind=Kind.FORBIDDEN,
            remedy="Use a token with one of the roles, or ask for public events.",
            members={"roles": sorted(PARTNER_ROLES)},
        )


@cache
def types_for(owner: str, audience: Audience) -> frozenset[str]:
    """Return the types of the events in the owner's log that are sent to an audience."""
    return frozenset(name for name, event in EVENTS.items() if event.owner() == owner and reaches(event, audience))


def chosen_types(owner: str, audience: Audience, asked: frozenset[str] | None) -> frozenset[str]:
    """Return the types that were asked for; all that the audience is sent where None was.

    Raises Problem `unknown_event_type` (400) for one that this service does not send to the audience.
    """
    sent = types_for(owner, audience)
    if asked is None:
        return sent
    if unknown := asked - sent:
        raise Problem(
            "unknown_event_type",
            "This service does not send such events to you.",
            remedy="Choose among the types that are sent, or leave the choice out.",
            members={"unknown": sorted(unknown), "types": sorted(sent)},
        )
    return asked
