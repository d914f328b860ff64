"""OpenID4VCI 1.0, sans-I/O: offers, issuer metadata, credential requests, key proofs, answers, notifications.

`proof.verify` and `proof.build` keep their module's name: `from kompetenspass.openid.oid4vci import proof`.
"""

from kompetenspass.openid.oid4vci import client, proof
from kompetenspass.openid.oid4vci.errors import (
    CredentialErrorCode,
    credential_request_denied,
    invalid_credential_offer,
    invalid_credential_request,
    invalid_credential_response,
    invalid_encryption_parameters,
    invalid_nonce,
    invalid_notification_id,
    invalid_notification_request,
    invalid_proof,
    unknown_credential_configuration,
    unknown_credential_identifier,
)
from kompetenspass.openid.oid4vci.metadata import (
    SD_JWT_VC,
    ClaimDescription,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    Display,
    Logo,
    sd_jwt_configuration,
)
from kompetenspass.openid.oid4vci.metadata_rules import (
    check_claims,
    check_configuration,
    check_metadata,
    credential_issuer_metadata,
    parse_credential_issuer_metadata,
)
from kompetenspass.openid.oid4vci.notification import Notification, NotificationEvent, parse_notification
from kompetenspass.openid.oid4vci.offer import (
    CredentialOffer,
    PreAuthorizedCodeGrant,
    TxCode,
    authorization_server_of,
    offer_uri_by_reference,
    offer_uri_by_value,
    parse_offer,
    parse_offer_uri,
    pre_authorized_grant,
    pre_authorized_offer,
)
from kompetenspass.openid.oid4vci.proof import VerifiedProof
from kompetenspass.openid.oid4vci.request import (
    CredentialRequest,
    parse_credential_request,
    requested_configuration,
    required_proofs,
)
from kompetenspass.openid.oid4vci.response import (
    CredentialResponse,
    IssuedCredential,
    NonceResponse,
    credential_response,
)

__all__ = [
    "SD_JWT_VC",
    "ClaimDescription",
    "CredentialConfiguration",
    "CredentialErrorCode",
    "CredentialIssuerMetadata",
    "CredentialOffer",
    "CredentialRequest",
    "CredentialResponse",
    "Display",
    "IssuedCredential",
    "Logo",
    "NonceResponse",
    "Notification",
    "NotificationEvent",
    "PreAuthorizedCodeGrant",
    "TxCode",
    "VerifiedProof",
    "authorization_server_of",
    "check_claims",
    "check_configuration",
    "check_metadata",
    "client",
    "credential_issuer_metadata",
    "credential_request_denied",
    "credential_response",
    "invalid_credential_offer",
    "invalid_credential_request",
    "invalid_credential_response",
    "invalid_encryption_parameters",
    "invalid_nonce",
    "invalid_notification_id",
    "invalid_notification_request",
    "invalid_proof",
    "offer_uri_by_reference",
    "offer_uri_by_value",
    "parse_credential_issuer_metadata",
    "parse_credential_request",
    "parse_notification",
    "parse_offer",
    "parse_offer_uri",
    "pre_authorized_grant",
    "pre_authorized_offer",
    "proof",
    "requested_configuration",
    "required_proofs",
    "sd_jwt_configuration",
    "unknown_credential_configuration",
    "unknown_credential_identifier",
]
