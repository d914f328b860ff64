"""Credential: the one proof of an achievement or an award, offered and issued. Stream `cred-{id}`; domain.md 3.4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import CredentialIssued, CredentialOffered, OfferWithdrawn
from kompetenspass.events.registry import StatusRef
from kompetenspass.events.stacking import CredentialSuperseded
from kompetenspass.openid.oid4vci.errors import credential_request_denied

FORMAT: Literal["dc+sd-jwt"] = "dc+sd-jwt"

Status = Literal["valid", "suspended", "revoked", "expired"]
WithdrawalCause = Literal["replaced", "issuer", "expired", "tx_code_attempts", "suspended", "revoked"]


@dataclass(frozen=True, slots=True)
class Credential:
    """The state that the stream folds to.

    `offer` is the newest offer while it may still be used, or was used to issue; `live` are the copies that the newest
    CredentialIssued released: only they are not replaced; `fetched` are all offers that were used to issue;
    `superseded`: another credential has taken its place.
    """

    offer: CredentialOffered | None = None
    issued: CredentialIssued | None = None
    fetched: frozenset[UUID] = frozenset()
    superseded: CredentialSuperseded | None = None

    @property
    def live(self) -> tuple[StatusRef, ...]:
        """The copies that are not replaced."""
        return self.issued.copies if self.issued else ()


def stream_of(credential_id: UUID) -> str:
    """Return the name of the credential's stream."""
    return f"cred-{credential_id}"


def evolve(state: Credential, event: Event) -> Credential:
    """Return the state after the event; events of other kinds change nothing."""
    match event:
        case CredentialOffered():
            return replace(state, offer=event)
        case OfferWithdrawn(offer_id=offer_id) if state.offer and state.offer.offer_id == offer_id:
            return replace(state, offer=None)
        case CredentialIssued():
            used = {state.offer.offer_id} if state.offer else set[UUID]()
            return replace(state, issued=event, fetched=state.fetched | used)
        case CredentialSuperseded():
            return replace(state, superseded=event)
        case _:
            return state


def offer(state: Credential, offered: CredentialOffered, status: Status | None) -> Sequence[Event]:
    """Return CredentialOffered; an older offer that was not fetched is withdrawn with it. Raises `credential_over`."""
    require_offerable("superseded" if state.superseded else status)
    return (*unfetched(state), offered)


def require_offerable(status: Status | Literal["superseded"] | None) -> None:
    """Raise `credential_over` when the registry says that the credential does not hold."""
    if status not in (None, "valid"):
        raise Problem(
            "credential_over",
            f"The credential is {status}.",
            kind=Kind.CONFLICT,
            remedy="A suspended credential can be offered once it is reinstated; revoked or superseded is for good.",
        )


def withdraw(state: Credential, offer_id: UUID, cause: WithdrawalCause) -> Sequence[Event]:
    """Return OfferWithdrawn for that offer, or nothing when it is fetched, withdrawn or replaced already."""
    if state.offer is None or state.offer.offer_id != offer_id or offer_id in state.fetched:
        return ()
    return (_withdrawn(state.offer, cause),)


def require_not_fetched(state: Credential, offer_id: UUID) -> None:
    """Raise `credential_issued` when a credential was issued under the offer: it cannot be taken back any more."""
    if offer_id in state.fetched:
        raise Problem(
            "credential_issued",
            "The credential was issued under this offer.",
            kind=Kind.CONFLICT,
            remedy="Revoke the credential at the registry.",
        )


@dataclass(frozen=True, slots=True)
class Issue:
    """The command: release these copies to the wallet that redeemed this offer."""

    offer_id: UUID
    issuer: str
    vct: str
    kid: str
    copies: tuple[StatusRef, ...]
    valid_from: datetime
    valid_to: datetime | None


def require_issuable(state: Credential, offer_id: UUID, status: Status | None) -> CredentialOffered:
    """Return the offer under which the credential may be issued now.

    Raises `credential_request_denied` when the offer was withdrawn or replaced, or the credential does not hold.
    """
    if state.offer is None or state.offer.offer_id != offer_id:
        raise credential_request_denied("The offer is withdrawn.")
    if state.superseded:
        raise credential_request_denied("The credential is superseded.")
    if status not in (None, "valid"):
        raise credential_request_denied(f"The credential is {status}.")
    return state.offer


def issue(state: Credential, command: Issue, status: Status | None) -> Sequence[Event]:
    """Return CredentialIssued; copies released before are named in `replaces`: never are two live at once."""
    offered = require_issuable(state, command.offer_id, status)
    return (
        CredentialIssued(
            credential_id=offered.credential_id,
            achievement_id=offered.achievement_id,
            stack_id=offered.stack_id,
            learner_ref=offered.learner_ref,
            definition_id=offered.definition_id,
            definition_version=offered.definition_version,
            definition_digest=offered.definition_digest,
            issuer_org=offered.issuer_org,
            issuer=command.issuer,
            format=FORMAT,
            vct=command.vct,
            kid=command.kid,
            copies=command.copies,
            replaces=tuple(copy.digest for copy in state.live),
            recognition_level=offered.recognition_level,
            valid_from=command.valid_from,
            valid_to=command.valid_to,
        ),
    )


def unfetched(state: Credential) -> tuple[OfferWithdrawn, ...]:
    """Return OfferWithdrawn for the offer that something else replaces, if there is one that was not fetched."""
    if state.offer is None or state.offer.offer_id in state.fetched:
        return ()
    return (_withdrawn(state.offer, "replaced"),)


def _withdrawn(offered: CredentialOffered, cause: WithdrawalCause) -> OfferWithdrawn:
    return OfferWithdrawn(credential_id=offered.credential_id, offer_id=offered.offer_id, cause=cause)
