"""Accept an offer, list what is held, answer a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from kompetenspass.core.clock import rfc3339
from kompetenspass.web.auth import Caller
from kompetenspass.web.commands import Command, context, positioned
from services.wallet.domain.summary import Summary
from services.wallet.routes.learner import Account
from services.wallet.service.holding import Holding
from services.wallet.service.presenting import Presented, Presenting
from services.wallet.service.receiving import Receiving

Uri = Annotated[str, Field(min_length=1, max_length=16384)]


class AcceptOffer(Command):
    """`openid-credential-offer://…`, by value or by reference, and the transaction code if the issuer gave one."""

    offer_uri: Uri
    tx_code: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class AnswerRequest(Command):
    """`openid4vp://…` as a verifier shows it.

    `share_parts`: the learner also shows what the verifier asks for without needing it, of an award its parts.
    """

    uri: Uri
    share_parts: bool = False


class CredentialsReceived(BaseModel):
    """What came in: one digest for each copy."""

    issuer: str
    digests: list[str]


class ShownCredential(BaseModel):
    """A credential that was shown."""

    digest: str
    definition: str | None
    title: str | None


class PresentationAnswered(BaseModel):
    """What the verifier said: `accepted`, `refused`, or `declined` where the wallet lacks what was asked for.

    `shown` and `digests` tell what was sent, each credential once.
    """

    outcome: str
    verifier: str
    error: str | None
    redirect_uri: str | None
    digests: list[str]
    shown: list[ShownCredential]


class HeldCredential(BaseModel):
    """A held credential in a line."""

    digest: str
    issuer: str
    vct: str
    definition: str | None
    title: str | None
    received_at: str


class HeldCredentials(BaseModel):
    """What the account holds, the oldest first."""

    credentials: list[HeldCredential]


def router(receiving: Receiving, presenting: Presenting, holding: Holding) -> APIRouter:
    """Return the routes of /v1/credentials and /v1/presentations."""
    api = APIRouter(prefix="/v1", tags=["credentials"])

    @api.post("/credentials", status_code=201, operation_id="accept_offer")
    async def accept_offer(
        request: Request, response: Response, body: AcceptOffer, account: Account, caller: Caller
    ) -> CredentialsReceived:
        """Receive what is offered."""
        made = context(request, caller, "learner")
        received = await receiving.accept(account, offer_uri=body.offer_uri, tx_code=body.tx_code, context=made)
        positioned(response, received.position)
        return CredentialsReceived(issuer=received.issuer, digests=list(received.digests))

    @api.get("/credentials", operation_id="list_credentials")
    async def list_credentials(response: Response, account: Account) -> HeldCredentials:
        """List what the account holds."""
        response.headers["Cache-Control"] = "no-store"
        return HeldCredentials(credentials=[_held(summary) for summary in await holding.list(account)])

    @api.post("/presentations", operation_id="answer_request")
    async def answer_request(
        request: Request, response: Response, body: AnswerRequest, account: Account, caller: Caller
    ) -> PresentationAnswered:
        """Show the verifier what it asks for."""
        made = context(request, caller, "learner")
        presented = await presenting.answer(account, uri=body.uri, share_parts=body.share_parts, context=made)
        positioned(response, presented.position)
        return _answered(presented)

    return api


def _held(summary: Summary) -> HeldCredential:
    return HeldCredential(
        digest=summary.digest,
        issuer=summary.issuer,
        vct=summary.vct,
        definition=summary.definition,
        title=summary.title,
        received_at=rfc3339(summary.received_at),
    )


def _answered(presented: Presented) -> PresentationAnswered:
    return PresentationAnswered(
        outcome=presented.outcome,
        verifier=presented.verifier,
        error=presented.error,
        redirect_uri=presented.redirect_uri,
        digests=[each.digest for each in presented.shown],
        shown=[
            ShownCredential(digest=each.digest, definition=each.definition, title=each.title)
            for each in presented.shown
        ],
    )
