"""Authorization requests as a verifier builds them: the signed request object and the URL that leads to it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal
from urllib.parse import urlencode

from kompetenspass.keys.api import Signer
from kompetenspass.openid import jose
from kompetenspass.openid.oauth import form_parameters
from kompetenspass.openid.oid4vp.dcql import parse
from kompetenspass.openid.oid4vp.errors import invalid_response

REQUEST_OBJECT_TYP = "oauth-authz-req+jwt"
REQUEST_OBJECT_MEDIA_TYPE = "application/oauth-authz-req+jwt"
STATIC_DISCOVERY_AUDIENCE = "https://self-issued.me/v2"
SCHEME = "openid4vp"
MAX_WALLET_NONCE = 512
VP_FORMATS_SUPPORTED: Mapping[str, object] = {
    "dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}
}
_UNGUESSABLE = re.compile(r"[A-Za-z0-9._~-]{22,43}\Z")


@dataclass(frozen=True)
class AuthorizationRequest:
    """What one request says. `nonce` and `state` are fresh: 128 bits or more as 22 to 43 URL-safe characters."""

    client_id: str
    response_uri: str
    nonce: str = field(repr=False)
    state: str = field(repr=False)
    dcql_query: Mapping[str, object]


def x509_hash_client_id(x5c: Sequence[str]) -> str:
    """Return the client identifier of a verifier whose key has this certificate chain.

    Raises JoseError `bad_x5c`. Source: OpenID4VP 1.0, section 5.9.3."""
    return _client_id(tuple(x5c))


@lru_cache(maxsize=64)
def _check_query(text: str) -> None:
    """Raise InvalidQuery for a query that is not valid; verifiers ask the same again and again, so it is read once."""
    parse(json.loads(text))


@lru_cache(maxsize=16)
def _client_id(x5c: tuple[str, ...]) -> str:
    """Return the client identifier: a verifier has few chains, and asks for this at every request."""
    return f"x509_hash:{jose.x509_hash(jose.read_x5c(list(x5c))[0])}"


def request_object(
    request: AuthorizationRequest,
    *,
    signer: Signer,
    now: datetime,
    ttl_seconds: int,
    wallet_nonce: str | None = None,
) -> str:
    """Return the signed request object, with the signer's chain in `x5c` and the wallet's nonce if it sent one.

    Raises ValueError for a guessable `nonce` or `state`, InvalidQuery for a query that is not valid.
    Source: OpenID4VP 1.0, sections 5 to 5.2, 5.8 and 5.10; RFC 9101, section 4.
    """
    for value in (request.nonce, request.state):
        if not _UNGUESSABLE.match(value):
            raise ValueError("nonce and state need 22 to 43 URL-safe characters")
    _check_query(jose.json_text(request.dcql_query))
    issued = int(now.timestamp())
    payload: dict[str, object] = {
        "client_id": request.client_id,
        "response_type": "vp_token",
        "response_mode": "direct_post",
        "response_uri": request.response_uri,
        "nonce": request.nonce,
        "state": request.state,
        "aud": STATIC_DISCOVERY_AUDIENCE,
        "dcql_query": request.dcql_query,
        "client_metadata": {"vp_formats_supported": VP_FORMATS_SUPPORTED},
        "iat": issued,
        "exp": issued + ttl_seconds,
    }
    if wallet_nonce is not None:
        payload["wallet_nonce"] = wallet_nonce
    return jose.sign_jws({"typ": REQUEST_OBJECT_TYP, "x5c": list(signer.x5c)}, payload, signer)


def request_url(
    client_id: str,
    request_uri: str,
    request_uri_method: Literal["get", "post"] | None = None,
    endpoint: str = f"{SCHEME}://",
) -> str:
    """Return the URL that invokes a wallet; it holds nothing that the request object holds, but the client id.

    Source: OpenID4VP 1.0, sections 5.7 and 10; RFC 9101, section 5.2.
    """
    parameters = {"client_id": client_id, "request_uri": request_uri}
    if request_uri_method is not None:
        parameters["request_uri_method"] = request_uri_method
    return f"{endpoint}?{urlencode(parameters)}"


def parse_request_uri_form(body: bytes) -> str | None:
    """Return the `wallet_nonce` of a wallet's POST to the request_uri, or None; whatever else it sends is ignored.

    Raises OAuthError `invalid_request`. Source: OpenID4VP 1.0, section 5.10.
    """
    wallet_nonce = form_parameters(body, invalid_response).get("wallet_nonce")
    if wallet_nonce is not None and len(wallet_nonce) > MAX_WALLET_NONCE:
        raise invalid_response("wallet_nonce is too long.")
    return wallet_nonce
