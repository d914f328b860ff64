"""What an issuer publishes about itself: metadata of the credential issuer and of its authorization server, and keys.

Source: OpenID4VCI, section 12; RFC 8414.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import not_found
from kompetenspass.openid.mikromerit import CLAIMS
from kompetenspass.openid.oauth import AuthorizationServerMetadata, authorization_server_metadata
from kompetenspass.openid.oid4vci.metadata import (
    ClaimDescription,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    Display,
    sd_jwt_configuration,
)
from kompetenspass.openid.oid4vci.metadata_rules import credential_issuer_metadata
from services.issuance.domain.authority import Organisation
from services.issuance.service.ports import Configuration, Facts, Profile

_TOKEN_MEMBERS = frozenset({"vct", "vct#integrity", "iss", "iat", "exp", "cnf", "status", "jti"})
_DESCRIBED = tuple(
    ClaimDescription(
        path=claim.path,
        mandatory=claim.mandatory or None,
        display=(Display(name=claim.sv, locale="sv"), Display(name=claim.en, locale="en")),
    )
    for claim in CLAIMS
    if claim.path[0] not in _TOKEN_MEMBERS
)


class Documents:
    """Builds the documents of one issuer from the facts; a slug is `not_found` unless its organisation is an issuer."""

    def __init__(self, facts: Facts, profile: Profile, clock: Clock, *, allow_loopback_http: bool) -> None:
        self._facts = facts
        self._profile = profile
        self._clock = clock
        self._allow_loopback_http = allow_loopback_http

    async def issuer_metadata(self, slug: str) -> CredentialIssuerMetadata:
        """Return the credential issuer metadata: one configuration per definition and pathway, its id as scope."""
        await self._facts.refresh()
        organisation = await self.require_issuer(slug)
        issuer, batch_size = self._profile.issuer(slug), self._profile.batch_size
        return credential_issuer_metadata(
            issuer,
            credential_endpoint=f"{issuer}/credential",
            nonce_endpoint=f"{issuer}/nonce",
            notification_endpoint=f"{issuer}/notification",
            configurations=await self._configurations(organisation),
            batch_size=batch_size if batch_size > 1 else None,
            display=[Display(name=name, locale=locale) for locale, name in sorted(organisation.legal_name.items())],
            allow_loopback_http=self._allow_loopback_http,
        )

    async def server_metadata(self, slug: str) -> AuthorizationServerMetadata:
        """Return the authorization server metadata; the issuer is its own server."""
        await self._facts.refresh()
        organisation = await self.require_issuer(slug)
        issuer = self._profile.issuer(slug)
        return authorization_server_metadata(
            issuer,
            token_endpoint=f"{issuer}/token",
            jwks_uri=f"{issuer}/jwks",
            scopes=list(await self._configurations(organisation)),
            authorization_details=True,
            allow_loopback_http=self._allow_loopback_http,
        )

    async def jwks(self, slug: str) -> Mapping[str, Any]:
        """Return the organisation's registered public keys that are not compromised, as a JWK Set (RFC 7517)."""
        await self._facts.refresh()
        organisation = await self.require_issuer(slug)
        keys = [
            {**key.jwk, "kid": key.kid, "alg": "ES256", "use": "sig"}
            for key in organisation.keys
            if key.compromised_since is None
        ]
        return {"keys": keys}

    async def require_issuer(self, slug: str) -> Organisation:
        """Return the organisation of an issuer. Raises `not_found` unless it holds the role issuer now."""
        organisation = await self._issuer(slug)
        if organisation is None:
            await self._facts.refresh()
            organisation = await self._issuer(slug)
        if organisation is None:
            raise not_found("issuer")
        return organisation

    async def _issuer(self, slug: str) -> Organisation | None:
        known = await self._facts.issuer(slug)
        return known if known and known.acts_as("issuer", self._clock()) else None

    async def _configurations(self, organisation: Organisation) -> dict[str, CredentialConfiguration]:
        found = await self._facts.configurations(organisation, self._clock())
        return {one.id: self._configuration(one) for one in found}

    def _configuration(self, of: Configuration) -> CredentialConfiguration:
        return sd_jwt_configuration(scope=of.id, vct=self._profile.vct, display=_display(of), claims=_DESCRIBED)


def _display(of: Configuration) -> Sequence[Display]:
    return [
        Display(name=title, locale=locale, description=of.description.get(locale))
        for locale, title in sorted(of.title.items())
    ]
