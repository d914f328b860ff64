"""Credential issuer metadata: the messages, and the builder for an issuer of `dc+sd-jwt` credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from kompetenspass.openid.oauth import Message

Names = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
PathPart = str | Annotated[int, Field(ge=0)] | None
SD_JWT_VC = "dc+sd-jwt"


class Logo(Message):
    """A picture for display."""

    uri: str
    alt_text: str | None = None


class Display(Message):
    """How something is shown in one language."""

    name: str | None = None
    locale: str | None = None
    logo: Logo | None = None
    description: str | None = None
    background_color: str | None = None
    text_color: str | None = None


Displays = Annotated[tuple[Display, ...], Field(strict=False, min_length=1)]


class ClaimDescription(Message):
    """How one claim is shown. Source: OpenID4VCI, appendix B.2."""

    path: Annotated[tuple[PathPart, ...], Field(strict=False, min_length=1)]
    mandatory: bool | None = None
    display: Displays | None = None

    @model_serializer(mode="wrap")
    def _with_nulls_in_path(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """A null in a path means every element, and must survive where absent members are left out."""
        written: dict[str, Any] = handler(self)
        return {**written, "path": list(self.path)}


class CredentialMetadata(Message):
    """Display and claims of a configuration; not directly in it, as before 1.0."""

    display: Displays | None = None
    claims: Annotated[tuple[ClaimDescription, ...], Field(strict=False, min_length=1)] | None = None


class ProofType(Message):
    """What a key proof of one type must be like; attestations are named only where they are required."""

    proof_signing_alg_values_supported: Names
    key_attestations_required: Mapping[str, Any] | None = None


class CredentialConfiguration(Message):
    """One kind of credential that the issuer issues. Source: OpenID4VCI, section 12.2.4 and appendix A.3.2."""

    format: str
    scope: str | None = None
    vct: str | None = None
    credential_signing_alg_values_supported: (
        Annotated[tuple[str | int, ...], Field(strict=False, min_length=1)] | None
    ) = None
    cryptographic_binding_methods_supported: Names | None = None
    proof_types_supported: Annotated[Mapping[str, ProofType], Field(min_length=1)] | None = None
    credential_metadata: CredentialMetadata | None = None


class BatchCredentialIssuance(Message):
    """How many proofs one request may carry."""

    batch_size: Annotated[int, Field(ge=2)]


class ResponseEncryption(Message):
    """What the issuer says of encrypted responses; we only read whether it insists on them."""

    encryption_required: bool


class CredentialIssuerMetadata(Message):
    """The issuer's metadata document. Source: OpenID4VCI, section 12.2.4."""

    credential_issuer: str
    authorization_servers: Names | None = None
    credential_endpoint: str
    nonce_endpoint: str | None = None
    deferred_credential_endpoint: str | None = None
    notification_endpoint: str | None = None
    credential_request_encryption: ResponseEncryption | None = None
    credential_response_encryption: ResponseEncryption | None = None
    batch_credential_issuance: BatchCredentialIssuance | None = None
    display: Displays | None = None
    credential_configurations_supported: Mapping[str, CredentialConfiguration]


def sd_jwt_configuration(
    *,
    scope: str,
    vct: str,
    display: Sequence[Display] = (),
    claims: Sequence[ClaimDescription] = (),
) -> CredentialConfiguration:
    """Return the configuration of an SD-JWT VC that is bound to a key proved by a `jwt` proof, all of it in ES256.

    Source: OpenID4VCI, section 12.2.4 and appendix A.3.2.
    """
    metadata = CredentialMetadata(display=tuple(display) or None, claims=tuple(claims) or None)
    return CredentialConfiguration(
        format=SD_JWT_VC,
        scope=scope,
        vct=vct,
        credential_signing_alg_values_supported=("ES256",),
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
        credential_metadata=metadata if display or claims else None,
    )
