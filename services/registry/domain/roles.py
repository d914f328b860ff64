"""Roles of an organisation: granted for a time on a mandate, withdrawn from a moment on."""

from __future__ import annotations

from collections.abc import Sequence

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.base import Event
from kompetenspass.events.registry import RoleGranted, RoleWithdrawn
from services.registry.domain.organisation import ROLES, Grant, Organisation, require_registered


def grant_role(state: Organisation, wanted: RoleGranted) -> Sequence[Event]:
    """Return the grant, or nothing if this very grant stands. Raises Problem for an unknown role or an overlap."""
    require_registered(state)
    _check_grant(wanted)
    mine = [grant for grant in state.grants if grant.given.role == wanted.role]
    if any(_same(grant.given, wanted) and grant.withdrawn_from is None for grant in mine):
        return ()
    if any(_overlaps(grant, wanted) for grant in mine):
        raise Problem(
            "role_already_granted",
            "The organisation holds this role during a part of that time.",
            kind=Kind.CONFLICT,
            remedy="Withdraw the standing grant first, or let the new one begin where it ends.",
            members={"role": wanted.role},
        )
    return (wanted,)


def _check_grant(wanted: RoleGranted) -> None:
    if wanted.role not in ROLES:
        raise Problem(
            "unknown_role",
            "There is no such role.",
            remedy="Choose one of the roles listed.",
            members={"roles": sorted(ROLES)},
        )
    if not wanted.mandate_ref.strip():
        raise Problem("mandate_missing", "A role needs a mandate.", remedy="Name the decision in mandate_ref.")
    if wanted.valid_to is not None and wanted.valid_to <= wanted.valid_from:
        raise Problem("invalid_period", "The role ends before it begins.", remedy="Set valid_to after valid_from.")


def _same(given: RoleGranted, wanted: RoleGranted) -> bool:
    return given.model_copy(update={"granted_by": wanted.granted_by}) == wanted


def _overlaps(grant: Grant, wanted: RoleGranted) -> bool:
    begins_in_time = grant.until is None or wanted.valid_from < grant.until
    return begins_in_time and (wanted.valid_to is None or grant.given.valid_from < wanted.valid_to)


def withdraw_role(state: Organisation, wanted: RoleWithdrawn) -> Sequence[Event]:
    """Return the withdrawal, or nothing if the role had ended by then. Raises Problem if it was never granted."""
    require_registered(state)
    mine = [grant for grant in state.grants if grant.given.role == wanted.role]
    if not mine:
        raise Problem(
            "role_not_granted",
            "The organisation never held this role.",
            kind=Kind.CONFLICT,
            remedy="Check the role against the organisation's list.",
            members={"role": wanted.role},
        )
    open_ended = any(grant.until is None or wanted.withdrawn_from < grant.until for grant in mine)
    return (wanted,) if open_ended else ()
