"""The page that a person looks at: opened by a one-time link, kept open by a cookie, without script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from kompetenspass.core.errors import Problem
from services.wallet.queries import Queries
from services.wallet.service.links import Links
from services.wallet.web.language import Language, preferred
from services.wallet.web.pages import STYLESHEET, Pages

COOKIE = "kompetenspass_timeline"
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}


class PageRoutes:
    """The endpoints of the page."""

    def __init__(self, queries: Queries, links: Links, pages: Pages, *, base_url: str, session_ttl: timedelta) -> None:
        self._queries = queries
        self._links = links
        self._pages = pages
        self._base_url = base_url
        self._session_ttl = session_ttl

    def routes(self) -> list[Route]:
        """Return the routes; what has a name of its own stands before the link."""
        return [
            Route("/timeline/pathways", self.show_pathways, methods=["GET"]),
            Route("/timeline/{token}", self.open_link, methods=["GET"]),
            Route("/timeline", self.show, methods=["GET"]),
            Route("/timeline.css", stylesheet, methods=["GET"]),
        ]

    async def open_link(self, request: Request) -> Response:
        """Use the link up, set the cookie, and go to the page. A HEAD request uses nothing up."""
        if request.method == "HEAD":
            return Response(headers=_PAGE_HEADERS)
        try:
            session = await self._links.open(request.path_params["token"])
        except Problem:
            return self._over(request)
        answer = RedirectResponse(f"{self._base_url}/timeline{_query(request)}", 303, headers=_PAGE_HEADERS)
        base = urlsplit(self._base_url)
        answer.set_cookie(
            COOKIE,
            session.token,
            max_age=int(self._session_ttl.total_seconds()),
            path=f"{base.path}/timeline",
            secure=base.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    async def show(self, request: Request) -> Response:
        """Show the timeline of the cookie's account."""

        async def timeline(account_id: UUID, language: Language) -> str:
            return self._pages.timeline(await self._queries.timeline(account_id), language)

        return await self._shown(request, timeline)

    async def show_pathways(self, request: Request) -> Response:
        """Show the pathways of the cookie's account."""

        async def pathways(account_id: UUID, language: Language) -> str:
            return self._pages.pathways(await self._queries.pathways(account_id), language)

        return await self._shown(request, pathways)

    async def _shown(self, request: Request, page: Callable[[UUID, Language], Awaitable[str]]) -> Response:
        try:
            account_id = await self._links.account(request.cookies.get(COOKIE))
        except Problem:
            return self._over(request)
        language = language_of(request)
        return HTMLResponse(await page(account_id, language), headers=self._headers(language))

    def _over(self, request: Request) -> Response:
        language = language_of(request)
        return HTMLResponse(self._pages.link_over(language), 410, headers=self._headers(language))

    def _headers(self, language: Language) -> dict[str, str]:
        return {**_PAGE_HEADERS, "Content-Language": language}


async def stylesheet(_request: Request) -> Response:
    """Return the one stylesheet."""
    return Response(STYLESHEET, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


def language_of(request: Request) -> Language:
    """Return the language of the page: `lang` in the query, else the browser's preference."""
    return preferred(request.query_params.get("lang"), request.headers.get("accept-language", ""))


def _query(request: Request) -> str:
    asked = request.query_params.get("lang")
    return f"?lang={asked}" if asked in ("sv", "en") else ""
