"""Credentials: one takes the place of another."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from kompetenspass.events.stacking import SupersessionCause
from kompetenspass.web.auth import Principal, principal
from kompetenspass.web.commands import Command, positioned
from services.issuance.routes.achievements import caller_of
from services.issuance.service.supersession import SupersedeCredential, Supersession

Who = Annotated[Principal, Depends(principal)]


class SupersedeBody(Command):
    """Which credential takes the place, and why."""

    by_credential_id: UUID
    cause: SupersessionCause


def commands(supersession: Supersession) -> APIRouter:
    """Return the commands about issued credentials."""
    routes = APIRouter(prefix="/v1/credentials", tags=["credentials"])

    @routes.post("/{credential_id}/supersede", operation_id="supersede_credential")
    async def supersede(
        credential_id: UUID, body: SupersedeBody, request: Request, response: Response, who: Who
    ) -> dict[str, str]:
        """Let another credential of the same learner take this one's place; the registry then revokes this one."""
        command = SupersedeCredential(credential_id, body.by_credential_id, body.cause)
        positioned(response, await supersession.supersede(caller_of(request, who), command))
        return {"credential_id": str(credential_id), "by_credential_id": str(body.by_credential_id)}

    return routes
