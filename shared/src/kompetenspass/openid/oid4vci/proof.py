"""Key proofs of type `jwt`: verified by issuers, built by wallets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kompetenspass.keys.api import Signer
from kompetenspass.openid import jose
from kompetenspass.openid.oid4vci.errors import invalid_proof

PROOF_TYP = "openid4vci-proof+jwt"
MAX_AGE_SECONDS = 300
LEEWAY_SECONDS = 60
_KEY_HEADERS = ("jwk", "kid", "x5c")


@dataclass(frozen=True)
class VerifiedProof:
    """A key that its holder has proved to hold: `jwk` has only the public members; `nonce` is yet to be spent."""

    jwk: Mapping[str, str]
    thumbprint: str
    nonce: str | None = field(repr=False)


def verify(
    proofs: Sequence[str],
    *,
    issuer: str,
    now: datetime,
    algs: Sequence[str] = ("ES256",),
    client_id: str | None = None,
    nonce_required: bool = True,
) -> tuple[VerifiedProof, ...]:
    """Return the verified proofs in order, each for another key; the caller spends their nonces.

    `client_id` is None for a token that was got anonymously: then no proof may have `iss`. Raises OAuthError
    `invalid_proof` for whatever is wrong with a proof itself, the lack of a nonce included; a nonce that the caller
    does not know is its own to refuse, with `invalid_nonce`.
    Source: OpenID4VCI, section 8.3.1.2, appendices F.1 and F.4.
    """
    if not proofs:
        raise invalid_proof("There are no proofs.")
    verified = tuple(_verify_one(proof, issuer, now, tuple(algs), client_id) for proof in proofs)
    if nonce_required and any(proof.nonce is None for proof in verified):
        raise invalid_proof("A proof has no nonce.")
    if len({proof.thumbprint for proof in verified}) != len(verified):
        raise invalid_proof("Two proofs are for the same key.")
    return verified


def build(signer: Signer, *, issuer: str, now: datetime, nonce: str | None, client_id: str | None = None) -> str:
    """Return a key proof for `issuer`, signed by the key that the credential shall be bound to.

    Source: OpenID4VCI, appendix F.1."""
    header: dict[str, object] = {"typ": PROOF_TYP, "alg": "ES256", "jwk": dict(signer.public_jwk)}
    payload: dict[str, object] = {"aud": issuer, "iat": int(now.timestamp())}
    if nonce is not None:
        payload["nonce"] = nonce
    if client_id is not None:
        payload["iss"] = client_id
    return jose.sign_jws(header, payload, signer)


def _verify_one(proof: str, issuer: str, now: datetime, algs: tuple[str, ...], client_id: str | None) -> VerifiedProof:
    try:
        opened = jose.open_jws(proof)
        named = _holder_jwk(opened.header)
        key = jose.public_key(named)
        payload = jose.verify_jws(opened, key, typ=PROOF_TYP, algs=algs).payload
        jose.check_times(payload, now, skew_seconds=LEEWAY_SECONDS, max_age_seconds=MAX_AGE_SECONDS)
    except jose.JoseError as refusal:
        raise invalid_proof(f"A proof is unsound: {refusal.title}", detail=refusal.code) from refusal
    _check_claims(payload, issuer, client_id)
    jwk = jose.own_members(named, key)
    return VerifiedProof(jwk, jose.thumbprint(jwk), _nonce(payload))


def _holder_jwk(header: Mapping[str, Any]) -> Any:
    """Return the `jwk` header: the only way that this issuer's metadata names, so `kid` and `x5c` are refused."""
    named = [name for name in _KEY_HEADERS if name in header]
    if named != ["jwk"]:
        raise invalid_proof("A proof must name its key by jwk, and by nothing else.")
    return header["jwk"]


def _check_claims(payload: Mapping[str, object], issuer: str, client_id: str | None) -> None:
    if payload.get("aud") != issuer:
        raise invalid_proof("A proof is for another audience.")
    if "iss" in payload and (client_id is None or payload["iss"] != client_id):
        raise invalid_proof("A proof has an iss that is not the client's.")


def _nonce(payload: Mapping[str, object]) -> str | None:
    nonce = payload.get("nonce")
    if nonce is None:
        return None
    if not isinstance(nonce, str) or not nonce:
        raise invalid_proof("The nonce of a proof is not a text.")
    return nonce
