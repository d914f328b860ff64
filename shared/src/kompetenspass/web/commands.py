"""What every command of every service shares: its body's strictness, its context, and the position it answers with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, model_validator
from starlette.requests import Request
from starlette.responses import Response

from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Actor, Context
from kompetenspass.web.auth import Principal
from kompetenspass.web.edge import OWNER
from kompetenspass.web.telemetry import current_trace_id, current_traceparent

POSITION_HEADER = "Log-Position"


_FIRST_YEAR = 1900
_LARGEST_NUMBER = 2**53 - 1
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def _moment(value: datetime) -> datetime:
    try:
        utc = value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error
    if utc.year < _FIRST_YEAR:
        raise ValueError(f"before the year {_FIRST_YEAR}")
    return utc


Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
"""A point in time with its offset, in UTC: one that every table and event can hold."""


class Command(BaseModel):
    """The JSON body of a command: unknown members are refused, and so is what no table or event could hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, sent: Any) -> Any:
        waiting = [sent]
        while waiting:
            value = waiting.pop()
            if isinstance(value, str) and _NO_TEXT.search(value):
                raise ValueError("a text holds a NUL character or half a surrogate pair")
            if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:
                raise ValueError("a number is larger than JSON holds exactly, or none at all")
            if isinstance(value, Mapping):
                waiting += [*value, *value.values()]
            elif isinstance(value, list | tuple):
                waiting += value
        return sent


def context(request: Request, principal: Principal | None, role: str) -> Context:
    """Return the context of the events that a command leads to: who acts in which role, when, and because of what.

    Without a principal (a wallet at a protocol endpoint) the actor is `anonymous`.
    """
    return Context(
        actor=Actor(principal.org if principal else "anonymous", role),
        occurred_at=request.app.state.clock(),
        correlation_id=current_trace_id() or str(uuid7()),
        traceparent=current_traceparent(),
    )


def positioned(response: Response, position: int) -> Response:
    """Set `Log-Position: <owner>=<position>` on `response` and return it; a reader may wait for it with Wait-For."""
    if position:
        response.headers[POSITION_HEADER] = f"{OWNER.get()}={position}"
    return response
