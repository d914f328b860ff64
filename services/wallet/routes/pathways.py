"""The learner's pathways as JSON, and the picture of each one's progress."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from kompetenspass.core.errors import not_found
from services.wallet.domain.pathways import Next, PathwayView
from services.wallet.queries import Queries
from services.wallet.routes.learner import Account
from services.wallet.web.language import preferred
from services.wallet.web.pages import Pages
from services.wallet.web.sentences import in_both, next_text, pathway_cause, pathway_text

SVG = "image/svg+xml"
Lang = Annotated[str | None, Query(max_length=8)]
AcceptLanguage = Annotated[str, Header(max_length=256)]


def router(queries: Queries, pages: Pages) -> APIRouter:
    """Return the routes of /v1/pathways."""
    api = APIRouter(prefix="/v1", tags=["pathways"])

    @api.get("/pathways", operation_id="list_pathways")
    async def list_pathways(response: Response, account: Account) -> dict[str, Any]:
        """List the learner's pathways: how far they have come, what is next, what stands in the way."""
        response.headers["Cache-Control"] = "no-store"
        return {"pathways": [_pathway(view, pages.zone) for view in await queries.pathways(account)]}

    @api.get("/pathways/{pathway_id}/progress.svg", operation_id="pathway_progress_picture", response_class=Response)
    async def progress_picture(
        pathway_id: str, account: Account, lang: Lang = None, accept_language: AcceptLanguage = ""
    ) -> Response:
        """Draw the learner's progress on one pathway."""
        for view in await queries.pathways(account):
            if view.info.pathway_id == pathway_id:
                language = preferred(lang, accept_language)
                headers = {"Cache-Control": "no-store", "Content-Language": language}
                return Response(pages.progress(view, language), media_type=SVG, headers=headers)
        raise not_found("pathway")

    return api


def _pathway(view: PathwayView, zone: tzinfo) -> dict[str, Any]:
    return {
        "pathway_id": view.info.pathway_id,
        "version": view.info.version,
        "title": dict(view.info.title),
        "result": dict(view.info.result),
        "awarding_body": view.info.awarding_body,
        "awarding_body_name": dict(view.info.awarding_name),
        "state": view.state,
        "outcome": view.outcome,
        "done": view.done,
        "total": view.total,
        "next": [_next(part) for part in view.next],
        "text": in_both(lambda language: pathway_text(view, language)),
        "cause": in_both(lambda language: pathway_cause(view, language, zone)),
        "stack_id": str(view.holding.stack_id) if view.holding else None,
        "credential_id": str(view.holding.merit.credential_id) if view.holding else None,
        "fetched": view.holding.fetched if view.holding else None,
    }


def _next(part: Next) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "id": part.id,
        "title": dict(part.title),
        "waiting": part.waiting,
        "text": in_both(lambda language: next_text(part, language)),
    }
