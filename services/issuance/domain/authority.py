"""What others have stated and issuance relies on: definitions, organisations and who may act for what, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.catalog import fields_of, region_of
from kompetenspass.events.registry import EVERYTHING, Scope

Basis = Literal["founding_decision", "stack_award", "rpl"]
_PATHWAY = "pathway:"


@dataclass(frozen=True, slots=True)
class Definition:
    """One published version of a definition; `content` is the whole document that `digest` names."""

    id: str
    urn: str
    version: int
    digest: str
    owner_org: str
    awarding_body: str
    provider: str
    content: Mapping[str, Any]
    retired: bool = False
    last_issue_date: date | None = None

    @property
    def fields(self) -> frozenset[str]:
        """The ISCED-F codes of the definition's fields."""
        return fields_of(self.content)

    @property
    def region(self) -> str | None:
        """The region's name, None where the definition names none."""
        return region_of(self.content)

    @property
    def assessor_pathway(self) -> str | None:
        """The pathway that an assessor by stack award must have been awarded; None where any will do."""
        required = (self.content.get("assessment") or {}).get("assessor_requirement") or ""
        return str(required).removeprefix(_PATHWAY) if str(required).startswith(_PATHWAY) else None


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that an organisation holds from `valid_from` until `valid_to` for what its scope covers."""

    role: str
    valid_from: datetime
    valid_to: datetime | None
    scope: Scope = EVERYTHING

    def in_force(self, at: datetime) -> bool:
        """Return whether the role is held at that moment, for whatever it is."""
        return _within(self.valid_from, self.valid_to, at)

    def covers(self, definition: Definition, at: datetime) -> bool:
        """Return whether the role holds for this definition at that moment."""
        return self.in_force(at) and self.scope.covers(definition.id, definition.fields, definition.region)


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A registered signing key; nothing may be signed with it from `compromised_since` on."""

    kid: str
    jwk: Mapping[str, Any]
    valid_from: datetime
    valid_to: datetime
    compromised_since: datetime | None = None

    def usable(self, at: datetime) -> bool:
        """Return whether the key may sign at that moment."""
        return _within(self.valid_from, self.valid_to, at) and self.compromised_since is None


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as the registry knows it; `slug` is its part of the issuer identifier."""

    id: str
    slug: str
    legal_name: Mapping[str, str]
    registration_no: str
    country: str
    region: str | None = None
    grants: tuple[Grant, ...] = ()
    keys: tuple[IssuerKey, ...] = ()

    @property
    def name(self) -> str:
        """The legal name, in Swedish where there is one."""
        return self.legal_name.get("sv") or next(iter(self.legal_name.values()))

    def acts_as(self, role: str, at: datetime) -> bool:
        """Return whether the organisation holds the role at that moment, in any scope."""
        return any(grant.role == role and grant.in_force(at) for grant in self.grants)

    def holds(self, role: str, definition: Definition, at: datetime) -> bool:
        """Return whether the organisation holds the role for this definition at that moment."""
        return any(grant.role == role and grant.covers(definition, at) for grant in self.grants)


@dataclass(frozen=True, slots=True)
class Right:
    """An issuing right: the owner of a definition lets `issuer_org` issue under it for a time."""

    issuer_org: str
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class AssessorAward:
    """The stack award on which an authorisation rests. `holds`: it is awarded, and nothing suspends or revokes it."""

    pathway_id: str
    holds: bool
    awarded_on: date
    valid_to: datetime | None = None

    def proves(self, pathway_id: str, on: date) -> bool:
        """Return whether it is an award of that pathway which holds and was made, and had not expired, by that day."""
        in_time = self.awarded_on <= on and (self.valid_to is None or _noon(on) < self.valid_to)
        return self.pathway_id == pathway_id and self.holds and in_time


@dataclass(frozen=True, slots=True)
class Authorisation:
    """An assessor's authorisation for one organisation; no fields means all fields.

    With the basis `stack_award`, `decision_ref` names the award, and `award` is what is known of it.
    """

    org_id: str
    fields: frozenset[str]
    decision_ref: str
    valid_from: datetime
    valid_to: datetime | None
    basis: Basis = "founding_decision"
    award: AssessorAward | None = None

    def meets(self, pathway_id: str | None, on: date) -> bool:
        """Return whether it is enough where assessors are to have been awarded that pathway (None: any will do).

        Founding decisions and validations stand in for an award, for as long as they run. Source: domain.md, row 18.
        """
        if pathway_id is None or self.basis != "stack_award":
            return True
        return self.award is not None and self.award.proves(pathway_id, on)


def require_role(organisation: Organisation, role: str, definition: Definition, at: datetime) -> None:
    """Raise `role_not_held` unless the organisation holds the role for this definition then. Source: domain.md 3.1."""
    if not organisation.holds(role, definition, at):
        raise Problem(
            "role_not_held",
            f"{organisation.id} does not hold the role {role} for {definition.id}.",
            kind=Kind.CONFLICT,
            remedy="Ask the scheme owner to grant the role, with a scope that covers the definition.",
        )


def require_right(organisation: Organisation, definition: Definition, rights: Sequence[Right], at: datetime) -> None:
    """Raise `no_issuing_right` unless the organisation may issue this definition then; its owner always may."""
    if organisation.id == definition.owner_org:
        return
    if not any(r.issuer_org == organisation.id and _within(r.valid_from, r.valid_to, at) for r in rights):
        raise Problem(
            "no_issuing_right",
            f"{organisation.id} may not issue {definition.id}.",
            kind=Kind.CONFLICT,
            remedy="Ask the owner of the definition for an issuing right.",
        )


def authorisation_of(
    authorisations: Sequence[Authorisation], definition: Definition, assessed_on: date
) -> Authorisation:
    """Return the authorisation under which an assessor may assess this definition on that day.

    It is for the provider or the awarding body and for one of the definition's fields; where the definition requires
    assessors who were awarded a pathway, one that rests on a stack award rests on an award of that pathway.
    Raises `assessor_not_authorised`, which says what is needed.
    """
    noon = _noon(assessed_on)
    for held in authorisations:
        of_a_party = held.org_id in (definition.provider, definition.awarding_body)
        for_the_field = not held.fields or bool(held.fields & definition.fields)
        in_force = _within(held.valid_from, held.valid_to, noon) and held.meets(
            definition.assessor_pathway, assessed_on
        )
        if of_a_party and for_the_field and in_force:
            return held
    raise _not_authorised(definition, assessed_on)


def _not_authorised(definition: Definition, assessed_on: date) -> Problem:
    required = definition.assessor_pathway
    remedy = "Name an assessor whom the registry has authorised for that field, organisation and day"
    if required:
        remedy += f": by a stack award of {required} that holds, by validation, or by a founding decision that runs"
    return Problem(
        "assessor_not_authorised",
        f"The assessor is not authorised for the field of {definition.id} on {assessed_on.isoformat()}.",
        kind=Kind.CONFLICT,
        remedy=f"{remedy}.",
        members={"assessor_requirement": f"{_PATHWAY}{required}"} if required else {},
    )


def require_key(organisation: Organisation, kid: str, at: datetime) -> None:
    """Raise `key_not_registered` unless the registry holds that key for the organisation, usable at that moment."""
    if not any(key.kid == kid and key.usable(at) for key in organisation.keys):
        raise Problem(
            "key_not_registered",
            f"The signing key of {organisation.id} is not registered, over, or compromised.",
            kind=Kind.CONFLICT,
            remedy="Enrol a key for the organisation.",
        )


def _within(start: datetime, end: datetime | None, at: datetime) -> bool:
    return start <= at and (end is None or at < end)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
