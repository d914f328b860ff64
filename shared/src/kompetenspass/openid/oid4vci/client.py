"""What a wallet sends to an issuer, and how it reads the answers: pure builders and checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from kompetenspass.core.errors import Kind
from kompetenspass.openid.oauth import (
    PRE_AUTHORIZED_CODE,
    AuthorizationServerMetadata,
    OAuthError,
    TokenResponse,
    json_object,
)
from kompetenspass.openid.oid4vci.errors import invalid_credential_offer, invalid_credential_response
from kompetenspass.openid.oid4vci.metadata import SD_JWT_VC, CredentialConfiguration, CredentialIssuerMetadata
from kompetenspass.openid.oid4vci.notification import NotificationEvent
from kompetenspass.openid.oid4vci.offer import CredentialOffer, PreAuthorizedCodeGrant
from kompetenspass.openid.oid4vci.response import CredentialResponse, NonceResponse


@dataclass(frozen=True)
class RequestedCredential:
    """How to ask for one credential: by an identifier of the token response, or else by configuration."""

    credential_configuration_id: str
    credential_identifier: str | None = None


def offered_configuration(metadata: CredentialIssuerMetadata, configuration_id: str) -> CredentialConfiguration:
    """Return an offered configuration that this wallet can take: `dc+sd-jwt`, bound to a `jwk`, `jwt` proof in ES256.

    Raises OAuthError `invalid_credential_offer`. Source: OpenID4VCI, section 4.1.1.
    """
    configuration = metadata.credential_configurations_supported.get(configuration_id)
    if configuration is None:
        raise invalid_credential_offer("The offer names a configuration that the issuer does not have.")
    if configuration.format != SD_JWT_VC:
        raise invalid_credential_offer("The offered credential has a format that this wallet does not know.")
    encryptions = (metadata.credential_request_encryption, metadata.credential_response_encryption)
    if any(encryption is not None and encryption.encryption_required for encryption in encryptions):
        raise invalid_credential_offer("The issuer insists on encryption, which this wallet does not do.")
    _check_proof_type(configuration)
    return configuration


def token_request_form(
    grant: PreAuthorizedCodeGrant, server: AuthorizationServerMetadata, tx_code: str | None = None
) -> dict[str, str]:
    """Return the form of an anonymous token request.

    Raises OAuthError: `tx_code_required` if the offer wants one, `invalid_credential_offer` if the code is not wanted
    or the server does not serve anonymous wallets. Source: OpenID4VCI, section 6.1.
    """
    if grant.tx_code is not None and not tx_code:
        remedy = "Enter the transaction code that the issuer gave."
        raise OAuthError("tx_code_required", "The offer needs a transaction code.", kind=Kind.CONFLICT, remedy=remedy)
    if grant.tx_code is None and tx_code:
        raise invalid_credential_offer("The offer has no transaction code.")
    if not server.pre_authorized_grant_anonymous_access_supported:
        raise invalid_credential_offer("The issuer does not serve wallets without a client id.")
    form = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": grant.pre_authorized_code}
    return form | ({"tx_code": tx_code} if tx_code else {})


def parse_token_response(body: bytes) -> TokenResponse:
    """Return the token response; the token type may be written in any case, but must be bearer.

    Raises OAuthError `invalid_credential_response`. Source: RFC 6749, section 5.1; OpenID4VCI, section 6.2.
    """
    response = TokenResponse.parse(json_object(body, invalid_credential_response), invalid_credential_response)
    if response.token_type.lower() != "bearer":
        raise invalid_credential_response("The access token is not a bearer token.")
    return response


def requested_credentials(offer: CredentialOffer, token: TokenResponse) -> tuple[RequestedCredential, ...]:
    """Return what to ask for: by credential identifier iff the token response gave any. Source: OpenID4VCI, 3.3.4."""
    if token.authorization_details:
        return tuple(
            RequestedCredential(detail.credential_configuration_id, identifier)
            for detail in token.authorization_details
            for identifier in detail.credential_identifiers or ()
        )
    return tuple(RequestedCredential(id_) for id_ in offer.credential_configuration_ids)


def parse_nonce_response(body: bytes) -> str:
    """Return the c_nonce. Raises OAuthError `invalid_credential_response`. Source: OpenID4VCI, section 7.2."""
    value = json_object(body, invalid_credential_response)
    return NonceResponse.parse(value, invalid_credential_response).c_nonce


def credential_request_body(requested: RequestedCredential, proofs: Sequence[str]) -> bytes:
    """Return the JSON body of a credential request with these `jwt` proofs. Source: OpenID4VCI, section 8.2."""
    if requested.credential_identifier is not None:
        named = {"credential_identifier": requested.credential_identifier}
    else:
        named = {"credential_configuration_id": requested.credential_configuration_id}
    return json.dumps({**named, "proofs": {"jwt": list(proofs)}}).encode()


def parse_credential_response(body: bytes, *, proofs: int) -> CredentialResponse:
    """Return the issued credentials, at most one for each proof.

    Raises OAuthError: `issuance_deferred` if the issuer puts it off, which this wallet does not follow, else
    `invalid_credential_response`. Source: OpenID4VCI, section 8.3.
    """
    value = json_object(body, invalid_credential_response)
    if "transaction_id" in value and "credentials" not in value:
        remedy = "Ask the issuer for a new offer."
        raise OAuthError("issuance_deferred", "The issuer issues later.", kind=Kind.UNSUPPORTED, remedy=remedy)
    if "transaction_id" in value or "interval" in value:
        raise invalid_credential_response("Credentials and a deferred transaction stand in one answer.")
    response = CredentialResponse.parse(value, invalid_credential_response)
    if len(response.credentials) > proofs:
        raise invalid_credential_response("There are more credentials than keys.")
    return response


def notification_body(notification_id: str, event: NotificationEvent, description: str | None = None) -> bytes:
    """Return the JSON body of a notification. Source: OpenID4VCI, section 11.1."""
    value = {"notification_id": notification_id, "event": event.value}
    return json.dumps(value | ({"event_description": description} if description else {})).encode()


def parse_error_response(body: bytes) -> str:
    """Return the `error` of an endpoint's error answer, or `unknown_error` if there is none to be read."""
    try:
        error = json_object(body, invalid_credential_response).get("error")
    except OAuthError:
        return "unknown_error"
    return error if isinstance(error, str) and error.isascii() and 0 < len(error) <= 64 else "unknown_error"


def _check_proof_type(configuration: CredentialConfiguration) -> None:
    if configuration.proof_types_supported is None:
        return
    jwt = configuration.proof_types_supported.get("jwt")
    if jwt is None or "ES256" not in jwt.proof_signing_alg_values_supported:
        raise invalid_credential_offer("The issuer wants a key proof that this wallet cannot make.")
    if jwt.key_attestations_required is not None:
        raise invalid_credential_offer("The issuer wants a key attestation, which this wallet does not have.")
    if "jwk" not in (configuration.cryptographic_binding_methods_supported or ()):
        raise invalid_credential_offer("The issuer does not bind credentials to a jwk.")
