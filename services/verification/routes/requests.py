"""What verifiers use: make a request, read its verdict; and the judgement of pasted credentials, for anyone."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, model_validator

from kompetenspass.core.clock import rfc3339
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.auth import Caller, Principal
from kompetenspass.web.commands import Command, context, positioned
from services.verification.service.judge import Judge
from services.verification.service.requests import Created, Requests

_VERIFIERS = ("verifier", "relying_party")
_PathPart = str | Annotated[int, Field(ge=0, strict=True)] | None


class Ask(Command):
    """What to ask for: a merit by its definition, with further claims, or a DCQL query.

    `deep`: the definition is a pathway; its award is asked for with its parts, and what its rule names, if shown.
    """

    definition_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    claims: list[Annotated[list[_PathPart], Field(min_length=1, max_length=8)]] = Field(default=[], max_length=50)
    deep: bool = False
    dcql_query: dict[str, Any] | None = None
    expires_in: Annotated[int, Field(ge=10, le=86_400, description="Seconds.")] | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.definition_id is None) == (self.dcql_query is None):
            raise ValueError("exactly one of definition_id and dcql_query is needed")
        if (self.claims or self.deep) and self.definition_id is None:
            raise ValueError("claims and deep go with definition_id; a dcql_query has its own")
        return self


_Compact = Annotated[str, Field(min_length=1, max_length=200_000)]


class Pasted(Command):
    """A credential in compact form, with or without key binding; or several, an award with its parts among them."""

    credential: _Compact | None = None
    credentials: Annotated[list[_Compact], Field(min_length=1, max_length=50)] | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.credential is None) == (self.credentials is None):
            raise ValueError("exactly one of credential and credentials is needed")
        return self


def router(requests: Requests, judge: Judge) -> APIRouter:
    """Return the routes under /v1."""
    routes = APIRouter(prefix="/v1", tags=["verification"])

    @routes.post("/requests", status_code=201, operation_id="create_request")
    async def create(body: Ask, request: Request, response: Response, caller: Caller) -> dict[str, Any]:
        """Make a request; `uri` invokes a wallet."""
        role = _verifier_role(caller)
        if body.dcql_query is not None:
            query = body.dcql_query
        else:
            asked = requests.deep_query if body.deep else requests.definition_query
            query = dict(await asked(str(body.definition_id), body.claims))
        by = context(request, caller, role)
        created = await requests.create(caller.org, query, by, body.expires_in, deep=body.deep)
        positioned(response, created.position)
        return _rendered(created)

    @routes.get("/requests/{request_id}", operation_id="read_request")
    async def read(request_id: UUID, response: Response, caller: Caller) -> dict[str, Any]:
        """Say what became of a request of one's own; the claims that were shown are given once."""
        _verifier_role(caller)
        response.headers["Cache-Control"] = "no-store"
        view = await requests.read(request_id, caller.org)
        if view.verdict is None:
            return {"state": view.state}
        claims = {} if view.claims is None else {"claims": view.claims}
        return {"state": view.state, "verdict": {**view.verdict, **claims}}

    @routes.post("/verify", operation_id="verify_credential")
    async def verify(body: Pasted) -> dict[str, Any]:
        """Judge pasted credentials: every check but who holds them. Nothing is kept."""
        if body.credential is not None:
            return (await judge.pasted(body.credential.strip())).as_json()
        return (await judge.pasted_together([one.strip() for one in body.credentials or ()])).as_json()

    return routes


def _rendered(created: Created) -> dict[str, Any]:
    return {
        "request_id": str(created.request_id),
        "uri": created.uri,
        "request_uri": created.request_uri,
        "client_id": created.client_id,
        "expires_at": rfc3339(created.expires_at),
    }


def _verifier_role(caller: Principal) -> str:
    for role in _VERIFIERS:
        if role in caller.roles:
            return role
    raise Problem(
        "forbidden",
        "This needs the role verifier or relying_party.",
        kind=Kind.FORBIDDEN,
        remedy="Use a token with one of these roles.",
    )
