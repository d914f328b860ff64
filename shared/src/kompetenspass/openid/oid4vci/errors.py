"""The error codes of the credential, nonce and notification endpoints, and of a wallet that reads an issuer."""

from __future__ import annotations

from enum import StrEnum

from kompetenspass.openid.oauth import OAuthError


class CredentialErrorCode(StrEnum):
    """What the credential endpoint may answer in `error`. Source: OpenID4VCI, section 8.3.1.2."""

    INVALID_CREDENTIAL_REQUEST = "invalid_credential_request"
    UNKNOWN_CREDENTIAL_CONFIGURATION = "unknown_credential_configuration"
    UNKNOWN_CREDENTIAL_IDENTIFIER = "unknown_credential_identifier"
    INVALID_PROOF = "invalid_proof"
    INVALID_NONCE = "invalid_nonce"
    INVALID_ENCRYPTION_PARAMETERS = "invalid_encryption_parameters"
    CREDENTIAL_REQUEST_DENIED = "credential_request_denied"


def invalid_credential_request(title: str, *, remedy: str = "") -> OAuthError:
    """Return the refusal of a malformed credential request."""
    return OAuthError(CredentialErrorCode.INVALID_CREDENTIAL_REQUEST, title, remedy=remedy)


def unknown_credential_configuration() -> OAuthError:
    """Return the refusal of a configuration id that the issuer metadata does not have."""
    return OAuthError(
        CredentialErrorCode.UNKNOWN_CREDENTIAL_CONFIGURATION,
        "There is no such credential configuration.",
        remedy="Use an id from credential_configurations_supported.",
    )


def unknown_credential_identifier() -> OAuthError:
    """Return the refusal of a credential identifier that no token response gave."""
    return OAuthError(
        CredentialErrorCode.UNKNOWN_CREDENTIAL_IDENTIFIER,
        "There is no such credential identifier.",
        remedy="Use an identifier from the token response.",
    )


def invalid_proof(title: str, *, detail: str = "") -> OAuthError:
    """Return the refusal of missing or wrong key proofs, or of proofs without a nonce."""
    remedy = "Send proofs.jwt as the issuer metadata asks for."
    return OAuthError(CredentialErrorCode.INVALID_PROOF, title, remedy=remedy, detail=detail)


def invalid_nonce() -> OAuthError:
    """Return the refusal of sound proofs whose nonce this issuer did not give, or that is used or expired."""
    return OAuthError(
        CredentialErrorCode.INVALID_NONCE,
        "The nonce is unknown, used or expired.",
        remedy="Get a new c_nonce from the nonce endpoint.",
    )


def invalid_encryption_parameters() -> OAuthError:
    """Return the refusal of a request for an encrypted answer, which this issuer does not offer."""
    return OAuthError(
        CredentialErrorCode.INVALID_ENCRYPTION_PARAMETERS,
        "This issuer does not encrypt credential responses.",
        remedy="Leave credential_response_encryption out.",
    )


def credential_request_denied(title: str) -> OAuthError:
    """Return the final refusal: asking again will not help."""
    return OAuthError(CredentialErrorCode.CREDENTIAL_REQUEST_DENIED, title, remedy="Ask the issuer for a new offer.")


def invalid_notification_id() -> OAuthError:
    """Return the refusal of a notification about something unknown. Source: OpenID4VCI, section 11.3."""
    title = "There is no such notification_id."
    return OAuthError("invalid_notification_id", title, remedy="Use the one from the credential response.")


def invalid_notification_request(title: str) -> OAuthError:
    """Return the refusal of a malformed notification. Source: OpenID4VCI, section 11.3."""
    return OAuthError("invalid_notification_request", title, remedy="Send notification_id and event as JSON.")


def invalid_credential_offer(title: str) -> OAuthError:
    """Return a wallet's refusal of an offer that cannot be used."""
    return OAuthError("invalid_credential_offer", title, remedy="Ask the issuer for a new offer.")


def invalid_credential_response(title: str) -> OAuthError:
    """Return a wallet's refusal of what an issuer's endpoint answered."""
    return OAuthError("invalid_credential_response", title, remedy="The issuer must correct its answer.")
