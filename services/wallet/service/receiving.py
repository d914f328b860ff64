"""Receive a credential: the wallet as a client of OpenID4VCI, from the offer to the notification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.events.envelope import Context
from kompetenspass.keys.api import Signer
from kompetenspass.log.execute import execute
from kompetenspass.openid import oid4vci, status
from kompetenspass.openid.oauth import (
    AUTHORIZATION_SERVER,
    CREDENTIAL_ISSUER,
    AuthorizationServerMetadata,
    TokenResponse,
    json_object,
    parse_authorization_server_metadata,
    well_known_url,
)
from kompetenspass.openid.oid4vci import (
    CredentialIssuerMetadata,
    CredentialOffer,
    NotificationEvent,
    client,
    proof,
)
from kompetenspass.openid.oid4vci.client import RequestedCredential
from services.wallet.domain import account, receipt
from services.wallet.domain.receipt import Receipt
from services.wallet.service.ports import Answer, Means

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Received:
    """What came in: the digests of the copies, who issued them, and where the last was recorded (0: held before)."""

    issuer: str
    digests: tuple[str, ...]
    position: int


@dataclass(frozen=True, slots=True)
class _Issuer:
    metadata: CredentialIssuerMetadata
    token: TokenResponse = field(repr=False)


class Receiving:
    """Accepts credential offers for an account."""

    def __init__(self, means: Means) -> None:
        self._log = means.log
        self._vault = means.vault
        self._parties = means.parties
        self._anchors = means.anchors
        self._clock = means.clock
        self._loopback = means.allow_loopback_http

    async def accept(self, account_id: UUID, *, offer_uri: str, tx_code: str | None, context: Context) -> Received:
        """Fetch, verify and keep what is offered; return what came in.

        Raises Problem: `invalid_credential_offer`, `tx_code_required`, `invalid_metadata`, `issuer_refused` with the
        issuer's own error, `credential_refused` and what the checks of the credential raise; nothing is kept then.
        Source: OpenID4VCI, sections 4 to 8 and 11.
        """
        offer = await self._offer(offer_uri)  # 1
        issuer = await self._authorised(offer, tx_code)  # 2
        digests, position = [], 0
        for requested in client.requested_credentials(offer, issuer.token):  # 3
            digest, at = await self._receive(account_id, issuer, requested, context)
            digests.append(digest)
            position = max(position, at)
        return Received(offer.credential_issuer, tuple(digests), position)

    async def _offer(self, offer_uri: str) -> CredentialOffer:
        found = oid4vci.parse_offer_uri(offer_uri, allow_loopback_http=self._loopback)
        if isinstance(found, CredentialOffer):
            return found
        return oid4vci.parse_offer(await self._parties.document(found), allow_loopback_http=self._loopback)

    async def _authorised(self, offer: CredentialOffer, tx_code: str | None) -> _Issuer:
        """Read both metadata documents, then exchange the code for a token; the code is used once and for all."""
        metadata = oid4vci.parse_credential_issuer_metadata(
            await self._metadata(offer.credential_issuer, CREDENTIAL_ISSUER),
            credential_issuer=offer.credential_issuer,
            allow_loopback_http=self._loopback,
        )
        for configuration_id in offer.credential_configuration_ids:
            client.offered_configuration(metadata, configuration_id)
        grant = oid4vci.pre_authorized_grant(offer)
        server = await self._server(
            oid4vci.authorization_server_of(grant, offer.credential_issuer, metadata.authorization_servers)
        )
        form = client.token_request_form(grant, server, tx_code)
        answer = _succeeded(await self._parties.post_form(server.token_endpoint, form))
        return _Issuer(metadata, client.parse_token_response(answer.body))

    async def _server(self, identifier: str) -> AuthorizationServerMetadata:
        document = await self._metadata(identifier, AUTHORIZATION_SERVER)
        return parse_authorization_server_metadata(document, issuer=identifier, allow_loopback_http=self._loopback)

    async def _metadata(self, identifier: str, name: str) -> Mapping[str, object]:
        return json_object(await self._parties.document(well_known_url(identifier, name)), receipt.refused)

    async def _receive(
        self, account_id: UUID, issuer: _Issuer, requested: RequestedCredential, context: Context
    ) -> tuple[str, int]:
        """Ask for one credential with a fresh key, verify it, keep it, record it, tell the issuer."""
        configuration = client.offered_configuration(issuer.metadata, requested.credential_configuration_id)
        key = await self._vault.new_key(account_id)
        response = await self._requested(issuer, requested, key)
        compact = response.credentials[0].credential
        try:
            found = await self._verified(compact, issuer.metadata.credential_issuer, configuration.vct, key)
        except Problem:
            await self._notify(issuer, response.notification_id, NotificationEvent.FAILURE)
            raise
        position = await self._kept(account_id, issuer.metadata.credential_issuer, found, compact, key, context)
        await self._notify(issuer, response.notification_id, NotificationEvent.ACCEPTED)
        return found.digest, position

    async def _requested(
        self, issuer: _Issuer, requested: RequestedCredential, key: Signer
    ) -> oid4vci.CredentialResponse:
        metadata = issuer.metadata
        nonce = None
        if metadata.nonce_endpoint is not None:
            answer = _succeeded(await self._parties.post_form(metadata.nonce_endpoint, {}))
            nonce = client.parse_nonce_response(answer.body)
        key_proof = proof.build(key, issuer=metadata.credential_issuer, now=self._clock(), nonce=nonce)
        body = client.credential_request_body(requested, [key_proof])
        answer = await self._parties.post_body(metadata.credential_endpoint, body, _JSON, issuer.token.access_token)
        return client.parse_credential_response(_succeeded(answer).body, proofs=1)

    async def _verified(self, compact: str, issuer: str, vct: str | None, key: Signer) -> Receipt:
        """Check signature, chain, issuer, type, key, type metadata and status. Source: standards, VCIW-7."""
        now = self._clock()
        found = receipt.examine(
            compact, issuer=issuer, vct=vct, holder_jwk=key.public_jwk, anchors=self._anchors, now=now
        )
        if found.vct.startswith(("https://", "http://")):
            receipt.check_type(found, await self._parties.document(found.vct))
        if found.status is not None:
            token = await self._parties.document(found.status.uri, status.MEDIA_TYPE)
            listed = status.verify_token_by_x5c(
                token.decode("ascii", "replace"), uri=found.status.uri, anchors=self._anchors, now=now
            )
            if listed.get(found.status.idx) != status.VALID:
                raise receipt.refused("The credential is not valid any more.")
        return found

    async def _kept(
        self, account_id: UUID, issuer: str, found: Receipt, compact: str, key: Signer, context: Context
    ) -> int:
        await self._vault.keep(
            account_id,
            digest=found.digest,
            thumbprint=key.kid,
            issuer=issuer,
            vct=found.vct,
            compact=compact,
            received_at=self._clock(),
        )
        done = await execute(
            self._log,
            account.stream_of(account_id),
            initial=account.Account(),
            evolve=account.evolve,
            decide=lambda state: account.receive(state, account_id, digest=found.digest, issuer=issuer),
            context=context,
        )
        return done.position

    async def _notify(self, issuer: _Issuer, notification_id: str | None, event: NotificationEvent) -> None:
        """Tell the issuer what became of it; a deaf issuer changes nothing here. Source: OpenID4VCI, section 11."""
        endpoint = issuer.metadata.notification_endpoint
        if endpoint is None or notification_id is None:
            return
        try:
            await self._parties.post_body(
                endpoint, client.notification_body(notification_id, event), _JSON, issuer.token.access_token
            )
        except Problem as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                raise


def _succeeded(answer: Answer) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    error = client.parse_error_response(answer.body)
    raise Problem(
        "issuer_refused",
        "The issuer refused.",
        kind=Kind.CONFLICT,
        remedy="Check the code, or ask the issuer for a new offer.",
        members={"issuer_error": error, "issuer_status": answer.status},
    )
