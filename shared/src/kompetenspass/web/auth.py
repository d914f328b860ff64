"""Who calls: bearer access tokens as JWT from configured issuers, and what a principal may do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Depends
from joserfc import jwk, jws
from joserfc.errors import JoseError
from starlette.requests import Request

from kompetenspass.core.clock import Clock
from kompetenspass.core.digest import b64u_decode
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.web.outbound import Fetched

_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_SKEW = timedelta(seconds=30)
_RELOAD_AFTER = timedelta(seconds=30)
_MAX_TOKEN_CHARACTERS = 8192
_MAX_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a valid token: an organisation's client in some roles. `subject` is an account, never a name."""

    org: str
    roles: frozenset[str]
    subject: str


class Fetches(Protocol):
    """What fetches a JWKS by URL."""

    async def get(
        self, url: str, *, accept: str = "application/json", max_bytes: int = 65536, timeout_seconds: float = 5
    ) -> Fetched:
        """Return the answer of a GET."""


async def principal(request: Request) -> Principal:
    """Return who calls, by the bearer token of the request; a FastAPI dependency.

    Raises Problem `unauthenticated` (401, WWW-Authenticate). Source: RFC 6750, RFC 9068 section 4.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _refused("There is no access token.", challenge="Bearer")
    tokens: AccessTokens = request.app.state.access_tokens
    return await tokens.verify(token.strip())


Caller = Annotated[Principal, Depends(principal)]
"""The type of a route's parameter that needs a valid token: `caller: Caller`."""


def require(caller: Principal, role: str, org: str | None = None) -> None:
    """Return if `caller` has `role` (and is `org`, if one is given).

    Raises Problem `forbidden` (403) for the role, `not_found` (404) for another organisation's thing.
    """
    if role not in caller.roles:
        raise Problem(
            "forbidden",
            f"This needs the role {role}.",
            kind=Kind.FORBIDDEN,
            remedy="Use a token with that role.",
            members={"role": role},
        )
    if org is not None and caller.org != org:
        raise not_found("resource")


class AccessTokens:
    """Verifies access tokens against the key sets of the configured issuers."""

    def __init__(self, issuers: Mapping[str, str], *, audience: str, clock: Clock, http: Fetches) -> None:
        self._issuers = dict(issuers)
        self._audience = audience
        self._clock = clock
        self._http = http
        self._keys: dict[str, dict[str, jwk.ECKey]] = {}
        self._loaded: dict[str, datetime] = {}
        self._seen: dict[bytes, Mapping[str, Any]] = {}

    async def verify(self, token: str) -> Principal:
        """Return the principal of a valid token. Raises Problem `unauthenticated`. Source: RFC 9068, section 4."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._seen.get(digest)
        if claims is None:
            claims = await self._verified(token)
            if len(self._seen) >= _MAX_REMEMBERED:
                self._seen.clear()
            self._seen[digest] = claims
        self._check_times(claims)
        return _principal_of(claims)

    async def _verified(self, token: str) -> Mapping[str, Any]:
        header, claims = _parsed(token)
        if str(header.get("typ", "")).lower() not in _TYPES or header.get("alg") != "ES256":
            raise _refused("The token is not an ES256 access token (at+jwt).")
        issuer, kid = claims.get("iss"), header.get("kid")
        if not isinstance(issuer, str) or issuer not in self._issuers or not isinstance(kid, str):
            raise _refused("The token's issuer or key is not known here.")
        key = await self._key(issuer, kid)
        try:
            jws.deserialize_compact(token, key, algorithms=["ES256"])
        except (JoseError, ValueError) as error:
            raise _refused("The token's signature does not hold.") from error
        if self._audience not in _as_list(claims.get("aud")):
            raise _refused("The token is for another audience.")
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now, skew = self._clock().timestamp(), _SKEW.total_seconds()
        if not _is_number(claims.get("exp")) or claims["exp"] <= now:
            raise _refused("The token has expired.")
        for name in ("nbf", "iat"):
            if name in claims and (not _is_number(claims[name]) or claims[name] > now + skew):
                raise _refused("The token is not valid yet.")

    async def _key(self, issuer: str, kid: str) -> jwk.ECKey:
        known = self._keys.get(issuer, {})
        if kid not in known and self._may_load(issuer):
            self._loaded[issuer] = self._clock()
            known = self._keys[issuer] = _key_set(await self._key_set_bytes(self._issuers[issuer]))
        if kid not in known:
            raise _refused("The token's issuer or key is not known here.")
        return known[kid]

    def _may_load(self, issuer: str) -> bool:
        loaded = self._loaded.get(issuer)
        return loaded is None or self._clock() - loaded >= _RELOAD_AFTER or not self._keys.get(issuer)

    async def _key_set_bytes(self, place: str) -> bytes:
        if place.startswith(("https://", "http://")):
            return (await self._http.get(place)).body
        try:
            return Path(place).read_bytes()  # noqa: ASYNC240  a small local file, read once per unknown key
        except OSError as error:
            raise _no_keys(str(error)) from error


def _parsed(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    parts = token.split(".")
    if len(token) > _MAX_TOKEN_CHARACTERS or len(parts) != 3:
        raise _refused("The token is not a JWT.")
    try:
        header, claims = (json.loads(b64u_decode(part)) for part in parts[:2])
    except (ValueError, RecursionError) as error:
        raise _refused("The token is not a JWT.") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _refused("The token is not a JWT.")
    return header, claims


def _key_set(raw: bytes) -> dict[str, jwk.ECKey]:
    try:
        entries = json.loads(raw)["keys"]
        keys = [jwk.ECKey.import_key(entry) for entry in entries if entry.get("crv") == "P-256"]
        return {key.kid or key.thumbprint(): key for key in keys}
    except (ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
        raise _no_keys(type(error).__name__) from error


def _principal_of(claims: Mapping[str, Any]) -> Principal:
    org, subject, roles = claims.get("org"), claims.get("sub"), claims.get("roles")
    if not isinstance(org, str) or not isinstance(subject, str) or not isinstance(roles, list):
        raise _refused("The token lacks sub, org or roles.")
    return Principal(org, frozenset(str(role) for role in roles), subject)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused(title: str, challenge: str = 'Bearer error="invalid_token"') -> Problem:
    return Problem(
        "unauthenticated",
        title,
        kind=Kind.UNAUTHENTICATED,
        remedy="Send a valid access token: Authorization: Bearer ….",
        headers={"WWW-Authenticate": challenge},
    )


def _no_keys(detail: str) -> Problem:
    return Problem(
        "token_keys_unavailable",
        "The keys that access tokens are checked with cannot be read.",
        kind=Kind.UNAVAILABLE,
        remedy="Try again later; the operator checks token_issuers.",
        detail=detail,
    )
