"""Signed tokens, public keys and certificate chains: JWS, JWK, `x5c` and the time claims, strict and without I/O."""

from kompetenspass.openid.jose.encoding import b64u_decode_strict, b64u_encode, json_text, strict_json
from kompetenspass.openid.jose.errors import JoseCode, JoseError
from kompetenspass.openid.jose.jwk import PublicKey, jwk_of, own_members, public_key, thumbprint
from kompetenspass.openid.jose.jws import (
    ES256_ONLY,
    MAX_CHARS,
    OpenJWS,
    Unverified,
    Verified,
    check_typ,
    open_jws,
    parse_header,
    parse_unverified,
    sign_jws,
    verify_jws,
)
from kompetenspass.openid.jose.times import SKEW_SECONDS, check_times, numeric_date
from kompetenspass.openid.jose.x5c import (
    header_x5c,
    leaf_key,
    load_anchors,
    read_x5c,
    san_uris,
    verify_chain,
    x5c_of,
    x509_hash,
)

__all__ = [
    "ES256_ONLY",
    "MAX_CHARS",
    "SKEW_SECONDS",
    "JoseCode",
    "JoseError",
    "OpenJWS",
    "PublicKey",
    "Unverified",
    "Verified",
    "b64u_decode_strict",
    "b64u_encode",
    "check_times",
    "check_typ",
    "header_x5c",
    "json_text",
    "jwk_of",
    "leaf_key",
    "load_anchors",
    "numeric_date",
    "open_jws",
    "own_members",
    "parse_header",
    "parse_unverified",
    "public_key",
    "read_x5c",
    "san_uris",
    "sign_jws",
    "strict_json",
    "thumbprint",
    "verify_chain",
    "verify_jws",
    "x5c_of",
    "x509_hash",
]
