"""Supersession: one issued credential takes the place of another, for good. Source: domain.md 3.4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.stacking import CredentialSuperseded, SupersessionCause
from services.issuance.domain.credential import Credential, Status, unfetched


@dataclass(frozen=True, slots=True)
class Successor:
    """The credential that is to take the place: its own state, its status, and the chain of those that succeed it."""

    state: Credential
    status: Status | None
    chain: tuple[UUID, ...] = ()


def supersede(
    state: Credential, status: Status | None, successor: Successor, cause: SupersessionCause
) -> Sequence[Event]:
    """Return CredentialSuperseded, or nothing when the same is said already; an offer not fetched is withdrawn with it.

    Raises `not_issued`, `would_be_a_circle`, `already_superseded`, `credential_over`, `other_learner`,
    `other_definition`.
    """
    old, new = _issued(state), _issued(successor.state)
    if state.superseded is not None:
        return _repeated(state.superseded, new, cause)
    if old.credential_id == new.credential_id or old.credential_id in successor.chain:
        raise _refused(
            "would_be_a_circle",
            "A credential cannot take its own place, nor that of one that has taken its place.",
            "Name a credential that this one does not precede.",
        )
    if successor.state.superseded is not None:
        raise _superseded(successor.state.superseded)
    _require_live(status)
    _require_live(successor.status)
    _require_same(old, new)
    return (
        *unfetched(state),
        CredentialSuperseded(
            credential_id=old.credential_id,
            by_credential_id=new.credential_id,
            learner_ref=old.learner_ref,
            definition_id=old.definition_id,
            issuer_org=old.issuer_org,
            cause=cause,
        ),
    )


def _issued(state: Credential) -> CredentialIssued:
    if state.issued is None:
        raise _refused(
            "not_issued",
            "The credential has not been issued.",
            "Both credentials must be in the learner's wallet; an offer can be withdrawn.",
        )
    return state.issued


def _repeated(said: CredentialSuperseded, new: CredentialIssued, cause: SupersessionCause) -> Sequence[Event]:
    if (said.by_credential_id, said.cause) != (new.credential_id, cause):
        raise _superseded(said)
    return ()


def _superseded(said: CredentialSuperseded) -> Problem:
    return _refused(
        "already_superseded",
        "Another credential has taken this one's place.",
        "Use the credential that took its place.",
        {"credential_id": str(said.credential_id), "by_credential_id": str(said.by_credential_id)},
    )


def _require_live(status: Status | None) -> None:
    if status in ("revoked", "expired"):
        raise _refused("credential_over", f"A credential is {status}.", "Only credentials that may still hold count.")


def _require_same(old: CredentialIssued, new: CredentialIssued) -> None:
    """Raise unless it is the same learner's credential of the same definition, in whatever version."""
    if new.learner_ref != old.learner_ref:
        raise _refused("other_learner", "The credentials are two learners'.", "Name a credential of the same learner.")
    if new.definition_id != old.definition_id:
        raise _refused(
            "other_definition",
            "The credentials are of two definitions.",
            "Name a credential of the same definition: a version of it may be newer.",
        )


def _refused(code: str, title: str, remedy: str, members: dict[str, str] | None = None) -> Problem:
    return Problem(code, title, kind=Kind.CONFLICT, remedy=remedy, members=members or {})
