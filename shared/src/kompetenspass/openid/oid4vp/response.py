"""Authorization responses by `direct_post`: built by wallets, parsed and checked for structure by verifiers."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from kompetenspass.openid.oauth import OAuthError, form_parameters, json_object
from kompetenspass.openid.oid4vp.dcql import CredentialQuery, Query
from kompetenspass.openid.oid4vp.errors import ErrorCode, invalid_response

_ERROR = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,64}\Z")


@dataclass(frozen=True)
class VPTokenResponse:
    """A wallet's presentations: for each credential query its array, not yet held against the query."""

    vp_token: Mapping[str, object] = field(repr=False)
    state: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ErrorResponse:
    """A wallet's refusal; its free text is not kept."""

    error: str
    state: str | None = field(default=None, repr=False)


def parse_response(body: bytes) -> VPTokenResponse | ErrorResponse:
    """Return the response in a form body; unknown parameters are ignored.

    Raises OAuthError `invalid_request`, also for an encrypted response, as none is asked for.
    Source: OpenID4VP 1.0, sections 8.1, 8.2 and 8.5.
    """
    form = form_parameters(body, invalid_response)
    if "response" in form:
        raise invalid_response("This verifier did not ask for an encrypted response.")
    if ("vp_token" in form) == ("error" in form):
        raise invalid_response("The response needs either a vp_token or an error.")
    state = form.get("state")
    if "vp_token" in form:
        return VPTokenResponse(json_object(form["vp_token"], _not_an_object), state)
    if not _ERROR.match(form["error"]):
        raise invalid_response("The error is not an error code.")
    return ErrorResponse(form["error"], state)


def check_state(response: VPTokenResponse | ErrorResponse, state: str) -> None:
    """Raise OAuthError `invalid_request` unless the response carries the `state` of the request.

    Source: OpenID4VP 1.0, section 5.3."""
    if not hmac.compare_digest((response.state or "").encode(), state.encode()):
        raise invalid_response("The state is not that of the request.")


def presentations(response: VPTokenResponse, query: Query) -> dict[str, tuple[str, ...]]:
    """Return the presentations by credential query: the structure of the vp_token is then as it must be.

    Raises OAuthError `invalid_request` for an unknown id, no array, an empty one, several without `multiple`, or an
    entry that is no text. Source: OpenID4VP 1.0, sections 8.1 and 8.6, step 1.
    """
    if not response.vp_token:
        raise invalid_response("The vp_token is empty.")
    return {id_: _entry(query.credential(id_), found) for id_, found in response.vp_token.items()}


def vp_token_form(presented: Mapping[str, Sequence[str]], state: str | None) -> str:
    """Return the form body of a wallet's answer, and of nothing else than what was chosen.

    Source: OpenID4VP 1.0, section 8.2."""
    token = {id_: list(entries) for id_, entries in presented.items()}
    form = {"vp_token": json.dumps(token, separators=(",", ":"))}
    return urlencode(form | ({"state": state} if state is not None else {}))


def error_form(error: OAuthError, state: str | None) -> str:
    """Return the form body of a wallet's refusal; an error that OpenID4VP does not know becomes `invalid_request`.

    Source: OpenID4VP 1.0, sections 8.2 and 8.5."""
    code = error.code if error.code in set(ErrorCode) else ErrorCode.INVALID_REQUEST.value
    form = {"error": code, "error_description": error.title}
    return urlencode(form | ({"state": state} if state is not None else {}))


def response_answer(redirect_uri: str | None = None) -> dict[str, str]:
    """Return the JSON with which a verifier answers a response or an error that it has processed, with status 200.

    Source: OpenID4VP 1.0, section 8.2."""
    return {} if redirect_uri is None else {"redirect_uri": redirect_uri}


def parse_response_answer(body: bytes) -> str | None:
    """Return the `redirect_uri` to which a wallet must send its user, or None. Raises OAuthError `invalid_request`.

    Source: OpenID4VP 1.0, section 8.2."""
    redirect_uri = json_object(body, invalid_response).get("redirect_uri")
    if redirect_uri is not None and not isinstance(redirect_uri, str):
        raise invalid_response("The redirect_uri is not a text.")
    return redirect_uri


def _not_an_object(title: str) -> OAuthError:
    return invalid_response(f"The vp_token is not a JSON object. {title}")


def _entry(asked: CredentialQuery | None, found: object) -> tuple[str, ...]:
    if asked is None:
        raise invalid_response("The vp_token answers a credential query that was not asked.")
    if not isinstance(found, list) or not found:
        raise invalid_response("An entry of the vp_token is not a non-empty array.")
    if len(found) > 1 and not asked.multiple:
        raise invalid_response("An entry of the vp_token has several presentations.")
    if not all(isinstance(presentation, str) for presentation in found):
        raise invalid_response("A presentation is not a text.")
    return tuple(found)
