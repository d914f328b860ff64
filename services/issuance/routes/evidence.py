"""Evidence: what a learner presented of other issuers, recorded by their awarding body."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field

from kompetenspass.events.stacking import EvidenceEnd
from kompetenspass.web.auth import Principal, principal
from kompetenspass.web.commands import Command, positioned
from services.issuance.routes.achievements import caller_of
from services.issuance.service.evidence import EvidenceRecords, RecogniseCredential

Who = Annotated[Principal, Depends(principal)]
_Learner = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class RecogniseBody(Command):
    """A copy that the verdict on a request named, and the result in per cent if it was disclosed."""

    request_id: UUID
    digest: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    result_percent: Annotated[float, Field(ge=0, le=100)] | None = None


class WithdrawBody(Command):
    """Why it counts no more: the holder asked for it, or it was recorded in error."""

    reason_code: EvidenceEnd = "holder_request"


def commands(records: EvidenceRecords) -> APIRouter:
    """Return the commands about evidence."""
    routes = APIRouter(prefix="/v1/learners/{learner_ref}/evidence", tags=["evidence"])

    @routes.post("", status_code=201, operation_id="recognise_credential")
    async def recognise(
        learner_ref: _Learner, body: RecogniseBody, request: Request, response: Response, who: Who
    ) -> dict[str, Any]:
        """Let a credential of another issuer, presented by the holder, count for the learner."""
        command = RecogniseCredential(body.request_id, body.digest, body.result_percent)
        said, position = await records.recognise(caller_of(request, who), learner_ref, command)
        positioned(response, position)
        shown = {"learner_ref", "credential_id", "issuer_org", "definition_id", "definition_version", "request_id"}
        return said.model_dump(mode="json", include=shown)

    @routes.post("/{credential_id}/withdraw", operation_id="withdraw_evidence")
    async def withdraw(
        learner_ref: _Learner, credential_id: UUID, body: WithdrawBody, request: Request, response: Response, who: Who
    ) -> dict[str, str]:
        """Let it count no more; awards that rest on it are looked at again."""
        caller = caller_of(request, who)
        positioned(response, await records.withdraw(caller, learner_ref, credential_id, body.reason_code))
        return {"learner_ref": learner_ref, "credential_id": str(credential_id)}

    return routes
