"""Enrolment of an issuer's keys over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from kompetenspass.web.auth import Caller, require
from kompetenspass.web.commands import Command, Moment, context, positioned
from services.registry.service.keys import IssuerKeys

ISSUER = "issuer"


class RegisterKey(Command):
    """The certificate chain of the key, leaf first without the anchor, and the proof of its possession."""

    x5c: tuple[str, ...] = Field(min_length=1, max_length=6)
    proof: str = Field(max_length=8192)


class ReportCompromise(Command):
    """The earliest moment from which the key may have been in other hands."""

    compromised_since: Moment


def commands(service: IssuerKeys) -> APIRouter:
    """Return the routes of an issuer's commands about its own keys."""
    router = APIRouter(prefix="/v1/organisations/{org_id}/keys", tags=["keys"])

    @router.post("/challenges", status_code=201, operation_id="createKeyChallenge")
    async def challenge(org_id: str, caller: Caller) -> Response:
        """Return a challenge to sign, good for one enrolment."""
        require(caller, ISSUER, org_id)
        value, expires_in = await service.challenge(org_id)
        answer = {"challenge": value, "expires_in": expires_in}
        return JSONResponse(answer, 201, headers={"Cache-Control": "no-store"})

    @router.post("", status_code=201, operation_id="registerKey")
    async def register(request: Request, org_id: str, body: RegisterKey, caller: Caller) -> Response:
        """Register a key whose possession is proved over the challenge."""
        require(caller, ISSUER, org_id)
        key, done = await service.register(org_id, body.x5c, body.proof, context(request, caller, ISSUER))
        answer = key.model_dump(mode="json", include={"org_id", "kid", "issuer", "valid_from", "valid_to"})
        return positioned(JSONResponse(answer, 201 if done.events else 200), done.position)

    @router.post("/{kid}/compromise", operation_id="reportKeyCompromise")
    async def compromise(request: Request, org_id: str, kid: str, body: ReportCompromise, caller: Caller) -> Response:
        """Mark a key as compromised."""
        require(caller, ISSUER, org_id)
        moment = body.compromised_since
        done = await service.report_compromise(org_id, kid, moment, context(request, caller, ISSUER))
        since = done.state.keys[kid].compromised_since
        answer = {"org_id": org_id, "kid": kid, "compromised_since": since.isoformat() if since else None}
        return positioned(JSONResponse(answer), done.position)

    return router
