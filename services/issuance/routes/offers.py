"""Offers: made and withdrawn by the awarding body, fetched by whoever was given the link."""

from __future__ import annotations

import io
from typing import Annotated, Any
from uuid import UUID

import segno
from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from kompetenspass.openid.oid4vci.offer import offer_uri_by_reference
from kompetenspass.web.auth import Principal, principal
from kompetenspass.web.commands import Command, positioned
from services.issuance.routes.achievements import caller_of
from services.issuance.service.offer_links import Offered
from services.issuance.service.offers import Offers

Who = Annotated[Principal, Depends(principal)]


class OfferBody(Command):
    """Whether the learner shall also need a transaction code, told on another way."""

    tx_code: bool = False


class WithdrawBody(Command):
    """Nothing more needs saying."""


def commands(offers: Offers) -> APIRouter:
    """Return the commands about offers."""
    routes = APIRouter(tags=["offers"])

    @routes.post("/v1/achievements/{achievement_id}/offers", status_code=201, operation_id="offer_credential")
    async def offer(
        achievement_id: UUID, body: OfferBody, request: Request, response: Response, who: Who
    ) -> dict[str, Any]:
        """Offer the credential of a confirmed achievement; an older offer is replaced. Codes are told only here."""
        offered = await offers.offer(caller_of(request, who), achievement_id, tx_code=body.tx_code)
        positioned(response, offered.position)
        return told(offered)

    @routes.post("/v1/offers/{offer_id}/withdraw", operation_id="withdraw_offer")
    async def withdraw(
        offer_id: UUID, request: Request, response: Response, who: Who, body: WithdrawBody | None = None
    ) -> dict[str, str]:
        """Take an offer back; possible until its credential is issued."""
        positioned(response, await offers.withdraw(caller_of(request, who), offer_id))
        return {"offer_id": str(offer_id), "state": "withdrawn"}

    return routes


def told(offered: Offered) -> dict[str, Any]:
    """Return the answer to whoever made an offer: its links, and its transaction code if it has one."""
    return {
        "offer_id": str(offered.offer_id),
        "credential_id": str(offered.credential_id),
        "offer_uri": offered.by_value,
        "offer_uri_by_reference": offered.by_reference,
        "tx_code": offered.tx_code,
        "qr_svg_url": f"{offered.offer_url}/qr.svg",
        "expires_at": offered.expires_at,
    }


def documents(offers: Offers) -> APIRouter:
    """Return what an offer's link leads to; it needs no token."""
    routes = APIRouter(tags=["offers"])

    @routes.get("/offers/{reference}", operation_id="credential_offer")
    async def by_reference(reference: str) -> Response:
        """Return the credential offer as JSON (the `credential_offer_uri`); the link is the secret."""
        document = await offers.by_reference(reference)
        return JSONResponse(document.to_json(), headers={"Cache-Control": "no-store"})

    @routes.get("/offers/{reference}/qr.svg", operation_id="credential_offer_qr")
    async def qr(reference: str) -> Response:
        """Return the offer as a QR code."""
        svg = io.BytesIO()
        (await code(reference)).save(svg, kind="svg", scale=6, border=4)
        return Response(svg.getvalue(), media_type="image/svg+xml", headers={"Cache-Control": "no-store"})

    @routes.get("/offers/{reference}/qr.txt", operation_id="credential_offer_qr_text")
    async def qr_text(reference: str) -> Response:
        """Return the offer as a QR code of block characters, light on dark: a terminal shows it."""
        blocks = io.StringIO()
        (await code(reference)).terminal(out=blocks, compact=True, border=2)
        return PlainTextResponse(blocks.getvalue(), headers={"Cache-Control": "no-store"})

    async def code(reference: str) -> segno.QRCode:
        await offers.by_reference(reference)
        return segno.make(offer_uri_by_reference(offers.url(reference)), error="m")

    return routes
