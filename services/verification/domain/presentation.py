"""The request for a presentation and its answers: asked once, answered well at most once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.verification import PresentationJudged, PresentationRequested
from kompetenspass.openid import jose
from kompetenspass.openid.oid4vp import dcql
from services.verification.domain.checks import Outcome

State = Literal["none", "open", "verified", "refused", "declined"]
MAX_REFUSED = 5


@dataclass(frozen=True, slots=True)
class Question:
    """A DCQL query that may be sent: its JSON, the value of that, and what it says."""

    text: str
    said: Mapping[str, Any]
    query: dcql.Query


@lru_cache(maxsize=64)
def question(text: str) -> Question:
    """Return the query that a JSON text holds. Verifiers ask the same again and again, so it is read once.

    Raises InvalidQuery for a query that cannot be sent.
    """
    said = json.loads(text)
    return Question(text, said, dcql.parse_sendable(said))


def question_of(query: Mapping[str, Any]) -> Question:
    """Return the query that a verifier asks with. Raises InvalidQuery for one that cannot be sent."""
    try:
        text = jose.json_text(query)
    except (ValueError, RecursionError) as error:  # not a number, half a character, or nested too deep
        dcql.parse_sendable(query)  # as a rule it says what is wrong, and where
        raise dcql.InvalidQuery(dcql.QueryFault.INVALID_VALUE, "") from error
    return question(text)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it was made; `nonce` and `state` are secrets between verifier and wallet.

    `deep`: it asks for an award with what it rests on, and what a constituent has become refuses nothing by itself.
    """

    request_id: UUID
    verifier_org: str
    nonce: str = field(repr=False)
    state: str = field(repr=False)
    question: Question
    expires_at: datetime
    deep: bool = False

    @property
    def dcql_query(self) -> Mapping[str, Any]:
        """The query as it is sent."""
        return self.question.said


@dataclass(frozen=True, slots=True)
class Presentation:
    """A request as its stream tells it. `refused` counts the answers that did not hold."""

    state: State = "none"
    verifier_org: str = ""
    expires_at: datetime | None = None
    refused: int = 0
    failed_checks: tuple[str, ...] = ()


INITIAL = Presentation()


def stream(request_id: UUID) -> str:
    """Return the name of a request's stream."""
    return f"presentation-{request_id}"


def evolve(state: Presentation, event: Event) -> Presentation:
    """Return the state after one more fact; facts of no concern leave it as it is."""
    match event:
        case PresentationRequested():
            return Presentation("open", event.verifier_org, event.expires_at, state.refused, state.failed_checks)
        case PresentationJudged():
            refused = state.refused + (event.outcome == "refused")
            return replace(state, state=event.outcome, refused=refused, failed_checks=event.failed_checks)
        case _:
            return state


def request(
    state: Presentation, *, request_id: UUID, verifier_org: str, definitions: Sequence[str], expires_at: datetime
) -> Sequence[Event]:
    """Return the request. Raises Problem `wrong_state` if it was made before."""
    if state.state != "none":
        raise Problem("wrong_state", "The request exists.", kind=Kind.CONFLICT)
    return (
        PresentationRequested(
            request_id=request_id,
            verifier_org=verifier_org,
            definitions=tuple(definitions),
            expires_at=expires_at,
        ),
    )


def check_open(state: Presentation, now: datetime) -> None:
    """Raise Problem unless the request may be answered: `not_found`, `request_expired`, `request_answered`."""
    if state.state == "none" or state.expires_at is None:
        raise not_found("request")
    if state.state in ("verified", "declined") or state.refused >= MAX_REFUSED:
        raise Problem(
            "request_answered",
            "The request has been answered.",
            kind=Kind.CONFLICT,
            remedy="The verifier makes a new request.",
        )
    if now >= state.expires_at:
        raise Problem(
            "request_expired", "The request has expired.", kind=Kind.GONE, remedy="The verifier makes a new request."
        )


def judge(
    state: Presentation, *, request_id: UUID, outcome: Outcome, failed_checks: Sequence[str], now: datetime
) -> Sequence[Event]:
    """Return the judgement of an answer. Raises as `check_open`: of two good answers at once one is too late."""
    check_open(state, now)
    return (PresentationJudged(request_id=request_id, outcome=outcome, failed_checks=tuple(failed_checks)),)
