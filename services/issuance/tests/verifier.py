"""What anybody who was shown a credential can read: its signed claims, and those with the disclosures put back."""

from __future__ import annotations

import json
from typing import Any

from kompetenspass.core.digest import b64u_decode, sha256_b64u
from kompetenspass.openid.jose import public_key, verify_jws
from kompetenspass.openid.sdjwt.parse import parse
from kompetenspass.testing.keys import TestSigner


def signed_claims(compact: str, signer: TestSigner) -> dict[str, Any]:
    """Return what stands in the issuer-signed part, its signature verified."""
    jwk = public_key(dict(signer.public_jwk))
    return dict(verify_jws(parse(compact).jwt, jwk, typ="dc+sd-jwt").payload)


def disclosed(compact: str, signer: TestSigner) -> dict[str, Any]:
    """Return the signed claims with every top-level disclosure put back, by digest."""
    claims = signed_claims(compact, signer)
    for disclosure in parse(compact).disclosures:
        assert sha256_b64u(disclosure.encode()) in claims["_sd"]
        _salt, name, value = json.loads(b64u_decode(disclosure))
        claims[name] = value
    return claims
