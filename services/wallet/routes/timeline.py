"""The timeline as JSON, and one-time links to its page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from kompetenspass.core.clock import rfc3339
from services.wallet.domain.timeline import Holding, Merit, Row
from services.wallet.queries import Queries, Share
from services.wallet.routes.learner import Account
from services.wallet.service.links import Links


def router(queries: Queries, links: Links, base_url: str) -> APIRouter:
    """Return the routes of /v1/timeline and /v1/links."""
    api = APIRouter(prefix="/v1", tags=["timeline"])

    @api.get("/timeline", operation_id="timeline")
    async def timeline(response: Response, account: Account) -> dict[str, Any]:
        """What happened to the learner's credentials, in order; what holds now; what was shown to whom."""
        response.headers["Cache-Control"] = "no-store"
        found = await queries.timeline(account)
        return {
            "rows": [_row(row) for row in found.rows],
            "credentials": [_holding(holding) for holding in found.holdings],
            "shares": [_share(share) for share in found.shares],
        }

    @api.post("/links", status_code=201, operation_id="make_link")
    async def make_link(account: Account) -> dict[str, str]:
        """Make a link that opens the learner's page once."""
        ticket = await links.make(account)
        return {"url": f"{base_url}/timeline/{ticket.token}", "expires_at": rfc3339(ticket.expires_at)}

    return api


def _row(row: Row) -> dict[str, Any]:
    return {
        "at": rfc3339(row.at),
        "event_id": str(row.event_id),
        "kind": row.kind,
        "reason_code": row.reason_code,
        **_merit(row.merit),
    }


def _holding(holding: Holding) -> dict[str, Any]:
    return {
        "status": holding.status,
        "reason_code": holding.reason_code,
        "issued_at": rfc3339(holding.issued_at),
        **_merit(holding.merit),
    }


def _merit(merit: Merit) -> dict[str, Any]:
    return {
        "credential_id": str(merit.credential_id),
        "definition_id": merit.definition_id,
        "definition_version": merit.definition_version,
        "title": dict(merit.title),
        "issuer": merit.issuer,
        "issuer_org": merit.issuer_org,
        "issuer_name": dict(merit.issuer_name),
        "recognition_level": merit.recognition_level,
        "valid_to": rfc3339(merit.valid_to) if merit.valid_to else None,
    }


def _share(share: Share) -> dict[str, Any]:
    credential_id = str(share.credential_id) if share.credential_id else None
    return {"at": rfc3339(share.at), "verifier": share.verifier, "credential_id": credential_id}
