"""Assessors of an organisation: references, never names, authorised for fields and for a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.registry import AssessorAuthorised, AssessorWithdrawn
from services.registry.domain.award import Award
from services.registry.domain.organisation import Assessor, Organisation, require_registered

FOUNDING_LIMIT = 10
FOUNDING_TIME = timedelta(days=3 * 366)

_REFERENCE = re.compile(r"assessor:[a-z0-9]+(-[a-z0-9]+)*\Z")
_FIELD = re.compile(r"[0-9]{2,4}\Z")


def authorise_assessor(state: Organisation, wanted: AssessorAuthorised, award: Award | None = None) -> Sequence[Event]:
    """Return the authorisation, or nothing if it stands; `award` is what was seen of the award that it names.

    Raises Problem. Founding decisions are few, end, and give way to assessors by stack award in the same field.
    """
    require_registered(state)
    _check_form(wanted)
    known = state.assessors.get(wanted.assessor_ref)
    if known is not None and known.authorised == wanted and known.withdrawn_from is None:
        return ()
    if known is not None and known.withdrawn_from is None:
        raise Problem(
            "assessor_already_authorised",
            "The assessor is authorised on other terms.",
            kind=Kind.CONFLICT,
            remedy="Withdraw the standing authorisation first.",
        )
    if wanted.basis == "founding_decision":
        _check_founding(state, wanted)
    if wanted.basis == "stack_award":
        _check_award(award)
    return (wanted,)


def award_named(wanted: AssessorAuthorised) -> UUID | None:
    """Return the award on which an authorisation rests; None when it rests on none, or names it in another form."""
    if wanted.basis != "stack_award":
        return None
    try:
        stack_id = UUID(wanted.decision_ref)
    except ValueError:
        return None
    return stack_id if str(stack_id) == wanted.decision_ref else None


def _check_form(wanted: AssessorAuthorised) -> None:
    faults = {
        "assessor_ref": not _REFERENCE.match(wanted.assessor_ref) or len(wanted.assessor_ref) > 100,
        "fields": not all(_FIELD.match(code) for code in wanted.fields),
        "decision_ref": not wanted.decision_ref.strip()
        or (wanted.basis == "stack_award" and award_named(wanted) is None),
        "valid_to": wanted.valid_to is not None and wanted.valid_to <= wanted.valid_from,
    }
    fields = [name for name, wrong in faults.items() if wrong]
    if fields:
        raise Problem(
            "invalid_assessor",
            "The authorisation is not in the form required.",
            remedy="assessor_ref is assessor:lower-case-words (at most 100 characters) and no name, fields are ISCED-F "
            "codes of 2 to 4 digits, decision_ref names a decision (a stack award by its stack_id, a UUID), valid_to "
            "is after valid_from.",
            members={"fields": fields},
        )


def _check_award(award: Award | None) -> None:
    if award is None:
        raise Problem(
            "award_unknown",
            "The registry has seen no such stack award.",
            kind=Kind.CONFLICT,
            remedy="Name the stack_id of the assessor's award in decision_ref; if it was made just now, try again.",
        )
    if award.revoked:
        raise Problem(
            "award_not_valid",
            "The stack award is revoked.",
            kind=Kind.CONFLICT,
            remedy="Authorise the assessor by an award that holds.",
        )


def _check_founding(state: Organisation, wanted: AssessorAuthorised) -> None:
    if wanted.valid_to is None or wanted.valid_to - wanted.valid_from > FOUNDING_TIME:
        raise Problem(
            "founding_decision_too_long",
            "An assessor of a founding decision is authorised for at most three years.",
            remedy="Set valid_to at most three years after valid_from.",
        )
    _check_bootstrapping(state, wanted)
    founding = [one for one in state.assessors.values() if one.authorised.basis == "founding_decision"]
    if sum(one.withdrawn_from is None for one in founding) >= FOUNDING_LIMIT:
        raise Problem(
            "too_many_founding_assessors",
            "The organisation has its full number of assessors by founding decision.",
            kind=Kind.CONFLICT,
            remedy="Authorise further assessors by their own stack award or by validation.",
            members={"limit": FOUNDING_LIMIT},
        )


def _check_bootstrapping(state: Organisation, wanted: AssessorAuthorised) -> None:
    """Raise `bootstrapping_over` where an assessor by stack award is there. Source: domain.md, question Q10."""
    holders = [one for one in state.assessors.values() if _by_award(one, wanted.valid_from)]
    covered = {code for one in holders for code in _common(one.authorised.fields, wanted.fields)}
    if holders and (covered or not wanted.fields):
        raise Problem(
            "bootstrapping_over",
            "The organisation has an assessor by stack award in the field: founding decisions are over there.",
            kind=Kind.CONFLICT,
            remedy="Authorise further assessors by their own stack award or by validation; name fields without one.",
            members={"fields": sorted(covered)},
        )


def _by_award(one: Assessor, at: datetime) -> bool:
    held = one.authorised
    ended = held.valid_to is not None and held.valid_to <= at
    return held.basis == "stack_award" and one.withdrawn_from is None and not ended


def _common(held: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the wanted fields are held; no fields held are all fields."""
    return tuple(code for code in wanted if not held or code in held)


def withdraw_assessor(state: Organisation, wanted: AssessorWithdrawn) -> Sequence[Event]:
    """Return the withdrawal, or nothing if an earlier one stands. Raises Problem `not_found` for an unknown one."""
    known = state.assessors.get(wanted.assessor_ref)
    if known is None:
        raise not_found("assessor")
    earlier = known.withdrawn_from is not None and known.withdrawn_from <= wanted.withdrawn_from
    return () if earlier else (wanted,)
