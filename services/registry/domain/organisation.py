"""An organisation: who it is, which roles it holds when, which keys and assessors are its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.registry import (
    AssessorAuthorised,
    AssessorWithdrawn,
    IssuerKeyCompromised,
    IssuerKeyRegistered,
    OrganisationRegistered,
    RoleGranted,
    RoleWithdrawn,
)

ROLES = frozenset(
    [
        "assessor_organisation",
        "awarding_body",
        "creator",
        "employer",
        "funder",
        "issuer",
        "observer",
        "project_coordinator",
        "provider",
        "public_employment_service",
        "qualifications_framework_authority",
        "quality_assurer",
        "recognition_authority",
        "relying_party",
        "scheme_owner",
        "sector_body",
        "statistics_consumer",
    ]
)
"""Every role that can be granted. Source: domain.md, section 3.1."""

_ORG_ID = re.compile(r"org:[a-z0-9]+(-[a-z0-9]+)*\Z")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


@dataclass(frozen=True, slots=True)
class Grant:
    """A role as it was granted, and from when it is withdrawn."""

    given: RoleGranted
    withdrawn_from: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """The moment at which the role ends; None while it has no end."""
        ends = [end for end in (self.given.valid_to, self.withdrawn_from) if end is not None]
        return min(ends, default=None)

    def in_force(self, at: datetime) -> bool:
        """Return whether the organisation may act in this role at a moment."""
        return self.given.valid_from <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Key:
    """A registered key, and since when it is compromised."""

    registered: IssuerKeyRegistered
    compromised_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assessor:
    """An authorised assessor, and from when the authorisation is withdrawn."""

    authorised: AssessorAuthorised
    withdrawn_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    """What the stream `org-{org_id}` says."""

    registered: OrganisationRegistered | None = None
    grants: tuple[Grant, ...] = ()
    keys: dict[str, Key] = field(default_factory=dict)
    assessors: dict[str, Assessor] = field(default_factory=dict)

    def holds(self, role: str, at: datetime) -> bool:
        """Return whether the organisation may act in `role` at a moment."""
        return any(grant.given.role == role and grant.in_force(at) for grant in self.grants)


OrganisationEvent = (
    OrganisationRegistered
    | RoleGranted
    | RoleWithdrawn
    | IssuerKeyRegistered
    | IssuerKeyCompromised
    | AssessorAuthorised
    | AssessorWithdrawn
)


def stream_of(org_id: str) -> str:
    """Return the name of an organisation's stream."""
    return f"org-{org_id}"


def evolve(state: Organisation, event: Event) -> Organisation:
    """Return the state after `event`; an event of another kind changes nothing."""
    return _evolve(state, event) if isinstance(event, OrganisationEvent) else state


def _evolve(state: Organisation, event: OrganisationEvent) -> Organisation:
    match event:
        case OrganisationRegistered():
            return replace(state, registered=event)
        case RoleGranted():
            return replace(state, grants=(*state.grants, Grant(event)))
        case RoleWithdrawn():
            return replace(state, grants=tuple(_ended(grant, event) for grant in state.grants))
        case IssuerKeyRegistered():
            return replace(state, keys={**state.keys, event.kid: Key(event)})
        case IssuerKeyCompromised():
            return replace(state, keys=_compromised(state.keys, event))
        case AssessorAuthorised():
            return replace(state, assessors={**state.assessors, event.assessor_ref: Assessor(event)})
        case AssessorWithdrawn():
            return replace(state, assessors=_dismissed(state.assessors, event))
        case _:
            assert_never(event)


def _ended(grant: Grant, event: RoleWithdrawn) -> Grant:
    if grant.given.role != event.role or (grant.until is not None and grant.until <= event.withdrawn_from):
        return grant
    return replace(grant, withdrawn_from=event.withdrawn_from)


def _compromised(keys: dict[str, Key], event: IssuerKeyCompromised) -> dict[str, Key]:
    if event.kid not in keys:
        return keys
    return {**keys, event.kid: replace(keys[event.kid], compromised_since=event.compromised_since)}


def _dismissed(assessors: dict[str, Assessor], event: AssessorWithdrawn) -> dict[str, Assessor]:
    if event.assessor_ref not in assessors:
        return assessors
    dismissed = replace(assessors[event.assessor_ref], withdrawn_from=event.withdrawn_from)
    return {**assessors, event.assessor_ref: dismissed}


def register(state: Organisation, wanted: OrganisationRegistered) -> Sequence[Event]:
    """Return the registration, or nothing if it stands already. Raises Problem for bad form or other particulars."""
    _check_form(wanted)
    if state.registered is None:
        return (wanted,)
    if state.registered == wanted:
        return ()
    raise Problem(
        "organisation_already_registered",
        "The organisation is registered with other particulars.",
        kind=Kind.CONFLICT,
        remedy="Its identifier, slug and particulars stay as first registered; choose another org_id.",
        members={"differs": sorted(_differences(state.registered, wanted))},
    )


def _differences(known: OrganisationRegistered, wanted: OrganisationRegistered) -> set[str]:
    return {name for name in type(known).model_fields if getattr(known, name) != getattr(wanted, name)}


def _check_form(wanted: OrganisationRegistered) -> None:
    names = wanted.legal_name
    faults = {
        "org_id": not _ORG_ID.match(wanted.org_id) or len(wanted.org_id) > 100,
        "slug": not _SLUG.match(wanted.slug) or len(wanted.slug) > 64,
        "country": not _COUNTRY.match(wanted.country),
        "registration_no": not wanted.registration_no.strip(),
        "legal_name": not names or not all(_LANGUAGE.match(key) and text.strip() for key, text in names.items()),
        "parent": wanted.parent == wanted.org_id,
    }
    fields = [name for name, wrong in faults.items() if wrong]
    if fields:
        raise Problem(
            "invalid_organisation",
            "The organisation's particulars are not in the form required.",
            remedy="org_id is org:lower-case-words (at most 100 characters), slug is lower-case-words (at most 64), "
            "country has two capital letters, legal_name has a text per language code, parent is another organisation.",
            members={"fields": fields},
        )


def require_registered(state: Organisation) -> OrganisationRegistered:
    """Return who the organisation is. Raises Problem `not_found` if it was never registered."""
    if state.registered is None:
        raise not_found("organisation")
    return state.registered
