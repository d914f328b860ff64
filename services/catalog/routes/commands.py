"""Commands on definitions and pathways, for their owners and for sector bodies."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Request, Response
from pydantic import Field

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.web.auth import Caller, Principal, require
from kompetenspass.web.commands import Command, Moment, context, positioned
from services.catalog.service.definitions import Approval, Definitions
from services.catalog.service.pathways import Pathways
from services.catalog.service.ports import Outcome

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_CREATOR = "creator"


class Fresh(Protocol):
    """What says whether the facts about organisations are up to date."""

    async def require_fresh(self, *owners: str) -> None:
        """Raise Problem `facts_stale` if they are not."""


class Draft(Command):
    """A new version, or a draft's next wording."""

    content: dict[str, Any]


class Nothing(Command):
    """A command without members; the body may be left out."""


class Approve(Command):
    """A sector body's decision."""

    decision_ref: _Text
    approved_on: date


class Retire(Command):
    """What comes after the definition, and until when it may still be issued."""

    superseded_by: _Text | None = None
    last_issue_date: date | None = None


class GrantRight(Command):
    """Who may issue under the definition, from when (now) and until when (no end)."""

    issuer_org: _Text
    valid_from: Moment | None = None
    valid_to: Moment | None = None


class WithdrawRight(Command):
    """Who may no longer issue under the definition, from now on."""

    issuer_org: _Text


def definition_commands(service: Definitions, facts: Fresh) -> APIRouter:
    """Return the routes that change definitions."""
    routes = APIRouter(prefix="/v1/definitions", tags=["definitions"])
    _add_drafting(routes, service, facts)
    _add_decisions(routes, service, facts)
    _add_rights(routes, service, facts)
    return routes


def _add_drafting(routes: APIRouter, service: Definitions, facts: Fresh) -> None:
    @routes.post("", status_code=201, operation_id="draft_definition")
    async def draft(body: Draft, request: Request, response: Response, caller: Caller) -> dict[str, Any]:
        """Write down a new version, or change the draft."""
        _check_owner(caller, body.content)
        await facts.require_fresh("registry")
        return _answer(response, await service.draft(body.content, context(request, caller, _CREATOR)))

    @routes.post("/{id_}/submit", operation_id="submit_definition")
    async def submit(
        id_: str, request: Request, response: Response, caller: Caller, _body: Nothing | None = None
    ) -> dict[str, Any]:
        """Hand the draft to its reviewers."""
        require(caller, _CREATOR)
        await facts.require_fresh("registry")
        return _answer(response, await service.submit(id_, caller.org, context(request, caller, _CREATOR)))


def _add_decisions(routes: APIRouter, service: Definitions, facts: Fresh) -> None:
    @routes.post("/{id_}/approve", operation_id="approve_definition")
    async def approve(id_: str, body: Approve, request: Request, response: Response, caller: Caller) -> dict[str, Any]:
        """Approve the version under review, as a sector body."""
        require(caller, "sector_body")
        await facts.require_fresh("registry")
        approval = Approval(body.decision_ref, body.approved_on.isoformat())
        outcome = await service.approve(id_, caller.org, approval, context(request, caller, "sector_body"))
        return _answer(response, outcome)

    @routes.post("/{id_}/publish", operation_id="publish_definition")
    async def publish(
        id_: str, request: Request, response: Response, caller: Caller, _body: Nothing | None = None
    ) -> dict[str, Any]:
        """Put the reviewed version in force, for good."""
        require(caller, _CREATOR)
        await facts.require_fresh("registry")
        return _answer(response, await service.publish(id_, caller.org, context(request, caller, _CREATOR)))

    @routes.post("/{id_}/retire", operation_id="retire_definition")
    async def retire(id_: str, body: Retire, request: Request, response: Response, caller: Caller) -> dict[str, Any]:
        """Let the published version take no new learners."""
        require(caller, _CREATOR)
        outcome = await service.retire(
            id_,
            caller.org,
            context(request, caller, _CREATOR),
            superseded_by=body.superseded_by,
            last_issue_date=body.last_issue_date.isoformat() if body.last_issue_date else None,
        )
        return _answer(response, outcome)


def _add_rights(routes: APIRouter, service: Definitions, facts: Fresh) -> None:
    @routes.post("/{id_}/issuing-rights", status_code=201, operation_id="grant_issuing_right")
    async def grant(id_: str, body: GrantRight, request: Request, response: Response, caller: Caller) -> dict[str, Any]:
        """Let another organisation issue under the definition."""
        require(caller, _CREATOR)
        await facts.require_fresh("registry")
        sent = context(request, caller, _CREATOR)
        since: datetime = body.valid_from or sent.occurred_at
        outcome = await service.grant_right(
            id_, caller.org, sent, issuer_org=body.issuer_org, since=since, until=body.valid_to
        )
        return _answer(response, outcome)

    @routes.post("/{id_}/issuing-rights/withdraw", operation_id="withdraw_issuing_right")
    async def withdraw(
        id_: str, body: WithdrawRight, request: Request, response: Response, caller: Caller
    ) -> dict[str, Any]:
        """Take the right to issue back, from now on."""
        require(caller, _CREATOR)
        sent = context(request, caller, _CREATOR)
        return _answer(response, await service.withdraw_right(id_, caller.org, sent, issuer_org=body.issuer_org))


def pathway_commands(service: Pathways, facts: Fresh) -> APIRouter:
    """Return the routes that change pathways."""
    routes = APIRouter(prefix="/v1/pathways", tags=["pathways"])

    @routes.post("", status_code=201, operation_id="draft_pathway")
    async def draft(body: Draft, request: Request, response: Response, caller: Caller) -> dict[str, Any]:
        """Write down a new version, or change the draft."""
        _check_owner(caller, body.content)
        await facts.require_fresh("registry")
        return _answer(response, await service.draft(body.content, context(request, caller, _CREATOR)))

    @routes.post("/{id_}/submit", operation_id="submit_pathway")
    async def submit(
        id_: str, request: Request, response: Response, caller: Caller, _body: Nothing | None = None
    ) -> dict[str, Any]:
        """Hand the draft to its reviewers."""
        require(caller, _CREATOR)
        return _answer(response, await service.submit(id_, caller.org, context(request, caller, _CREATOR)))

    @routes.post("/{id_}/publish", operation_id="publish_pathway")
    async def publish(
        id_: str, request: Request, response: Response, caller: Caller, _body: Nothing | None = None
    ) -> dict[str, Any]:
        """Put the reviewed version in force, for good."""
        require(caller, _CREATOR)
        await facts.require_fresh("registry")
        return _answer(response, await service.publish(id_, caller.org, context(request, caller, _CREATOR)))

    return routes


def _check_owner(caller: Principal, content: dict[str, Any]) -> None:
    """Refuse a draft that names another organisation than the caller's as its owner."""
    require(caller, _CREATOR)
    if content.get("awarding_body") not in (None, caller.org):
        raise Problem(
            "forbidden",
            "A definition or pathway is drafted by its awarding body.",
            kind=Kind.FORBIDDEN,
            remedy="Use a token of the organisation that `awarding_body` names.",
        )


def _answer(response: Response, outcome: Outcome) -> dict[str, Any]:
    positioned(response, outcome.position)
    return {
        "id": outcome.id,
        "version": outcome.version,
        "status": outcome.state,
        "content_digest": outcome.content_digest,
    }
