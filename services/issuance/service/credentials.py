"""The credential issuer: from key proofs to a signed credential, in six steps. Source: OpenID4VCI, section 8."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.digest import b64u
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import random_bytes
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Context
from kompetenspass.events.registry import StatusRef
from kompetenspass.keys.api import Signer
from kompetenspass.log.api import Log
from kompetenspass.log.execute import execute, fold
from kompetenspass.openid.mikromerit import DISCLOSABLE
from kompetenspass.openid.oid4vci import proof
from kompetenspass.openid.oid4vci.errors import credential_request_denied, invalid_nonce, invalid_notification_id
from kompetenspass.openid.oid4vci.notification import Notification
from kompetenspass.openid.oid4vci.proof import VerifiedProof
from kompetenspass.openid.oid4vci.request import CredentialRequest, requested_configuration, required_proofs
from kompetenspass.openid.oid4vci.response import CredentialResponse, credential_response
from kompetenspass.openid.sdjwt.issue import SDJWT
from kompetenspass.openid.sdjwt.issue import issue as issue_sd_jwt
from services.issuance.domain import credential, nonce
from services.issuance.domain.claims import CopyRefs, Token, claims_of_copy
from services.issuance.domain.credential import Credential, stream_of
from services.issuance.service.award_merits import Merit
from services.issuance.service.indices import Indices
from services.issuance.service.merits import Merits
from services.issuance.service.ports import Access, Facts, Keys, Profile, Signers, State
from services.issuance.service.vault_ports import SealedEntry, Vault


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to a credential request, and where its CredentialIssued stands in the log."""

    response: CredentialResponse = field(repr=False)
    position: int


@dataclass(frozen=True, slots=True)
class _Copy:
    """One copy to be signed: the holder's key, and what sets it apart from the others."""

    holder: VerifiedProof
    refs: CopyRefs


class Credentials:
    """Issues what an access token is for, bound to the keys that the wallet proves to hold."""

    def __init__(
        self, *, log: Log, facts: Facts, state: State, vault: Vault, merits: Merits, indices: Indices,
        signers: Signers, keys: Keys, profile: Profile, clock: Clock,
    ) -> None:  # fmt: skip
        self._log = log
        self._facts = facts
        self._state = state
        self._vault = vault
        self._merits = merits
        self._indices = indices
        self._signers = signers
        self._keys = keys
        self._profile = profile
        self._clock = clock

    async def issue(self, access: Access, request: CredentialRequest, context: Context) -> Answer:
        """Return one credential per key proof, once its CredentialIssued is durable.

        Raises OAuthError with the codes of OpenID4VCI section 8.3.1.2; Problem (503) `facts_stale`, `no_status_list`,
        `no_issuer_key`.
        """
        now = self._clock()
        # 1 Is it what the token is for, and do the proofs hold?
        await self._require_granted(access, request)
        proofs = proof.verify(required_proofs(request), issuer=self._profile.issuer(access.slug), now=now)
        # 2 Spend the nonces, lease the indices, keep the holder keys: once, whatever follows.
        copies = await self._prepared(access, proofs, now)
        signer, signed = self._signers.of(access.slug), list[SDJWT]()

        async def decide(state: Credential) -> Sequence[Event]:
            # 3 On the folded stream and the facts: may this be issued, and what does it say?
            status = await self._facts.status(access.credential_id)
            offered = credential.require_issuable(state, access.offer_id, status)
            merit = await self._merits.of(offered, kid=signer.kid, now=now)
            # 4 Sign.
            signed[:] = [self._sign(merit, copy, access.slug, signer, now) for copy in copies]
            return credential.issue(state, self._command(access, merit, signer, copies, signed, now), status)

        # 5 Append; after a rival's append again from 3.
        done = await execute(
            self._log, stream_of(access.credential_id),
            initial=Credential(), evolve=credential.evolve, decide=decide, context=context,
        )  # fmt: skip
        # 6 Nothing signed leaves before its event is durable. Now it is.
        compacts = [copy.compact for copy in signed]
        notification_id = self._notification_id(done.state)
        return Answer(credential_response(compacts, keys=len(proofs), notification_id=notification_id), done.position)

    async def notify(self, access: Access, notification: Notification) -> None:
        """Keep what the wallet says of its newest copies; a repeat succeeds.

        Raises OAuthError `invalid_notification_id` for anything else's. Source: OpenID4VCI, section 11.
        """
        state, _ = await fold(self._log, stream_of(access.credential_id), Credential(), credential.evolve)
        known = self._notification_id(state) if access.offer_id in state.fetched else ""
        if not hmac.compare_digest(known.encode(), notification.notification_id.encode()):
            raise invalid_notification_id()
        await self._state.note_notification(access.offer_id, notification.event.value)

    async def _require_granted(self, access: Access, request: CredentialRequest) -> None:
        granted = access.configuration_id
        known, asked = {granted}, request.credential_configuration_id
        if asked is not None and asked != granted:
            known |= await self._configurations(access.issuer_org)
        identifiers = {granted: granted} if access.identifiers else None
        requested_configuration(request, known=known, granted=(granted,), identifiers=identifiers)
        if access.notified is not None:
            raise credential_request_denied("The wallet has said what became of the credential.")

    async def _configurations(self, org_id: str) -> set[str]:
        issuer = (await self._facts.organisations(org_id)).get(org_id)
        return {found.id for found in await self._facts.configurations(issuer, self._clock())} if issuer else set()

    async def _prepared(self, access: Access, proofs: Sequence[VerifiedProof], now: datetime) -> tuple[_Copy, ...]:
        nonces = self._nonces(access.slug, proofs, now)
        keys = self._sealed_keys(access, proofs)
        leased = await self._indices.lease(access.issuer_org, len(proofs))
        if not await self._state.spend(nonces, leased, access.credential_id, keys):
            raise invalid_nonce()
        refs = [CopyRefs(UUID(bytes=random_bytes(16), version=4), uri, index) for uri, index in leased]
        return tuple(_Copy(held, its) for held, its in zip(proofs, refs, strict=True))

    def _sealed_keys(self, access: Access, proofs: Sequence[VerifiedProof]) -> SealedEntry:
        kept = {"credential_id": str(access.credential_id), "keys": [held.jwk for held in proofs]}
        try:
            return self._vault.sealed(access.learner_key, access.learner_ref, "holder_keys", kept)
        except Problem as refusal:
            if refusal.kind is Kind.GONE:
                raise credential_request_denied(refusal.title) from refusal
            raise

    def _nonces(self, slug: str, proofs: Sequence[VerifiedProof], now: datetime) -> dict[bytes, datetime]:
        """Return the hash and the end of each nonce. Raises `invalid_nonce` for one that is not ours or is over."""
        ends: dict[bytes, datetime] = {}
        for held in proofs:
            value = held.nonce or ""
            end = nonce.end_of(self._keys.nonce, self._profile.issuer(slug), value, now=now)
            if end is None:
                raise invalid_nonce()
            ends[hashlib.sha256(value.encode()).digest()] = end
        return ends

    def _sign(self, merit: Merit, copy: _Copy, slug: str, signer: Signer, now: datetime) -> SDJWT:
        profile = self._profile
        token = Token(profile.issuer(slug), profile.vct, profile.vct_integrity, now, profile.credential_lifetime)
        return issue_sd_jwt(
            claims_of_copy(merit.claims, token, copy.refs),
            disclosable=DISCLOSABLE,
            signer=signer,
            random=random_bytes,
            holder_jwk=copy.holder.jwk,
        )

    def _command(
        self,
        access: Access,
        merit: Merit,
        signer: Signer,
        copies: Sequence[_Copy],
        signed: Sequence[SDJWT],
        now: datetime,
    ) -> credential.Issue:
        return credential.Issue(
            offer_id=access.offer_id,
            issuer=self._profile.issuer(access.slug),
            vct=self._profile.vct,
            kid=signer.kid,
            copies=tuple(
                StatusRef(digest=sd_jwt.digest, status_uri=copy.refs.status_uri, index=copy.refs.index)
                for copy, sd_jwt in zip(copies, signed, strict=True)
            ),
            valid_from=now,
            valid_to=merit.valid_to,
        )

    def _notification_id(self, state: Credential) -> str:
        """Return what stands for the newest copies; without the key nobody can make it up."""
        digests = "\n".join(copy.digest for copy in state.live)
        return b64u(hmac.digest(self._keys.notification, digests.encode(), hashlib.sha256))
