"""The status of a credential over HTTP: for its own issuer, and for nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from kompetenspass.core.errors import not_found
from kompetenspass.events.registry import RevocationReason
from kompetenspass.log.execute import Done
from kompetenspass.web.auth import Caller, require
from kompetenspass.web.commands import Command, context, positioned
from services.registry.domain.credential import CredentialStatus
from services.registry.queries import Queries
from services.registry.service.credentials import Credentials

ISSUER = "issuer"
Fresh = Callable[[], Awaitable[None]]


class Revoke(Command):
    """Why; and whether the credential never should have been."""

    reason_code: RevocationReason
    void_ab_initio: bool = False


class ChangeSuspension(Command):
    """Why, as a short code and never as text about a person."""

    reason_code: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")


def router(service: Credentials, queries: Queries, require_fresh: Fresh) -> APIRouter:
    """Return the routes of a credential's status. Commands answer 503 while issuance's facts are stale."""
    routes = APIRouter(prefix="/v1/credentials/{credential_id}", tags=["credentials"])
    _revocation(routes, service, require_fresh)
    _suspension(routes, service, require_fresh)

    @routes.get("", operation_id="getCredential")
    async def credential(credential_id: UUID, caller: Caller) -> dict[str, Any]:
        """Return the status of one of the caller's own credentials."""
        require(caller, ISSUER)
        row = await queries.status_of(credential_id)
        if row is None or row["issuer_org"] != caller.org:
            raise not_found("credential")
        known = await queries.credential(credential_id)
        return _shown(dict(row)) | {"copies": [copy.model_dump() for copy in known.copies] if known else []}

    return routes


def _revocation(routes: APIRouter, service: Credentials, require_fresh: Fresh) -> None:
    @routes.post("/revoke", operation_id="revokeCredential")
    async def revoke(request: Request, credential_id: UUID, body: Revoke, caller: Caller) -> Response:
        """Revoke, for good."""
        require(caller, ISSUER)
        await require_fresh()
        done = await service.revoke(
            credential_id,
            org=caller.org,
            reason_code=body.reason_code,
            void_ab_initio=body.void_ab_initio,
            context=context(request, caller, ISSUER),
        )
        return _answer(credential_id, done)


def _suspension(routes: APIRouter, service: Credentials, require_fresh: Fresh) -> None:
    @routes.post("/suspend", operation_id="suspendCredential")
    async def suspend(request: Request, credential_id: UUID, body: ChangeSuspension, caller: Caller) -> Response:
        """Suspend until reinstated."""
        require(caller, ISSUER)
        await require_fresh()
        acting = context(request, caller, ISSUER)
        done = await service.suspend(credential_id, org=caller.org, reason_code=body.reason_code, context=acting)
        return _answer(credential_id, done)

    @routes.post("/reinstate", operation_id="reinstateCredential")
    async def reinstate(request: Request, credential_id: UUID, body: ChangeSuspension, caller: Caller) -> Response:
        """Clear the issuer's own cause; the credential is valid again when no other stands."""
        require(caller, ISSUER)
        await require_fresh()
        acting = context(request, caller, ISSUER)
        done = await service.reinstate(credential_id, org=caller.org, reason_code=body.reason_code, context=acting)
        return _answer(credential_id, done)


def _answer(credential_id: UUID, done: Done[CredentialStatus]) -> Response:
    answer = {
        "credential_id": str(credential_id),
        "status": done.state.name,
        "causes": sorted(done.state.causes),
    }
    return positioned(JSONResponse(answer), done.position)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as it is answered; each of `causes` has in `suspensions` its reason and what lapsed."""
    revoked, expired = row.pop("revoked"), row.pop("expired")
    held = "suspended" if row["causes"] else "valid"
    return row | {"status": "revoked" if revoked else "expired" if expired else held}
