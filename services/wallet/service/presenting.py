"""Answer a presentation request: the wallet as a holder in OpenID4VP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kompetenspass.core.errors import Problem
from kompetenspass.core.ids import random_token
from kompetenspass.events.envelope import Context
from kompetenspass.log.execute import execute
from kompetenspass.openid import jose, oid4vp, sdjwt
from kompetenspass.openid.oauth import OAuthError, json_object
from kompetenspass.openid.oid4vp import dcql
from kompetenspass.openid.sdjwt.process import process
from services.wallet.domain import account
from services.wallet.domain.showing import Choice, Shown, choose, shown_by
from services.wallet.service.ports import Answer, HeldCredential, Means

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Presented:
    """What became of an answer. `outcome` is `accepted` or `refused` by the verifier, `declined` by the wallet.

    `shown` is what was sent, whatever the verifier said to it.
    """

    outcome: str
    verifier: str
    error: str | None
    redirect_uri: str | None
    shown: tuple[Shown, ...]
    position: int


class Presenting:
    """Answers requests from the credentials of an account."""

    def __init__(self, means: Means) -> None:
        self._log = means.log
        self._vault = means.vault
        self._parties = means.parties
        self._anchors = means.anchors
        self._clock = means.clock
        self._loopback = means.allow_loopback_http

    async def answer(self, account_id: UUID, *, uri: str, share_parts: bool, context: Context) -> Presented:
        """Show the verifier what it needs and no more, with `share_parts` also what it only asks for; return what it
        said.

        Raises Problem: what an unauthentic or malformed request is refused with (the verifier is told only once it is
        authenticated), what reaching the verifier raises. Source: OpenID4VP 1.0, sections 5 to 8.
        """
        try:
            request = await self._request(uri)
        except oid4vp.RequestRefused as refusal:
            await self._tell(refusal)
            raise
        held = {credential.digest: credential for credential in reversed(await self._vault.held(account_id))}
        try:
            credentials = [_as_credential(credential) for credential in held.values()]
            choice = choose(request.query, credentials, share_parts=share_parts)
        except OAuthError as refusal:
            return await self._decline(request, refusal)
        return await self._show(account_id, request, held, choice, context)

    async def _request(self, uri: str) -> oid4vp.VerifiedRequest:
        invocation = oid4vp.parse_request_url(uri, allow_loopback_http=self._loopback)
        wallet_nonce = None
        if invocation.request_uri_method == "post":
            wallet_nonce = random_token()
            form = oid4vp.request_uri_form(wallet_nonce).encode()
            answer = await self._parties.post_body(invocation.request_uri, form, _FORM)
            token = _fetched(answer)
        else:
            token = await self._parties.document(invocation.request_uri, oid4vp.REQUEST_OBJECT_MEDIA_TYPE)
        return oid4vp.verify_request_object(
            token.decode("ascii", "replace"),
            invocation,
            anchors=self._anchors,
            now=self._clock(),
            wallet_nonce=wallet_nonce,
            allow_loopback_http=self._loopback,
        )

    async def _show(
        self,
        account_id: UUID,
        request: oid4vp.VerifiedRequest,
        held: Mapping[str, HeldCredential],
        choice: Choice,
        context: Context,
    ) -> Presented:
        """Bind and disclose, record that it is shown, then send: nothing leaves that the learner's log lacks."""
        presented = {
            query_id: [await self._bound(account_id, request, held[match.credential.key], match) for match in matches]
            for query_id, matches in choice.items()
        }
        shown = shown_by(choice)
        digests = [each.digest for each in shown]
        done = await execute(
            self._log,
            account.stream_of(account_id),
            initial=account.Account(),
            evolve=account.evolve,
            decide=lambda state: account.present(state, account_id, digests=digests, verifier=request.verifier_name),
            context=context,
        )
        form = oid4vp.vp_token_form(presented, request.state).encode()
        answer = await self._parties.post_body(request.response_uri, form, _FORM)
        return _judged(answer, request.verifier_name, shown, done.position)

    async def _bound(
        self, account_id: UUID, request: oid4vp.VerifiedRequest, credential: HeldCredential, match: dcql.Match
    ) -> str:
        key = await self._vault.key(account_id, credential.thumbprint)
        binding = sdjwt.KeyBinding(request.client_id, request.nonce, self._clock(), key)
        return sdjwt.present(credential.compact, match.paths, kb=binding)

    async def _decline(self, request: oid4vp.VerifiedRequest, refusal: OAuthError) -> Presented:
        form = oid4vp.error_form(refusal, request.state).encode()
        await self._parties.post_body(request.response_uri, form, _FORM)
        return Presented("declined", request.client_id, refusal.code, None, (), 0)

    async def _tell(self, refusal: oid4vp.RequestRefused) -> None:
        """Tell the verifier why its request is refused, if it is known to be its own. Source: OpenID4VP, 8.5."""
        if refusal.response_uri is not None:
            form = oid4vp.error_form(refusal, refusal.state).encode()
            await self._parties.post_body(refusal.response_uri, form, _FORM)


def _as_credential(held: HeldCredential) -> dcql.Credential:
    """Return a held credential as a query sees it. It was verified when it was received, and nobody changed it."""
    parts = sdjwt.parse(held.compact)
    processed = process(jose.parse_unverified(parts.jwt).payload, parts.disclosures)
    chain = jose.read_x5c(jose.header_x5c(sdjwt.parse_header(held.compact)))
    return dcql.Credential(
        format="dc+sd-jwt",
        types=frozenset({str(processed.claims["vct"])}),
        claims=processed.as_issued,
        authority_key_ids=dcql.authority_key_ids(chain),
        key=held.digest,
    )


def _fetched(answer: Answer) -> bytes:
    if answer.status != 200:
        raise Problem("request_missing", "The verifier does not hand out its request.", remedy="Ask for a new code.")
    return answer.body


def _judged(answer: Answer, verifier: str, shown: tuple[Shown, ...], position: int) -> Presented:
    if 200 <= answer.status < 300:
        return Presented("accepted", verifier, None, oid4vp.parse_response_answer(answer.body), shown, position)
    return Presented("refused", verifier, _error(answer.body), None, shown, position)


def _error(body: bytes) -> str:
    try:
        answer: Mapping[str, Any] = json_object(body, lambda title: Problem("unknown_error", title))
    except Problem:
        return "unknown_error"
    error = answer.get("error")
    return error if isinstance(error, str) and error.isascii() and 0 < len(error) <= 64 else "unknown_error"
