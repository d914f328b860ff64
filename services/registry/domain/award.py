"""What issuance says of stack awards, and what of it becomes of the status of the credential that proves an award.

An award's causes (`lapse:{stack_id}`, `review`) and the issuer's own cause do not touch each other. A reaction brings
one cause of the credential to what the award says of it now, so that repeats and overtaken events change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kompetenspass.events.base import Event
from kompetenspass.events.registry import CredentialReinstated, CredentialRevoked, CredentialSuspended, RevocationReason
from kompetenspass.events.stacking import StackReinstated, StackRevoked, StackSuspended
from services.registry.domain.credential import CredentialStatus, Known, require_suspendable

REVIEW = "review"
"""The cause of a suspension that the awarding body decided in a review."""

AwardChange = StackSuspended | StackReinstated | StackRevoked


@dataclass(frozen=True, slots=True)
class Award:
    """A stack award as issuance's log has it: what proves it, who awarded it, which causes suspend it now."""

    stack_id: UUID
    credential_id: UUID
    pathway_id: str
    awarding_body: str
    causes: frozenset[str] = frozenset()
    revoked: bool = False


def lapse_of(stack_id: UUID) -> str:
    """Return the cause of a suspension because constituents of that award have lapsed."""
    return f"lapse:{stack_id}"


def foreign(event: AwardChange, award: Award | None, known: Known | None) -> str | None:
    """Return what makes an event none of the credential's own award's; None where all of it fits together.

    A credential that was not issued yet, and an award that was not seen, contradict nothing.
    """
    issuers = {event.issuer_org}
    issuers |= {award.awarding_body} if award else set()
    issuers |= {known.issuer_org} if known else set()
    if len(issuers) > 1:
        return "the event, the award and the credential have different issuers"
    if award is not None and award.credential_id != event.credential_id:
        return "the award is proved by another credential"
    if known is not None and known.stack_id != event.stack_id:
        return "the credential proves something else than this award"
    if isinstance(event, StackSuspended | StackReinstated) and event.cause not in (lapse_of(event.stack_id), REVIEW):
        return "the cause is not one of this award"
    return None


def needs_suspension(state: CredentialStatus, award: Award | None, event: StackSuspended) -> bool:
    """Return whether the credential is to be suspended: it is not over, lacks the cause, and the award still has it."""
    stands = award is None or event.cause in award.causes
    return state.name in ("valid", "suspended") and stands and event.cause not in state.causes


def suspended(state: CredentialStatus, known: Known, event: StackSuspended) -> Sequence[Event]:
    """Return the suspension for the award's cause, with the constituents that lapsed.

    Raises Problem `suspension_not_supported` on one-bit lists.
    """
    require_suspendable(known)
    return (
        CredentialSuspended(
            credential_id=event.credential_id,
            copies=known.copies,
            cause=event.cause,
            causes=tuple(sorted({*state.causes, event.cause})),
            reason_code=event.reason_code,
            lapsed=tuple(one.credential_id for one in event.lapsed),
        ),
    )


def reinstated(state: CredentialStatus, known: Known, award: Award | None, event: StackReinstated) -> Sequence[Event]:
    """Return that the award's cause is cleared; nothing if it is over, or the cause is not there or stands again."""
    stands = award is not None and event.cause in award.causes
    if state.name != "suspended" or event.cause not in state.causes or stands:
        return ()
    return (
        CredentialReinstated(
            credential_id=event.credential_id,
            copies=known.copies,
            cause=event.cause,
            causes=tuple(sorted(state.causes - {event.cause})),
            reason_code="review_over" if event.cause == REVIEW else "lapse_over",
        ),
    )


def revoked(
    state: CredentialStatus, known: Known, *, reason_code: RevocationReason, void_ab_initio: bool, at: datetime
) -> Sequence[Event]:
    """Return the revocation for what issuance states; nothing if the credential is over already."""
    if state.name in ("revoked", "expired"):
        return ()
    return (
        CredentialRevoked(
            credential_id=known.credential_id,
            copies=known.copies,
            reason_code=reason_code,
            effective_from=at,
            void_ab_initio=void_ab_initio,
        ),
    )
