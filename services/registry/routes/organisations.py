"""Organisations, roles, assessors over HTTP: commands of the scheme owner, public reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.registry import (
    AssessorAuthorised,
    AssessorWithdrawn,
    OrganisationRegistered,
    RoleGranted,
    RoleWithdrawn,
    Scope,
)
from kompetenspass.web.auth import Caller, require
from kompetenspass.web.commands import Command, Moment, context, positioned
from services.registry.domain.keys import issuer_identifier
from services.registry.queries import Queries
from services.registry.service.organisations import Organisations

SCHEME_OWNER = "scheme_owner"
Fresh = Callable[[], Awaitable[None]]


class RegisterOrganisation(Command):
    """An organisation's particulars; its org_id and slug stay for life."""

    org_id: str
    legal_name: dict[str, str]
    slug: str
    registration_no: str
    country: str
    region: str | None = None
    parent: str | None = None
    mandate_ref: str | None = None


class GrantRole(Command):
    """A role, for a time, on a mandate."""

    role: str
    scope: Scope = Scope()
    mandate_ref: str
    valid_from: Moment
    valid_to: Moment | None = None


class WithdrawRole(Command):
    """The end of a role."""

    withdrawn_from: Moment
    reason_code: str


class AuthoriseAssessor(Command):
    """An assessor by reference, never by name. `decision_ref` names the decision; of a stack award its stack_id."""

    assessor_ref: str
    fields: tuple[str, ...] = ()
    basis: Literal["founding_decision", "stack_award", "rpl"]
    decision_ref: str
    valid_from: Moment
    valid_to: Moment | None = None


class WithdrawAssessor(Command):
    """The end of an assessor's authorisation."""

    withdrawn_from: Moment


def commands(service: Organisations, issuer_base_url: str, scheme_owner: str, require_fresh: Fresh) -> APIRouter:
    """Return the routes of the scheme owner's commands; `scheme_owner` is its org_id.

    What rests on a stack award answers 503 while issuance's facts are stale.
    """

    async def owner_only(caller: Caller) -> None:
        require(caller, SCHEME_OWNER)
        if caller.org != scheme_owner:
            raise Problem(
                "forbidden",
                "Only the scheme owner does this.",
                kind=Kind.FORBIDDEN,
                remedy="Ask the scheme owner.",
            )

    router = APIRouter(prefix="/v1/organisations", tags=["organisations"], dependencies=[Depends(owner_only)])

    @router.post("", status_code=201, operation_id="registerOrganisation")
    async def register(request: Request, body: RegisterOrganisation, caller: Caller) -> Response:
        """Register an organisation; again with the same particulars answers 200."""
        wanted = OrganisationRegistered(**body.model_dump())
        done = await service.register(wanted, context(request, caller, SCHEME_OWNER))
        answer = {"org_id": body.org_id, "issuer": issuer_identifier(issuer_base_url, body.slug)}
        return positioned(JSONResponse(answer, 201 if done.events else 200), done.position)

    _roles(router, service)
    _assessors(router, service, require_fresh)
    return router


def _roles(router: APIRouter, service: Organisations) -> None:
    @router.post("/{org_id}/roles", status_code=201, operation_id="grantRole")
    async def grant_role(request: Request, org_id: str, body: GrantRole, caller: Caller) -> Response:
        """Grant a role."""
        wanted = RoleGranted(org_id=org_id, granted_by=caller.org, **dict(body))
        done = await service.grant_role(wanted, context(request, caller, SCHEME_OWNER))
        answer = {"org_id": org_id, "role": body.role}
        return positioned(JSONResponse(answer, 201 if done.events else 200), done.position)

    @router.post("/{org_id}/roles/{role}/withdraw", operation_id="withdrawRole")
    async def withdraw_role(request: Request, org_id: str, role: str, body: WithdrawRole, caller: Caller) -> Response:
        """Withdraw a role from a moment on."""
        wanted = RoleWithdrawn(org_id=org_id, role=role, **dict(body))
        done = await service.withdraw_role(wanted, context(request, caller, SCHEME_OWNER))
        return positioned(JSONResponse({"org_id": org_id, "role": role}), done.position)


def _assessors(router: APIRouter, service: Organisations, require_fresh: Fresh) -> None:
    @router.post("/{org_id}/assessors", status_code=201, operation_id="authoriseAssessor")
    async def authorise(request: Request, org_id: str, body: AuthoriseAssessor, caller: Caller) -> Response:
        """Authorise an assessor."""
        if body.basis == "stack_award":
            await require_fresh()
        wanted = AssessorAuthorised(org_id=org_id, **dict(body))
        done = await service.authorise_assessor(wanted, context(request, caller, SCHEME_OWNER))
        answer = {"org_id": org_id, "assessor_ref": body.assessor_ref}
        return positioned(JSONResponse(answer, 201 if done.events else 200), done.position)

    @router.post("/{org_id}/assessors/{assessor_ref}/withdraw", operation_id="withdrawAssessor")
    async def withdraw(
        request: Request, org_id: str, assessor_ref: str, body: WithdrawAssessor, caller: Caller
    ) -> Response:
        """Withdraw an assessor's authorisation from a moment on."""
        wanted = AssessorWithdrawn(org_id=org_id, assessor_ref=assessor_ref, withdrawn_from=body.withdrawn_from)
        done = await service.withdraw_assessor(wanted, context(request, caller, SCHEME_OWNER))
        return positioned(JSONResponse({"org_id": org_id, "assessor_ref": assessor_ref}), done.position)


def reads(queries: Queries) -> APIRouter:
    """Return the public reads."""
    router = APIRouter(prefix="/v1/organisations", tags=["organisations"])

    @router.get("", operation_id="listOrganisations")
    async def organisations(after: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
        """Return a page of organisations with their roles and keys; `next` is the next page's `after`."""
        found = await queries.organisations(after, limit)
        return {"organisations": found, "next": found[-1]["org_id"] if len(found) == limit else None}

    @router.get("/{org_id}", operation_id="getOrganisation")
    async def organisation(org_id: str) -> dict[str, Any]:
        """Return one organisation with its roles and keys."""
        found = await queries.organisation(org_id)
        if found is None:
            raise not_found("organisation")
        return dict(found)

    return router
