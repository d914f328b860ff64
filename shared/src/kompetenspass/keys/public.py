"""The public part of a P-256 key as a JWK, and its thumbprint."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec

from kompetenspass.core.digest import b64u, canonical_json, sha256_b64u


def public_jwk(key: ec.EllipticCurvePublicKey) -> Mapping[str, str]:
    """Return the JWK of a P-256 public key. Source: RFC 7518, section 6.2.1."""
    numbers = key.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64u(numbers.x.to_bytes(32, "big")),
        "y": b64u(numbers.y.to_bytes(32, "big")),
    }


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of an EC JWK, base64url. Source: RFC 7638, section 3."""
    return sha256_b64u(canonical_json({name: jwk[name] for name in ("crv", "kty", "x", "y")}))
