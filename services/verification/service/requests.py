"""Ask a wallet for credentials, hand the signed request out, judge the answer, tell the verifier once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.events.envelope import Actor, Context
from kompetenspass.events.verification import PresentationJudged
from kompetenspass.keys.api import Signer
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Decision, Done, execute, fold
from kompetenspass.openid import mikromerit, oid4vp
from kompetenspass.openid.oid4vp import dcql
from services.verification.domain import presentation
from services.verification.domain.checks import Check, Outcome, Verdict
from services.verification.domain.presentation import Asked, Presentation
from services.verification.service.answers import claims_of, declined, definitions_of, with_set
from services.verification.service.deep import query_of_stack
from services.verification.service.judge import Binding, Judge
from services.verification.service.ports import Facts, State, Vault

_KNOWN_ERRORS = frozenset(code.value for code in oid4vp.ErrorCode)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings say about requests."""

    base_url: str
    catalog_url: str
    ttl_seconds: int
    fetches: int
    claims_ttl_seconds: int


@dataclass(frozen=True, slots=True)
class Created:
    """A new request: `uri` invokes a wallet."""

    request_id: UUID
    uri: str
    request_uri: str
    client_id: str
    expires_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class View:
    """What the verifier may know of its request; `claims` only at the first reading after success."""

    state: str
    verdict: Mapping[str, Any] | None
    claims: Mapping[str, Any] | None


class Requests:
    """The use cases of requests for presentations."""

    def __init__(
        self,
        log: Log,
        facts: Facts,
        state: State,
        vault: Vault,
        judge: Judge,
        clock: Clock,
        *,
        signer: Callable[[], Signer],
        policy: Policy,
    ) -> None:
        self._log = log
        self._facts = facts
        self._state = state
        self._vault = vault
        self._judge = judge
        self._clock = clock
        self._signer = signer
        self._policy = policy

    async def definition_query(self, definition_id: str, claims: Sequence[Sequence[Any]]) -> Mapping[str, Any]:
        """Return the query for one merit by a definition, with further claims. Raises Problem `not_found`."""
        urn = await self._facts.urn_of(definition_id)
        paths = [tuple(path) for path in claims]
        return dcql.definition_query(vct=mikromerit.vct(self._policy.catalog_url), definition=urn, claims=paths)

    async def deep_query(self, pathway_id: str, claims: Sequence[Sequence[Any]]) -> Mapping[str, Any]:
        """Return the query for an award of a pathway and what its newest rule names.

        Raises Problem `not_found`, also for what is no pathway, and PathwayMalformed for a rule that cannot be read.
        """
        vct, paths = mikromerit.vct(self._policy.catalog_url), [tuple(path) for path in claims]
        return await query_of_stack(self._facts, pathway_id, vct=vct, claims=paths)

    async def create(
        self,
        org: str,
        query: Mapping[str, Any],
        context: Context,
        ttl_seconds: int | None = None,
        *,
        deep: bool = False,
    ) -> Created:
        """Return the new request of a verifier. Raises InvalidQuery for a query that cannot be sent.

        `deep`: the query asks for an award and its parts, as `deep_query` made it.
        """
        asked = presentation.question_of(query)
        request_id = uuid7()
        expires_at = self._clock() + timedelta(seconds=ttl_seconds or self._policy.ttl_seconds)
        await self._state.put(Asked(request_id, org, random_token(), random_token(), asked, expires_at, deep))
        done = await self._do(
            request_id,
            lambda state: presentation.request(
                state,
                request_id=request_id,
                verifier_org=org,
                definitions=definitions_of(asked.query),
                expires_at=expires_at,
            ),
            context,
            folded=(presentation.INITIAL, 0),  # its id is new, and so is its stream
        )
        request_uri, client_id = f"{self._policy.base_url}/requests/{request_id}", self._client_id()
        uri = oid4vp.request_url(client_id, request_uri)
        return Created(request_id, uri, request_uri, client_id, expires_at, done.position)

    async def request_object(self, request_id: UUID, wallet_nonce: str | None) -> str:
        """Return the signed request object. Raises Problem `not_found`, `request_expired`, `request_fetched`."""
        now = self._clock()
        asked = await self._state.fetch(request_id, self._policy.fetches, now)
        if asked is None:
            raise _not_to_be_fetched(await self._asked(request_id), now)
        request = oid4vp.AuthorizationRequest(
            client_id=self._client_id(),
            response_uri=f"{self._policy.base_url}/responses/{request_id}",
            nonce=asked.nonce,
            state=asked.state,
            dcql_query=asked.dcql_query,
        )
        left_seconds = max(1, int((asked.expires_at - now).total_seconds()))
        return oid4vp.request_object(
            request, signer=self._signer(), now=now, ttl_seconds=left_seconds, wallet_nonce=wallet_nonce
        )

    async def answer(self, request_id: UUID, body: bytes, correlation_id: str) -> dict[str, str]:
        """Return what a wallet is told whose answer holds, or whose refusal was noted.

        Raises Problem: for every other answer, with the reason of the first check that did not hold.
        """
        # 1 a known request, and the wallet that fetched it
        asked = await self._asked(request_id)
        response = oid4vp.parse_response(body)
        oid4vp.check_state(response, asked.state)
        folded = await fold(self._log, presentation.stream(request_id), presentation.INITIAL, presentation.evolve)
        presentation.check_open(folded[0], self._clock())
        context = Context(Actor("anonymous", "wallet"), self._clock(), correlation_id)
        # 2 a refusal by the learner
        if isinstance(response, oid4vp.ErrorResponse):
            code = response.error if response.error in _KNOWN_ERRORS else "other"
            await self._record(request_id, "declined", (code,), declined(code), {}, context, folded)
            return oid4vp.response_answer()
        # 3 structure, each presentation, the set
        verdict, claims = await self._judged(asked, response)
        # 4 the verdict is kept, then stated; of two good answers at once one is too late
        await self._record(request_id, verdict.outcome, verdict.failed, verdict.as_json(), claims, context, folded)
        verdict.raise_refusal()
        return oid4vp.response_answer()

    async def read(self, request_id: UUID, org: str) -> View:
        """Return what became of a request of `org`. Raises Problem `not_found`."""
        recorded = await self._log.read_stream(presentation.stream(request_id))
        state = presentation.INITIAL
        for entry in recorded:
            state = presentation.evolve(state, entry.event)
        if state.verifier_org != org:
            raise not_found("request")
        judged = [entry.id for entry in recorded if isinstance(entry.event, PresentationJudged)]
        if not judged:
            expired = state.expires_at is not None and self._clock() >= state.expires_at
            return View("expired" if expired else state.state, None, None)
        verdict = await self._state.verdict(judged[-1])
        claims = await self._vault.take(judged[-1], self._clock()) if state.state == "verified" else None
        return View(state.state, verdict, claims)

    async def _judged(
        self, asked: Asked, response: oid4vp.VPTokenResponse
    ) -> tuple[Verdict, dict[str, list[dict[str, Any]]]]:
        query, client_id = asked.question.query, self._client_id()
        try:
            found = oid4vp.presentations(response, query)
        except Problem as problem:
            return Verdict((Check("form", False, problem.code, problem.title),)), {}
        judged = [
            (credential, await self._judge.presented(compact, Binding(client_id, asked.nonce, credential)))
            for credential in query.credentials
            for compact in found.get(credential.id, ())
        ]
        verdict = await self._judge.together([one for _, one in judged], deep=asked.deep)
        return with_set(verdict, query, found), claims_of(judged)

    async def _record(
        self,
        request_id: UUID,
        outcome: Outcome,
        failed: Sequence[str],
        verdict: dict[str, Any],
        claims: Mapping[str, Any],
        context: Context,
        folded: tuple[Presentation, int],
    ) -> None:
        verdict_id, now = uuid7(), self._clock()
        until = now + timedelta(seconds=self._policy.claims_ttl_seconds)
        kept = self._vault.sealed(verdict_id, claims, until) if outcome == "verified" else None
        await self._state.put_verdict(verdict_id, request_id, verdict, now, kept)
        await self._do(
            request_id,
            lambda state: presentation.judge(
                state, request_id=request_id, outcome=outcome, failed_checks=failed, now=now
            ),
            context,
            folded=folded,
            event_id=verdict_id,
        )

    async def _do(
        self,
        request_id: UUID,
        decide: Callable[[Presentation], Decision],
        context: Context,
        *,
        folded: tuple[Presentation, int],
        event_id: UUID | None = None,
    ) -> Done[Presentation]:
        return await execute(
            self._log,
            presentation.stream(request_id),
            initial=presentation.INITIAL,
            evolve=presentation.evolve,
            decide=decide,
            context=context,
            event_ids=None if event_id is None else lambda _n: event_id,
            folded=folded,
        )

    async def _asked(self, request_id: UUID) -> Asked:
        asked = await self._state.get(request_id)
        if asked is None:
            raise not_found("request")
        return asked

    def _client_id(self) -> str:
        return oid4vp.x509_hash_client_id(self._signer().x5c)


def _not_to_be_fetched(asked: Asked, now: datetime) -> Problem:
    if now < asked.expires_at:
        return Problem("request_fetched", "The request has been fetched before.", kind=Kind.GONE)
    return Problem(
        "request_expired", "The request has expired.", kind=Kind.GONE, remedy="The verifier makes a new request."
    )
