"""Whether a credential still holds: suspension is a set of causes, revocation and expiry are final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.registry import (
    CredentialExpired,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    RevocationReason,
    StatusRef,
)

ISSUER = "issuer"
"""The cause of a suspension that the issuer orders itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was seen of a credential: its issuer, its copies, its end, and whether its lists can say `suspended`.

    `stack_id` is the award that it proves; None for one that rests on an achievement.
    """

    credential_id: UUID
    issuer_org: str
    copies: tuple[StatusRef, ...]
    suspendable: bool
    valid_to: datetime | None = None
    stack_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class CredentialStatus:
    """What the stream `status-{credential_id}` says."""

    causes: frozenset[str] = frozenset()
    revoked: CredentialRevoked | None = None
    expired: bool = False

    @property
    def name(self) -> str:
        """The status in one word."""
        if self.revoked is not None:
            return "revoked"
        if self.expired:
            return "expired"
        return "suspended" if self.causes else "valid"


def stream_of(credential_id: UUID) -> str:
    """Return the name of the stream of a credential's status."""
    return f"status-{credential_id}"


def evolve(state: CredentialStatus, event: Event) -> CredentialStatus:
    """Return the state after `event`; an event of another kind changes nothing."""
    match event:
        case CredentialSuspended() | CredentialReinstated():
            return replace(state, causes=frozenset(event.causes))
        case CredentialRevoked():
            return replace(state, revoked=event)
        case CredentialExpired():
            return replace(state, expired=True)
        case _:
            return state


def own(credential: Known | None, org: str) -> Known:
    """Return the credential. Raises Problem `not_found` if it is unknown or another organisation's."""
    if credential is None or credential.issuer_org != org:
        raise not_found("credential")
    return credential


def suspend(state: CredentialStatus, credential: Known, *, cause: str, reason_code: str) -> Sequence[Event]:
    """Return the suspension for one more cause, or nothing if that cause stands. Raises Problem if it is over."""
    _require_live(state)
    require_suspendable(credential)
    if cause in state.causes:
        return ()
    causes = tuple(sorted({*state.causes, cause}))
    return (_suspended(credential, cause, causes, reason_code),)


def require_suspendable(credential: Known) -> None:
    """Raise Problem `suspension_not_supported` for a credential on one-bit lists."""
    if not credential.suspendable:
        raise Problem(
            "suspension_not_supported",
            "The credential stands on a one-bit status list, which cannot say suspended.",
            kind=Kind.CONFLICT,
            remedy="Revoke it, or issue on two-bit lists.",
        )


def _suspended(credential: Known, cause: str, causes: tuple[str, ...], reason_code: str) -> CredentialSuspended:
    return CredentialSuspended(
        credential_id=credential.credential_id,
        copies=credential.copies,
        cause=cause,
        causes=causes,
        reason_code=reason_code,
    )


def reinstate(state: CredentialStatus, credential: Known, *, cause: str, reason_code: str) -> Sequence[Event]:
    """Return that a cause was cleared; others keep it suspended. Raises Problem if it is over or has no such cause."""
    _require_live(state)
    if cause not in state.causes:
        raise Problem(
            "not_suspended",
            "The credential is not suspended for this cause.",
            kind=Kind.CONFLICT,
            remedy="Look at the causes that stand.",
            members={"causes": sorted(state.causes)},
        )
    return (
        CredentialReinstated(
            credential_id=credential.credential_id,
            copies=credential.copies,
            cause=cause,
            causes=tuple(sorted(state.causes - {cause})),
            reason_code=reason_code,
        ),
    )


def revoke(
    state: CredentialStatus,
    credential: Known,
    *,
    reason_code: RevocationReason,
    void_ab_initio: bool,
    now: datetime,
) -> Sequence[Event]:
    """Return the revocation, or nothing if the same stands. Raises Problem if it is over for another reason."""
    before = state.revoked
    if before is not None and (before.reason_code, before.void_ab_initio) == (reason_code, void_ab_initio):
        return ()
    _require_live(state)
    return (
        CredentialRevoked(
            credential_id=credential.credential_id,
            copies=credential.copies,
            reason_code=reason_code,
            effective_from=now,
            void_ab_initio=void_ab_initio,
        ),
    )


def expire(state: CredentialStatus, credential: Known, *, now: datetime) -> Sequence[Event]:
    """Return the expiry if the merit's own end has passed; nothing before it, after a revocation, or twice."""
    if state.revoked is not None or state.expired or credential.valid_to is None or now < credential.valid_to:
        return ()
    return (
        CredentialExpired(credential_id=credential.credential_id, copies=credential.copies, at=credential.valid_to),
    )


def _require_live(state: CredentialStatus) -> None:
    if state.revoked is not None:
        raise Problem(
            "credential_revoked",
            "The credential is revoked, and a revocation is final.",
            kind=Kind.CONFLICT,
            remedy="Issue a new credential if the learner has earned one.",
        )
    if state.expired:
        raise Problem(
            "credential_expired",
            "The credential has expired.",
            kind=Kind.CONFLICT,
            remedy="Nothing needs to be done: an expired credential no longer holds.",
        )
