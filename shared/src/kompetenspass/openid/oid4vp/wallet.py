"""Authorization requests as a wallet reads them: the URL that invoked it, and the request object, authenticated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from kompetenspass.openid import jose
from kompetenspass.openid.oauth import checked_url, unique_parameters
from kompetenspass.openid.oid4vp.dcql import InvalidQuery, Query, parse
from kompetenspass.openid.oid4vp.errors import ErrorCode, RequestRefused, invalid_request
from kompetenspass.openid.oid4vp.request import REQUEST_OBJECT_TYP, SCHEME, STATIC_DISCOVERY_AUDIENCE

_SCHEMES = (SCHEME, "haip-vp")
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+\Z")
_DNS_NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\Z")
_FORMAT = "dc+sd-jwt"


@dataclass(frozen=True)
class Invocation:
    """What a wallet learns from the URL: where the request object lies, and who claims to have signed it."""

    client_id: str
    request_uri: str
    request_uri_method: Literal["get", "post"] = "get"


@dataclass(frozen=True)
class VerifiedRequest:
    """An authenticated request: answer it to `response_uri`, bound to the full `client_id` and the `nonce`."""

    client_id: str
    response_uri: str
    nonce: str = field(repr=False)
    state: str | None = field(repr=False)
    query: Query
    certificate: x509.Certificate = field(repr=False)

    @property
    def verifier_name(self) -> str:
        """What the verifier's certificate calls it, for people; its client_id where the certificate has no name."""
        names = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if names else self.client_id


def parse_request_url(url: str, *, allow_loopback_http: bool = False) -> Invocation:
    """Return what the URL that invoked the wallet says; parameters beyond the three are ignored.

    Raises RequestRefused `invalid_request` or `invalid_request_uri_method`. Source: OpenID4VP 1.0, section 5.1.
    """
    parameters = _parameters(url)
    if "client_id" not in parameters or "request_uri" not in parameters:
        raise invalid_request("The request has no client_id or no request_uri.")
    method = parameters.get("request_uri_method", "get")
    if method not in ("get", "post"):
        raise RequestRefused(ErrorCode.INVALID_REQUEST_URI_METHOD, "request_uri_method is neither get nor post.")
    request_uri = checked_url(parameters["request_uri"], invalid_request, allow_loopback_http=allow_loopback_http)
    return Invocation(parameters["client_id"], request_uri, "post" if method == "post" else "get")


def request_uri_form(wallet_nonce: str) -> str:
    """Return the form that a wallet posts to a request_uri whose method is post. Source: OpenID4VP 1.0, 5.10."""
    return urlencode({"wallet_nonce": wallet_nonce})


def verify_request_object(
    token: str,
    invocation: Invocation,
    *,
    anchors: Sequence[x509.Certificate],
    now: datetime,
    wallet_nonce: str | None = None,
    allow_loopback_http: bool = False,
) -> VerifiedRequest:
    """Return the authenticated request; only what stands in the request object counts.

    `wallet_nonce` is what the wallet posted to the request_uri. Raises RequestRefused; its `response_uri` is set
    only if the verifier was authenticated before the fault was found.
    Source: OpenID4VP 1.0, sections 5, 5.9, 5.10 and 8.2; RFC 9101, section 6.
    """
    try:
        leaf, payload = _authenticated(token, invocation.client_id, anchors, now)
    except jose.JoseError as refusal:
        title = f"The request object is not authentic: {refusal.title}"
        raise invalid_request(title, detail=refusal.code) from refusal
    if payload.get("client_id") != invocation.client_id:
        raise invalid_request("The client_id of the URL is not that of the request object.")
    if wallet_nonce is not None and payload.get("wallet_nonce") != wallet_nonce:
        raise invalid_request("The request object does not repeat the wallet_nonce.")
    response_uri = _response_uri(payload, invocation.client_id, allow_loopback_http=allow_loopback_http)
    state = _url_safe(payload, "state")
    try:
        query = _checked_query(payload, state)
        return VerifiedRequest(invocation.client_id, response_uri, _nonce(payload), state, query, leaf)
    except RequestRefused as refusal:
        raise refusal.reported_to(response_uri, state) from refusal.__cause__


def _parameters(url: str) -> dict[str, str]:
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError as error:
        raise invalid_request("The URL cannot be read.") from error
    if parts.scheme not in _SCHEMES:
        raise invalid_request("The URL is not a presentation request.")
    return unique_parameters(pairs, invalid_request)


def _authenticated(
    token: str, client_id: str, anchors: Sequence[x509.Certificate], now: datetime
) -> tuple[x509.Certificate, Mapping[str, object]]:
    """Return the leaf and the claims: prefix, typ, chain, the leaf's tie to the client id, signature, times."""
    prefix, _, name = client_id.partition(":")
    if prefix not in ("x509_hash", "x509_san_dns"):
        raise invalid_request("The prefix of the client_id is not supported.")
    header = jose.parse_header(token)
    jose.check_typ(header, REQUEST_OBJECT_TYP)
    if prefix == "x509_san_dns" and not _DNS_NAME.match(name):
        raise invalid_request("The client_id is not a DNS name.")
    leaf = jose.verify_chain(jose.header_x5c(header), anchors, now, san_dns=name if prefix == "x509_san_dns" else None)
    if prefix == "x509_hash" and jose.x509_hash(leaf) != name:
        raise invalid_request("The client_id is not the hash of the certificate.")
    payload = jose.verify_jws(token, jose.leaf_key(leaf), typ=REQUEST_OBJECT_TYP).payload
    jose.check_times(payload, now)
    return leaf, payload


def _response_uri(payload: Mapping[str, object], client_id: str, *, allow_loopback_http: bool) -> str:
    """Return where to answer, once it is known to be the authenticated verifier's."""
    if payload.get("response_mode") != "direct_post":
        raise invalid_request("The response_mode is not direct_post.")
    found = payload.get("response_uri")
    if not isinstance(found, str):
        raise invalid_request("The response_uri is missing.")
    response_uri = checked_url(found, invalid_request, allow_loopback_http=allow_loopback_http)
    prefix, _, name = client_id.partition(":")
    if prefix == "x509_san_dns" and urlsplit(response_uri).hostname != name.lower():
        raise invalid_request("The response_uri is not at the host of the client_id.")
    return response_uri


def _checked_query(payload: Mapping[str, object], state: str | None) -> Query:
    """Check the rest of the request, of which the verifier may be told."""
    if "redirect_uri" in payload:
        raise invalid_request("redirect_uri stands beside direct_post.")
    if payload.get("response_type") != "vp_token":
        raise invalid_request("The response_type is not vp_token.")
    if payload.get("aud", STATIC_DISCOVERY_AUDIENCE) not in (STATIC_DISCOVERY_AUDIENCE, [STATIC_DISCOVERY_AUDIENCE]):
        raise invalid_request("The request object is for another audience.")
    if "transaction_data" in payload:
        raise RequestRefused(ErrorCode.INVALID_TRANSACTION_DATA, "This wallet knows no type of transaction data.")
    query = _query(payload)
    if query.needs_state and state is None:
        raise invalid_request("Without holder binding the request needs a state.")
    _check_formats(payload.get("client_metadata"), query)
    return query


def _query(payload: Mapping[str, object]) -> Query:
    if "dcql_query" not in payload or "scope" in payload:
        raise invalid_request("The request needs a dcql_query and no scope.")
    try:
        return parse(payload["dcql_query"])
    except InvalidQuery as fault:
        raise invalid_request(fault.title, detail=f"{fault.fault.value} {fault.path}") from fault


def _nonce(payload: Mapping[str, object]) -> str:
    nonce = _url_safe(payload, "nonce")
    if nonce is None:
        raise invalid_request("The nonce is missing.")
    return nonce


def _url_safe(payload: Mapping[str, object], name: str) -> str | None:
    found = payload.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or not _URL_SAFE.match(found):
        raise invalid_request(f"The {name} is not a URL-safe text.")
    return found


def _check_formats(client_metadata: object, query: Query) -> None:
    """Raise `vp_formats_not_supported` if no format asked for, or accepted by the verifier, is one that is held."""
    refusal = RequestRefused(ErrorCode.VP_FORMATS_NOT_SUPPORTED, f"This wallet only presents {_FORMAT} in ES256.")
    if all(credential.format != _FORMAT for credential in query.credentials):
        raise refusal
    formats = client_metadata.get("vp_formats_supported") if isinstance(client_metadata, Mapping) else None
    if formats is None:
        return
    accepted = formats.get(_FORMAT) if isinstance(formats, Mapping) else None
    if not isinstance(accepted, Mapping):
        raise refusal
    for name in ("sd-jwt_alg_values", "kb-jwt_alg_values"):
        algs = accepted.get(name)
        if algs is not None and not (isinstance(algs, list) and "ES256" in algs):
            raise refusal
