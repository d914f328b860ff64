"""Evidence: credentials of other issuers that a learner presented to their awarding body. Source: domain.md 3.5.

Stream `evidence-{learner_ref}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.stacking import CredentialRecognised, CredentialUnrecognised, EvidenceEnd
from services.issuance.domain.credential import Credential, Status


@dataclass(frozen=True, slots=True)
class Evidence:
    """The state that the stream folds to: all that was ever recognised, as said last, and what of it was withdrawn."""

    recognised: Mapping[UUID, CredentialRecognised] = field(default_factory=dict)
    withdrawn: frozenset[UUID] = frozenset()


INITIAL = Evidence()


def stream_of(learner_ref: str) -> str:
    """Return the name of the stream of a learner's evidence."""
    return f"evidence-{learner_ref}"


def evolve(state: Evidence, event: Event) -> Evidence:
    """Return the state after the event; events of other kinds change nothing."""
    match event:
        case CredentialRecognised(credential_id=credential_id):
            return Evidence({**state.recognised, credential_id: event}, state.withdrawn - {credential_id})
        case CredentialUnrecognised(credential_id=credential_id):
            return Evidence(state.recognised, state.withdrawn | {credential_id})
        case _:
            return state


def require_presentable(
    credential: Credential, digest: str, status: Status | None, awarding_body: str
) -> CredentialIssued:
    """Return what was issued, of which the learner presented a copy.

    Raises `evidence_needless` for a credential of the learner's own awarding body, `evidence_not_valid` when the copy
    was replaced, or the credential revoked or superseded.
    """
    issued = credential.issued
    if issued is None:
        raise unknown()
    if issued.issuer_org == awarding_body:
        raise Problem(
            "evidence_needless",
            "The credential is the awarding body's own.",
            kind=Kind.CONFLICT,
            remedy="Nothing has to be recorded: it counts for the learner whom it was issued to.",
        )
    live = {copy.digest for copy in credential.live}
    if digest not in live or credential.superseded is not None or status == "revoked":
        raise Problem(
            "evidence_not_valid",
            "The copy was replaced, or the credential is revoked or superseded.",
            kind=Kind.CONFLICT,
            remedy="Let the holder present the newest copy.",
        )
    return issued


def recognise(state: Evidence, presented: CredentialRecognised) -> Sequence[Event]:
    """Return CredentialRecognised, or nothing when the credential counts already.

    A result that was not stated before is stated with it; one that was stays until the credential is withdrawn.
    """
    before = state.recognised.get(presented.credential_id)
    if before is None or presented.credential_id in state.withdrawn:
        return (presented,)
    return (presented,) if before.vault_ref is None and presented.vault_ref is not None else ()


def withdraw(state: Evidence, credential_id: UUID, reason_code: EvidenceEnd) -> Sequence[Event]:
    """Return CredentialUnrecognised, or nothing when it was withdrawn before. Raises `not_found`."""
    before = state.recognised.get(credential_id)
    if before is None:
        raise not_found("evidence")
    if credential_id in state.withdrawn:
        return ()
    return (
        CredentialUnrecognised(
            learner_ref=before.learner_ref,
            credential_id=credential_id,
            definition_id=before.definition_id,
            reason_code=reason_code,
        ),
    )


def unknown() -> Problem:
    """Return the refusal for a digest that names no copy which was issued here."""
    return Problem(
        "evidence_unknown",
        "No credential with such a copy was issued on this platform.",
        kind=Kind.NOT_FOUND,
        remedy="Send the digest from the verdict on what the holder presented.",
    )
