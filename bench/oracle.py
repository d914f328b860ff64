"""Another library than ours, which says whether what was issued is signed as it claims to be."""

from __future__ import annotations

import base64
import json
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from bench.wallet import Held


def signed_as_said(held: Held) -> bool:
    """Return whether the leaf of its `x5c` signed the credential, and it is bound to the wallet's key."""
    compact = held.credential.partition("~")[0]
    (leaf, *_) = json.loads(_decoded(compact.partition(".")[0]))["x5c"]
    token = JWS()
    try:
        token.deserialize(compact, _key(leaf), alg="ES256")
    except JWException:
        return False
    bound = json.loads(token.payload)["cnf"]["jwk"]
    return all(bound[name] == value for name, value in held.key.public_jwk.items())


@lru_cache
def _key(leaf: str) -> JWK:
    public = x509.load_der_x509_certificate(base64.b64decode(leaf)).public_key()
    return JWK.from_pem(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
