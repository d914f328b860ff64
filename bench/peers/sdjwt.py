"""The same with the reference implementation `sd-jwt`, used as its documentation says; its keys are loaded before."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from kompetenspass.openid.sdjwt import Path


def loaded(pem: bytes) -> JWK:
    """Return a key of a PEM file."""
    return JWK.from_pem(pem)


def public(jwk: Mapping[str, str]) -> JWK:
    """Return a public key."""
    return JWK.from_json(json.dumps(dict(jwk)))


def marked(claims: Mapping[str, Any], disclosable: Collection[Path]) -> dict[Any, Any]:
    """Return the claims with those marked that get a disclosure; only whole top-level claims."""
    return {SDObj(name) if (name,) in disclosable else name: value for name, value in claims.items()}


def issued(claims: dict[Any, Any], issuer: JWK, holder: JWK, header: Mapping[str, object]) -> str:
    """Return the compact SD-JWT."""
    made = SDJWTIssuer(claims, issuer, holder, extra_header_parameters=dict(header))
    return str(made.sd_jwt_issuance)


REFUSALS = (ValueError, KeyError, TypeError, JWException)
"""What the library raises where a token does not hold."""


def verified(compact: str, issuer: JWK, aud: str | None = None, nonce: str | None = None) -> dict[str, Any]:
    """Return the claims of a credential, or of a presentation with its key binding. Raises REFUSALS."""
    claims: dict[str, Any] = SDJWTVerifier(compact, lambda *_: issuer, aud, nonce).get_verified_payload()
    return claims
