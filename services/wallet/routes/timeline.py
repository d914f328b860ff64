"""The timeline as JSON, and one-time links to its page."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from fastapi import APIRouter, Response

from kompetenspass.core.clock import rfc3339
from services.wallet.domain.facts import Lapse, Merit, Part, Why
from services.wallet.domain.standing import Status
from services.wallet.domain.timeline import Holding, Row
from services.wallet.queries import Queries, Share
from services.wallet.routes.learner import Account
from services.wallet.service.links import Links
from services.wallet.web.sentences import holding_reason, in_both, row_text


def router(queries: Queries, links: Links, base_url: str, zone: tzinfo) -> APIRouter:
    """Return the routes of /v1/timeline and /v1/links; dates in texts are those of `zone`."""
    api = APIRouter(prefix="/v1", tags=["timeline"])

    @api.get("/timeline", operation_id="timeline")
    async def timeline(response: Response, account: Account) -> dict[str, Any]:
        """What happened to the learner's credentials, in order; what holds now; what was shown to whom."""
        response.headers["Cache-Control"] = "no-store"
        found = await queries.timeline(account)
        return {
            "rows": [_row(row, zone) for row in found.rows],
            "credentials": [_holding(holding) for holding in found.holdings],
            "shares": [_share(share) for share in found.shares],
        }

    @api.post("/links", status_code=201, operation_id="make_link")
    async def make_link(account: Account) -> dict[str, str]:
        """Make a link that opens the learner's page once."""
        ticket = await links.make(account)
        return {"url": f"{base_url}/timeline/{ticket.token}", "expires_at": rfc3339(ticket.expires_at)}

    return api


def _row(row: Row, zone: tzinfo) -> dict[str, Any]:
    return {
        "at": rfc3339(row.at),
        "event_id": str(row.event_id),
        "kind": row.kind,
        "award": row.award,
        "text": in_both(lambda language: row_text(row, language, zone)),
        **_why(row.why),
        **_merit(row.merit),
    }


def _holding(holding: Holding) -> dict[str, Any]:
    return {
        "status": holding.status,
        "issued_at": rfc3339(holding.issued_at),
        "stack_id": str(holding.stack_id) if holding.stack_id else None,
        "fetched": holding.fetched,
        "review_until": rfc3339(holding.review) if holding.review else None,
        "parts": [_part(part, status) for part, status in holding.parts],
        "text": in_both(lambda language: holding_reason(holding, language)),
        **_why(holding.why),
        **_merit(holding.merit),
    }


def _why(why: Why) -> dict[str, Any]:
    return {
        "reason_code": why.reason_code,
        "cause": why.cause,
        "lapsed": [_lapse(one) for one in why.lapsed],
        "ground": why.ground,
        "deadline": rfc3339(why.deadline) if why.deadline else None,
        "by_credential_id": str(why.by) if why.by else None,
    }


def _lapse(lapse: Lapse) -> dict[str, Any]:
    return {
        "credential_id": str(lapse.credential_id),
        "kind": lapse.kind,
        "definition_id": lapse.definition_id,
        "title": dict(lapse.title),
        "change": lapse.change,
    }


def _part(part: Part, status: Status | None) -> dict[str, Any]:
    return {
        "credential_id": str(part.credential_id),
        "kind": part.kind,
        "definition_id": part.definition_id,
        "definition_version": part.definition_version,
        "title": dict(part.title),
        "status": status,
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
