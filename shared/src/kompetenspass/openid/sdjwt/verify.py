"""Verify an SD-JWT, an SD-JWT VC, and a presentation with key binding."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kompetenspass.openid.jose.jwk import PublicKey, public_key
from kompetenspass.openid.jose.jws import ES256_ONLY, Verified, verify_jws
from kompetenspass.openid.jose.times import SKEW_SECONDS, check_times
from kompetenspass.openid.sdjwt.errors import SDJWTError
from kompetenspass.openid.sdjwt.issue import sha256_b64u
from kompetenspass.openid.sdjwt.parse import MAX_CHARS, OpenSDJWT, Parts, digester, parse
from kompetenspass.openid.sdjwt.paths import NEVER_DISCLOSABLE
from kompetenspass.openid.sdjwt.process import Processed, process

VC_TYPES = ("dc+sd-jwt", "vc+sd-jwt")
"""The types of an SD-JWT VC; the second is the older name, accepted but never issued."""

KB_MAX_AGE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class VerifiedSDJWT:
    """An SD-JWT whose signature, disclosures and times held. `claims` has the disclosed claims in their places."""

    header: dict[str, Any]
    payload: dict[str, Any]
    processed: Processed
    parts: Parts

    @property
    def digest(self) -> str:
        """The digest that names this copy: of its issuer-signed part."""
        return sha256_b64u(self.parts.jwt)

    @property
    def claims(self) -> dict[str, Any]:
        """The Processed SD-JWT Payload."""
        return self.processed.claims

    @property
    def disclosed(self) -> frozenset[tuple[str | int | None, ...]]:
        """The paths, as issued, of the claims that came from disclosures."""
        return frozenset(self.processed.disclosed)


def verify_sd_jwt(
    compact: object,
    *,
    issuer_key: PublicKey,
    now: datetime,
    typ: str | Collection[str] | None,
    algs: Collection[str] = ES256_ONLY,
    skew_seconds: float = SKEW_SECONDS,
) -> VerifiedSDJWT:
    """Return a verified SD-JWT of any profile; key binding is not judged. `compact`: text, or what `open_sd_jwt` made.

    The caller has tied `issuer_key` to the issuer. Raises JoseError or SDJWTError. Source: RFC 9901, section 7.1.
    """
    opened = compact if isinstance(compact, OpenSDJWT) else None
    parts = opened.parts if opened else parse(compact)
    jwt = opened.jwt if opened else parts.jwt
    header, payload = verify_jws(jwt, issuer_key, typ=typ, algs=algs, max_chars=MAX_CHARS)
    processed = process(payload, parts.disclosures)
    check_times(processed.claims, now, skew_seconds=skew_seconds)
    return VerifiedSDJWT(header, payload, processed, parts)


def verify(
    compact: object,
    *,
    issuer_key: PublicKey,
    now: datetime,
    algs: Collection[str] = ES256_ONLY,
    skew_seconds: float = SKEW_SECONDS,
) -> VerifiedSDJWT:
    """Return a verified SD-JWT VC; key binding is not judged (see `verify_kb` and `refuse_kb`).

    `compact`: text, or what `open_sd_jwt` made. Raises JoseError or SDJWTError. Source: SD-JWT VC, section 2.4.
    """
    verified = verify_sd_jwt(
        compact, issuer_key=issuer_key, now=now, typ=VC_TYPES, algs=algs, skew_seconds=skew_seconds
    )
    if not NEVER_DISCLOSABLE.isdisjoint([path[0] for path in verified.processed.disclosed]):
        raise SDJWTError("claim_not_disclosable", "A registered claim came in a disclosure.")
    vct = verified.claims.get("vct")
    if not isinstance(vct, str) or not vct:
        raise SDJWTError("vct_missing", "The SD-JWT VC has no claim `vct`.")
    return verified


def refuse_kb(verified: VerifiedSDJWT) -> None:
    """Raise SDJWTError `kb_jwt_unexpected` where a holder receives an SD-JWT+KB. Source: RFC 9901, section 7.2."""
    if verified.parts.kb_jwt is not None:
        raise SDJWTError("kb_jwt_unexpected", "An issued credential must not carry a key binding.")


def holder_key(verified: VerifiedSDJWT) -> PublicKey:
    """Return the key in `cnf.jwk`. Raises SDJWTError `holder_key_missing`, JoseError `bad_jwk`."""
    cnf = verified.claims.get("cnf")
    if not isinstance(cnf, dict) or "jwk" not in cnf:
        raise SDJWTError("holder_key_missing", "The credential names no holder key in `cnf.jwk`.")
    return public_key(cnf["jwk"])


def _same(left: object, right: str) -> bool:
    return isinstance(left, str) and hmac.compare_digest(left.encode("utf-8"), right.encode("utf-8"))


def verify_kb(
    verified: VerifiedSDJWT,
    *,
    aud: str,
    nonce: str,
    now: datetime,
    algs: Collection[str] = ES256_ONLY,
    max_age_seconds: float = KB_MAX_AGE_SECONDS,
    skew_seconds: float = SKEW_SECONDS,
) -> Verified:
    """Return header and claims of the key binding, which must be there, be the holder's, and fit this transaction.

    `aud` is the verifier's full identifier. Raises SDJWTError `kb_jwt_missing`, `holder_key_missing`,
    `kb_aud_mismatch`, `kb_nonce_mismatch`, `kb_sd_hash_mismatch`; JoseError.
    Source: RFC 9901, section 7.3, step 5, whose order the steps here keep.
    """
    if verified.parts.kb_jwt is None:
        raise SDJWTError("kb_jwt_missing", "The presentation has no key binding.", remedy="Sign a KB-JWT.")
    # 1 the holder's key; 2 to 4 algorithm, signature and typ
    binding = verify_jws(verified.parts.kb_jwt, holder_key(verified), typ="kb+jwt", algs=algs)
    claims = binding.payload
    # 5 and 8 the time of creation, and every other time claim
    check_times(claims, now, skew_seconds=skew_seconds, required=("iat",), max_age_seconds=max_age_seconds)
    # 6 this verifier, this transaction
    if not _same(claims.get("aud"), aud):
        raise SDJWTError("kb_aud_mismatch", "The key binding is for another verifier.")
    if not _same(claims.get("nonce"), nonce):
        raise SDJWTError("kb_nonce_mismatch", "The key binding is for another request.")
    # 7 exactly these disclosures
    if not _same(claims.get("sd_hash"), digester(verified.payload)(verified.parts.presented)):
        raise SDJWTError("kb_sd_hash_mismatch", "The key binding covers another presentation.")
    return binding


def verify_presentation(
    compact: object,
    *,
    issuer_key: PublicKey,
    aud: str,
    nonce: str,
    now: datetime,
    algs: Collection[str] = ES256_ONLY,
) -> VerifiedSDJWT:
    """Return a verified SD-JWT VC whose key binding is for `aud` and `nonce`. Raises as `verify` and `verify_kb`."""
    verified = verify(compact, issuer_key=issuer_key, now=now, algs=algs)
    verify_kb(verified, aud=aud, nonce=nonce, now=now, algs=algs)
    return verified
