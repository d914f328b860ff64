"""The credential request: parsed strictly, and matched with what the access token was given for."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass

from kompetenspass.openid.oauth import json_object
from kompetenspass.openid.oid4vci.errors import (
    invalid_credential_request,
    invalid_encryption_parameters,
    invalid_proof,
    unknown_credential_configuration,
    unknown_credential_identifier,
)


@dataclass(frozen=True)
class CredentialRequest:
    """A credential request: exactly one of the two ids is set; `proofs_jwt` is empty if there were no proofs."""

    credential_identifier: str | None
    credential_configuration_id: str | None
    proofs_jwt: tuple[str, ...]


def parse_credential_request(body: bytes, *, batch_size: int = 1) -> CredentialRequest:
    """Return the credential request in a JSON body; unknown members are ignored.

    Raises OAuthError `invalid_credential_request`, `invalid_proof` or, as no encryption is offered,
    `invalid_encryption_parameters`. Source: OpenID4VCI, section 8.2.
    """
    value = json_object(body, invalid_credential_request)
    identifier = _text(value, "credential_identifier")
    configuration = _text(value, "credential_configuration_id")
    if (identifier is None) == (configuration is None):
        raise invalid_credential_request(
            "Exactly one of credential_identifier and credential_configuration_id is needed.",
        )
    if value.get("credential_response_encryption") is not None:
        raise invalid_encryption_parameters()
    return CredentialRequest(identifier, configuration, _proofs(value, batch_size))


def requested_configuration(
    request: CredentialRequest,
    *,
    known: Container[str],
    granted: Collection[str],
    identifiers: Mapping[str, str] | None = None,
) -> str:
    """Return the id of the configuration that is asked for.

    `known`: the ids in the issuer metadata. `granted`: those that the access token is for. `identifiers`: the
    credential identifiers of the token response with their configuration, or None if it gave none. Whether an id
    exists is asked before whether it is the right kind of id.

    Raises OAuthError `unknown_credential_configuration`, `unknown_credential_identifier` or
    `invalid_credential_request`. Source: OpenID4VCI, sections 8.2 and 8.3.1.2.
    """
    if request.credential_identifier is not None:
        return _by_identifier(request.credential_identifier, identifiers or {})
    configuration = request.credential_configuration_id
    if configuration is None or configuration not in known:
        raise unknown_credential_configuration()
    if identifiers is not None:
        raise invalid_credential_request(
            "The token response gave credential identifiers.", remedy="Send one of them as credential_identifier."
        )
    if configuration not in granted:
        raise invalid_credential_request(
            "The access token is not for this configuration.", remedy="Use a configuration that the offer names."
        )
    return configuration


def required_proofs(request: CredentialRequest) -> tuple[str, ...]:
    """Return the key proofs of a request for a key-bound credential. Raises OAuthError `invalid_proof` without any.

    Source: OpenID4VCI, section 8.3.1.2."""
    if not request.proofs_jwt:
        raise invalid_proof("There are no proofs.")
    return request.proofs_jwt


def _by_identifier(identifier: str, identifiers: Mapping[str, str]) -> str:
    if identifier not in identifiers:
        raise unknown_credential_identifier()
    return identifiers[identifier]


def _text(value: Mapping[str, object], name: str) -> str | None:
    found = value.get(name)
    if found is None and name not in value:
        return None
    if not isinstance(found, str) or not found:
        raise invalid_credential_request(f"{name} is not a text.")
    return found


def _proofs(value: Mapping[str, object], batch_size: int) -> tuple[str, ...]:
    if "proof" in value and "proofs" not in value:
        raise invalid_proof("The singular proof of earlier drafts is not known.")
    if "proofs" not in value:
        return ()
    proofs = value["proofs"]
    if not isinstance(proofs, dict) or len(proofs) != 1:
        raise invalid_proof("proofs must be an object with exactly one proof type.")
    if "jwt" not in proofs:
        raise invalid_proof("The only proof type of this issuer is jwt.")
    return _jwts(proofs["jwt"], batch_size)


def _jwts(found: object, batch_size: int) -> tuple[str, ...]:
    if not isinstance(found, list) or not found or not all(isinstance(jwt, str) for jwt in found):
        raise invalid_proof("proofs.jwt must be a non-empty array of JWTs.")
    if len(found) > batch_size:
        raise invalid_proof(f"This issuer takes at most {batch_size} proofs.")
    return tuple(found)
