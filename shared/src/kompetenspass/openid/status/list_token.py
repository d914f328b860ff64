"""The Status List Token in JWT form: made by the registry, verified by everyone else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from kompetenspass.keys.api import Signer
from kompetenspass.openid.jose.jwk import PublicKey
from kompetenspass.openid.jose.jws import ES256_ONLY, parse_header, sign_jws, verify_jws
from kompetenspass.openid.jose.times import SKEW_SECONDS, check_times, numeric_date
from kompetenspass.openid.jose.x5c import header_x5c, leaf_key, verify_chain
from kompetenspass.openid.status.bits import MAX_BYTES, StatusList, decode, get
from kompetenspass.openid.status.errors import StatusError

TYP = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"
MAX_CHARS = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StatusListToken:
    """A verified status list token; the times are seconds since 1970, `ttl_seconds` is how long it may be cached."""

    uri: str
    status_list: StatusList
    issued_at: float
    expires_at: float | None
    ttl_seconds: float | None

    def get(self, idx: int) -> int:
        """Return the status value at `idx`. Raises StatusError `status_index_out_of_range`."""
        return get(self.status_list, idx)

    def fresh_until(self, fetched_at: datetime, default_ttl_seconds: float = 0) -> float:
        """Return until when it may be cached, in seconds since 1970. Source: Token Status List, section 13.7."""
        ttl = default_ttl_seconds if self.ttl_seconds is None else self.ttl_seconds
        until = fetched_at.timestamp() + ttl
        return until if self.expires_at is None else min(until, self.expires_at)


def token(
    lst: str,
    bits: int,
    *,
    uri: str,
    signer: Signer,
    issued_at: datetime,
    expires_at: datetime | None = None,
    ttl_seconds: int | None = None,
    aggregation_uri: str | None = None,
    header: Mapping[str, object] | None = None,
) -> str:
    """Return the signed token of an encoded list: `sub` is its `uri`, `x5c` the signer's chain without the anchor.

    `header` adds to the protected header. Source: Token Status List, section 5.1; HAIP 1.0 on status lists.
    """
    status_list: dict[str, object] = {"bits": bits, "lst": lst}
    if aggregation_uri is not None:
        status_list["aggregation_uri"] = aggregation_uri
    claims: dict[str, object] = {"sub": uri, "iat": int(issued_at.timestamp()), "status_list": status_list}
    if expires_at is not None:
        claims["exp"] = int(expires_at.timestamp())
    if ttl_seconds is not None:
        claims["ttl"] = ttl_seconds
    head: dict[str, object] = {"alg": "ES256", "typ": TYP, "kid": signer.kid}
    if signer.x5c:
        head["x5c"] = list(signer.x5c)
    return sign_jws({**head, **(header or {})}, claims, signer)


def _ttl(claims: Mapping[str, object]) -> float | None:
    ttl = numeric_date(claims, "ttl")
    if ttl is not None and ttl <= 0:
        raise StatusError("status_token_malformed", "`ttl` is not a positive number of seconds.")
    return ttl


def verify_token(
    compact: object,
    *,
    uri: str,
    key: PublicKey,
    now: datetime,
    algs: Collection[str] = ES256_ONLY,
    max_bytes: int = MAX_BYTES,
    skew_seconds: float = SKEW_SECONDS,
) -> StatusListToken:
    """Return the token that `uri` names, signed by `key`, which the caller trusts for it, and not expired.

    Raises JoseError, StatusError `status_token_malformed`, `status_token_subject_mismatch`, `status_list_malformed`,
    `status_list_too_large`. Source: Token Status List, section 8.3, steps 3 to 5.
    """
    claims = verify_jws(compact, key, typ=TYP, algs=algs, max_chars=MAX_CHARS).payload
    if not isinstance(claims.get("sub"), str) or "iat" not in claims:
        raise StatusError("status_token_malformed", "The status list token lacks `sub` or `iat`.")
    if claims["sub"] != uri:
        raise StatusError("status_token_subject_mismatch", "The status list token is for another list.")
    check_times(claims, now, skew_seconds=skew_seconds)
    status_list = claims.get("status_list")
    if not isinstance(status_list, dict):
        raise StatusError("status_token_malformed", "The status list token has no `status_list`.")
    decoded = decode(status_list.get("lst"), status_list.get("bits"), max_bytes=max_bytes)
    issued_at = numeric_date(claims, "iat")
    assert issued_at is not None  # `iat` is there, and check_times has read it
    return StatusListToken(uri, decoded, issued_at, numeric_date(claims, "exp"), _ttl(claims))


def verify_token_by_x5c(
    compact: object,
    *,
    uri: str,
    anchors: Sequence[x509.Certificate],
    now: datetime,
    algs: Collection[str] = ES256_ONLY,
    max_bytes: int = MAX_BYTES,
) -> StatusListToken:
    """Return the token that `uri` names, signed by the leaf of its `x5c`, which leads to one of `anchors`.

    Raises as `verify_token` and `verify_chain`. Source: HAIP 1.0 on status lists; Token Status List, section 11.3.
    """
    header = parse_header(compact, max_chars=MAX_CHARS)
    leaf = verify_chain(header_x5c(header), anchors, now)
    return verify_token(compact, uri=uri, key=leaf_key(leaf), now=now, algs=algs, max_bytes=max_bytes)
