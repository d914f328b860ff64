"""Credential offers: built by issuers, parsed by wallets, by value or by reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import Field

from kompetenspass.openid.oauth import (
    PRE_AUTHORIZED_CODE,
    Message,
    checked_identifier,
    checked_url,
    json_object,
    unique_parameters,
)
from kompetenspass.openid.oid4vci.errors import invalid_credential_offer

SCHEME = "openid-credential-offer"
_QUOTED = tuple(quote(bytes((byte,)), safe="") for byte in range(256))
_WALLET_SCHEMES = (SCHEME, "haip-vci", "https", "http")


class TxCode(Message):
    """What a wallet needs to ask for a transaction code; its presence, even empty, means that one is needed."""

    input_mode: Literal["numeric", "text"] | None = None
    length: Annotated[int, Field(gt=0)] | None = None
    description: Annotated[str, Field(max_length=300)] | None = None


class PreAuthorizedCodeGrant(Message):
    """The parameters of the pre-authorized code grant."""

    pre_authorized_code: str = Field(alias="pre-authorized_code", min_length=1, repr=False)
    tx_code: TxCode | None = None
    authorization_server: str | None = None


class AuthorizationCodeGrant(Message):
    """The parameters of the authorization code grant."""

    issuer_state: str | None = None
    authorization_server: str | None = None


class Grants(Message):
    """The grants that the issuer's authorization server is prepared to process for this offer."""

    authorization_code: AuthorizationCodeGrant | None = None
    pre_authorized_code: PreAuthorizedCodeGrant | None = Field(default=None, alias=PRE_AUTHORIZED_CODE)


class CredentialOffer(Message):
    """A credential offer. Source: OpenID4VCI, section 4.1.1."""

    credential_issuer: str
    credential_configuration_ids: Annotated[tuple[str, ...], Field(strict=False)]
    grants: Grants | None = None


def pre_authorized_offer(
    credential_issuer: str,
    credential_configuration_ids: Sequence[str],
    pre_authorized_code: str,
    tx_code: TxCode | None = None,
) -> CredentialOffer:
    """Return an offer with the pre-authorized code grant. Source: OpenID4VCI, section 4.1.1.

    Raises OAuthError `invalid_credential_offer` for empty or repeated configuration ids.
    """
    grant = PreAuthorizedCodeGrant(pre_authorized_code=pre_authorized_code, tx_code=tx_code)
    offer = CredentialOffer(
        credential_issuer=credential_issuer,
        credential_configuration_ids=tuple(credential_configuration_ids),
        grants=Grants(pre_authorized_code=grant),
    )
    return _checked(offer)


def offer_uri_by_value(offer: CredentialOffer, endpoint: str = f"{SCHEME}://") -> str:
    """Return the URI that carries the offer itself. Source: OpenID4VCI, section 4.1.2."""
    value = json.dumps(offer.to_json(), separators=(",", ":"))
    return f"{endpoint}?credential_offer={_quoted(value)}"


def offer_uri_by_reference(credential_offer_uri: str, endpoint: str = f"{SCHEME}://") -> str:
    """Return the URI that says where the offer lies. Source: OpenID4VCI, section 4.1.3."""
    return f"{endpoint}?credential_offer_uri={_quoted(credential_offer_uri)}"


def parse_offer_uri(uri: str, *, allow_loopback_http: bool = False) -> CredentialOffer | str:
    """Return the offer, or the URL where it lies (to be fetched with GET and given to `parse_offer`).

    Raises OAuthError `invalid_credential_offer` unless exactly one of the two parameters is there.
    Source: OpenID4VCI, section 4.1.
    """
    parameters = _parameters(uri)
    if ("credential_offer" in parameters) == ("credential_offer_uri" in parameters):
        raise invalid_credential_offer("The URI needs exactly one of credential_offer and credential_offer_uri.")
    if "credential_offer" in parameters:
        return parse_offer(parameters["credential_offer"], allow_loopback_http=allow_loopback_http)
    reference = parameters["credential_offer_uri"]
    return checked_url(reference, invalid_credential_offer, allow_loopback_http=allow_loopback_http)


def parse_offer(document: bytes | str, *, allow_loopback_http: bool = False) -> CredentialOffer:
    """Return the offer in a JSON document; unknown members and grants are ignored.

    Raises OAuthError `invalid_credential_offer`. Source: OpenID4VCI, section 4.1.1.
    """
    value = json_object(document, invalid_credential_offer)
    offer = CredentialOffer.parse(value, invalid_credential_offer)
    checked_identifier(offer.credential_issuer, invalid_credential_offer, allow_loopback_http=allow_loopback_http)
    return _checked(offer)


def pre_authorized_grant(offer: CredentialOffer) -> PreAuthorizedCodeGrant:
    """Return the offer's pre-authorized code grant. Raises OAuthError `invalid_credential_offer` without one."""
    if offer.grants is None or offer.grants.pre_authorized_code is None:
        raise invalid_credential_offer("The offer has no pre-authorized code.")
    return offer.grants.pre_authorized_code


def authorization_server_of(
    grant: PreAuthorizedCodeGrant | AuthorizationCodeGrant, credential_issuer: str, servers: Sequence[str] | None
) -> str:
    """Return the identifier of the authorization server to use: the issuer itself if its metadata names none.

    Raises OAuthError `invalid_credential_offer` if the offer names one where it may not, or one that is not listed.
    Source: OpenID4VCI, sections 4.1.1 and 12.2.4.
    """
    named = grant.authorization_server
    if named is None:
        return servers[0] if servers else credential_issuer
    if servers is None or len(servers) < 2 or named not in servers:
        raise invalid_credential_offer("The offer names an authorization server that the metadata does not list.")
    return named


def _quoted(text: str) -> str:
    """Return `quote(text, safe="")`, at half its cost: an offer has some hundred characters that need no quoting."""
    return "".join(map(_QUOTED.__getitem__, text.encode("utf-8")))


def _checked(offer: CredentialOffer) -> CredentialOffer:
    ids = offer.credential_configuration_ids
    if not ids or len(set(ids)) != len(ids) or not all(ids):
        raise invalid_credential_offer("credential_configuration_ids must be unique and not empty.")
    return offer


def _parameters(uri: str) -> Mapping[str, str]:
    try:
        parts = urlsplit(uri)
        pairs = parse_qsl(parts.query, keep_blank_values=True, errors="strict", max_num_fields=16)
    except ValueError as error:
        raise invalid_credential_offer("The URI cannot be read.") from error
    if parts.scheme not in _WALLET_SCHEMES:
        raise invalid_credential_offer("The URI is not a credential offer.")
    return unique_parameters(pairs, invalid_credential_offer)
