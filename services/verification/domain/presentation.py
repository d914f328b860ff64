"""The request for a presentation and its answers: asked once, answered well at most once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.verification import PresentationJudged, PresentationRequested
from services.verification.domain.checks import Outcome

State = Literal["none", "open", "verified", "refused", "declined"]
MAX_REFUSED = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it was made; `nonce` and `state` are secrets between verifier and wallet.

    `deep`: it asks for an award with what it rests on, and what a constituent has become refuses nothing by itself.
    """

    request_id: UUID
    verifier_org: str
    nonce: str = field(repr=False)
    state: str = field(repr=False)
    dcql_query: Mapping[str, Any]
    expires_at: datetime
    deep: bool = False


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
            return replace(state, state="open", verifier_org=event.verifier_org, expires_at=event.expires_at)
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
