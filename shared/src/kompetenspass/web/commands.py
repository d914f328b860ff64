"""What every command of every service shares: its body's strictness, its context, and the position it answers with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Actor, Context
from kompetenspass.web.auth import Principal
from kompetenspass.web.edge import OWNER
from kompetenspass.web.telemetry import current_trace_id, current_traceparent

POSITION_HEADER = "Log-Position"


class Command(BaseModel):
    """The JSON body of a command: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
