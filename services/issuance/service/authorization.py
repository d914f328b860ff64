"""The authorization server: pre-authorized codes become access tokens, and nonces are handed out.

Source: OpenID4VCI, sections 6 and 7.
"""

from __future__ import annotations

import hashlib

from kompetenspass.core.clock import Clock
from kompetenspass.core.ids import random_bytes, random_token
from kompetenspass.events.envelope import Context
from kompetenspass.openid.oauth import (
    AuthorizationDetail,
    OAuthError,
    TokenRequest,
    TokenResponse,
    invalid_grant,
    invalid_request,
    invalid_token,
    token_response,
    wrong_tx_code,
)
from kompetenspass.openid.oauth.errors import invalid_authorization_details
from kompetenspass.openid.oid4vci.response import NonceResponse
from services.issuance.domain import nonce
from services.issuance.service.offer_links import tx_code_hash
from services.issuance.service.offers import Offers
from services.issuance.service.ports import Access, Keys, Profile, Redeemed, State


class Authorization:
    """Tokens are opaque, stored as hashes, and live at most 300 seconds; each is for one offer of one issuer."""

    def __init__(self, offers: Offers, state: State, keys: Keys, profile: Profile, clock: Clock) -> None:
        self._offers = offers
        self._state = state
        self._keys = keys
        self._profile = profile
        self._clock = clock

    async def token(self, slug: str, request: TokenRequest, context: Context) -> TokenResponse:
        """Return an access token for the offer whose code was sent; the code is used up by it.

        Raises OAuthError `invalid_request` for a missing or unexpected tx_code (which does not count as an attempt),
        `invalid_grant` for a wrong one and for a code that is unknown, used or over. Five wrong ones burn the offer.
        """
        access_token, now = random_token(32), self._clock()
        redeemed = await self._state.redeem(
            slug=slug,
            code_hash=_hashed(request.pre_authorized_code),
            tx_hash=self._tx_hash(request),
            token_hash=_hashed(access_token),
            asked=_asked(request),
            now=now,
            token_ends=now + self._profile.token_lifetime,
        )
        if redeemed.outcome == "burnt" and redeemed.offer_id and redeemed.credential_id:
            await self._offers.settle(redeemed.offer_id, redeemed.credential_id, "tx_code_attempts", context)
        if redeemed.outcome != "used":
            raise _refusal(redeemed)
        details = _granted_details(request, redeemed.configuration_id)
        return token_response(access_token, expires_in_seconds=self._token_seconds(), details=details)

    def nonce(self, slug: str) -> NonceResponse:
        """Return a fresh c_nonce of this issuer; nothing is stored before it is used."""
        fresh = nonce.make(
            self._keys.nonce,
            self._profile.issuer(slug),
            now=self._clock(),
            lifetime=self._profile.nonce_lifetime,
            random=random_bytes(nonce.RANDOM_BYTES),
        )
        return NonceResponse(c_nonce=fresh)

    async def access(self, slug: str, access_token: str) -> Access:
        """Return what a token of this issuer is for. Raises OAuthError `invalid_token` (401)."""
        access = await self._state.access(_hashed(access_token), self._clock())
        if access is None or access.slug != slug:
            raise invalid_token()
        return access

    def _tx_hash(self, request: TokenRequest) -> bytes | None:
        if request.tx_code is None:
            return None
        return tx_code_hash(self._keys.tx_code, request.pre_authorized_code, request.tx_code)

    def _token_seconds(self) -> int:
        return int(self._profile.token_lifetime.total_seconds())


def _asked(request: TokenRequest) -> tuple[str, ...] | None:
    details = request.authorization_details
    return None if details is None else tuple(detail.credential_configuration_id for detail in details)


def _granted_details(request: TokenRequest, configuration_id: str) -> tuple[AuthorizationDetail, ...]:
    """Return the details to answer with: of what was asked for, what the offer grants, with its one identifier."""
    if request.authorization_details is None:
        return ()
    granted = AuthorizationDetail(
        type="openid_credential",
        credential_configuration_id=configuration_id,
        credential_identifiers=(configuration_id,),
    )
    return (granted,)


def _refusal(redeemed: Redeemed) -> OAuthError:
    match redeemed.outcome:
        case "tx_code_missing":
            return invalid_request("The transaction code is missing.", remedy="Send tx_code.")
        case "tx_code_unexpected":
            return invalid_request("This offer has no transaction code.", remedy="Leave tx_code out.")
        case "details_unknown":
            return invalid_authorization_details("The offer is for another credential configuration.")
        case "wrong_tx_code":
            return wrong_tx_code()
        case _:
            return invalid_grant()


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
