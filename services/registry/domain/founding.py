"""The organisations' file of a pilot: each entry becomes the events that it asks for, or a refusal with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kompetenspass.core.errors import Problem
from kompetenspass.events.registry import AssessorAuthorised, OrganisationRegistered, RoleGranted

SCHEMA = "mikromerit-demo/1"
ROLES_FROM = datetime(2026, 1, 1, tzinfo=UTC)
"""The file gives its roles no dates: they hold from the start of the year in which the pilots began."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


E = TypeVar("E", bound=_Entry)


class _Organisation(_Entry):
    id: str
    name: str
    slug: str
    registration_no: str
    mandate_ref: str
    roles: tuple[str, ...]
    country: str
    region: str | None = None
    parent: str | None = None
    demo: bool = False
    pilot_role: str | None = None
    systems: tuple[str, ...] = ()


class _Assessor(_Entry):
    id: str
    organisation: str
    fields: tuple[str, ...]
    basis: Literal["founding_decision", "stack_award", "rpl"]
    decision: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True)
class Founding:
    """An organisation as the file wants it: its registration, then its roles."""

    registration: OrganisationRegistered
    roles: tuple[RoleGranted, ...]


def founding(entry: object, *, granted_by: str) -> Founding:
    """Return what an entry of `organisations` asks for. Raises Problem `invalid_entry` with every reason."""
    read = _read(_Organisation, entry)
    registration = OrganisationRegistered(
        org_id=read.id,
        legal_name={"sv": read.name},
        slug=read.slug,
        registration_no=read.registration_no,
        country=read.country,
        region=read.region,
        parent=read.parent,
        mandate_ref=read.mandate_ref,
    )
    return Founding(registration, tuple(_grant(read, role, granted_by) for role in read.roles))


def _grant(read: _Organisation, role: str, granted_by: str) -> RoleGranted:
    return RoleGranted(
        org_id=read.id, role=role, mandate_ref=read.mandate_ref, granted_by=granted_by, valid_from=ROLES_FROM
    )


def authorisation(entry: object) -> AssessorAuthorised:
    """Return what an entry of `assessors` asks for; its last day counts whole. Raises Problem `invalid_entry`."""
    read = _read(_Assessor, entry)
    return AssessorAuthorised(
        org_id=read.organisation,
        assessor_ref=read.id,
        fields=read.fields,
        basis=read.basis,
        decision_ref=read.decision,
        valid_from=_midnight(read.valid_from),
        valid_to=_midnight(read.valid_to + timedelta(days=1)),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def require_schema(document: Mapping[str, Any]) -> None:
    """Raise Problem `unknown_schema` unless the file says that it is of this form."""
    if document.get("schema") != SCHEMA:
        raise Problem("unknown_schema", "The file is of another schema.", remedy=f"Write schema: {SCHEMA}.")


def _read(kind: type[E], entry: object) -> E:
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        reasons = [
            f"{'.'.join(str(part) for part in place['loc']) or 'entry'}: {place['msg']}"
            for place in error.errors(include_input=False, include_url=False)
        ]
        raise Problem(
            "invalid_entry", "The entry is not in the form required.", members={"reasons": reasons}
        ) from error
