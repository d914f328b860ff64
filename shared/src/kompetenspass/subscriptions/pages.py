"""GET /v1/events: pages, long poll and server-sent events at one address, and the schemas of what is sent."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from starlette.responses import Response

from kompetenspass.core.digest import canonical_json
from kompetenspass.core.errors import Problem, not_found
from kompetenspass.events.base import AUDIENCES, Audience
from kompetenspass.events.codec import EVENTS
from kompetenspass.events.schemas import schema_of
from kompetenspass.subscriptions.audience import audience_of, caller_of, chosen_types, require_audience
from kompetenspass.subscriptions.caching import cache_control, tagged
from kompetenspass.subscriptions.journal import Asked, Journal, Page
from kompetenspass.subscriptions.places import Places, place_name
from kompetenspass.subscriptions.starts import CURSOR, At, Cursor, Time, at
from kompetenspass.subscriptions.stream import EventStream, Pace
from kompetenspass.web.auth import Principal

BATCH = "application/cloudevents-batch+json"
PLAIN = "application/json"
STREAM = "text/event-stream"
LARGEST_PAGE = 500
LONGEST_WAIT_SECONDS = 30
_SCHEMA = ".schema.json"
_FORMATS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events in order.", "content": {BATCH: {}, PLAIN: {}, STREAM: {}}},
    304: {"description": "The page is the one that If-None-Match names."},
}

_Types = Annotated[str, Field(max_length=2000)]
After = Annotated[
    Cursor | Literal["now"] | None, Query(description="A cursor, or a position, to go on after; `now`: the end.")
]
Since = Annotated[Time | None, Query(description="Instead of `after`: a time, RFC 3339.")]
Types = Annotated[list[_Types] | None, Query(alias="type", description="Types, given several times or with commas.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many events at most.")]
Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait for the first event.")]
For = Annotated[Literal["public", "partner"] | None, Query(description="The audience; the widest that is yours.")]
LastEventId = Annotated[
    str | None, Header(pattern=f"^$|{CURSOR}", description="Where a stream was cut off: the id of its last event.")
]
IfNoneMatch = Annotated[str | None, Header(description="The ETag of the page that you have.")]


def pages(journal: Journal, base_url: str, places: Places, pace: Pace) -> APIRouter:
    """Return the routes that read the service's own log. Refusals: `invalid_request`, `audience_forbidden`,
    `unknown_event_type`, `cursor_ahead`, `log_restored`, `events_detached`, `event_unreadable`,
    `too_many_connections`."""
    router = APIRouter(tags=["events"])

    @router.get("/v1/events", operation_id="readEvents", response_class=Response, responses=_FORMATS)
    async def events(
        request: Request,
        after: After = None,
        since: Since = None,
        types: Types = None,
        limit: Limit = 100,
        wait: Wait = 0,
        audience: For = None,
        last_event_id: LastEventId = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Return events of this service's log in order, for the caller's audience, and where the next page begins.

        `Accept: application/json` gives an object with `next`, `text/event-stream` a stream that stays open.
        """
        caller, accept = await caller_of(request), request.headers.get("accept", "")
        asked = _asked(journal.owner, caller, audience, types)
        place = places, place_name(caller)
        if STREAM in accept:
            begin = await journal.place(last_event_id or _start(after, since))
            return EventStream(journal, asked, begin, place=place, allowed=lambda: caller_of(request), pace=pace)
        begin = await _begin(journal, after, since)
        with places.hold(place[1]) if wait else nullcontext():
            page = await journal.follow(begin, asked, limit, wait)
        following = _next(base_url, page, {"limit": limit, "type": types, "audience": audience, "wait": wait})
        unchanging = "." in (after or "") and len(page.events) == limit and not page.ended
        control = cache_control(asked.audience, unchanging=unchanging)
        return _answer(page, following, accept, control, if_none_match)

    _add_schemas(router, journal.owner)
    return router


def _add_schemas(router: APIRouter, owner: str) -> None:
    @router.get("/v1/events/schemas/{name}", operation_id="readEventSchema", response_class=Response)
    async def schema(name: str, if_none_match: IfNoneMatch = None) -> Response:
        """Return the JSON Schema of the data of an event for an audience: `{type}.{audience}.schema.json`."""
        headers = {"Cache-Control": "public, max-age=3600"}
        return tagged(canonical_json(_schema(owner, name)), "application/schema+json", headers, if_none_match)


def _asked(owner: str, caller: Principal | None, audience: Audience | None, types: list[str] | None) -> Asked:
    chosen = audience or audience_of(caller)
    require_audience(caller, chosen)
    asked = frozenset(filter(None, map(str.strip, ",".join(types or ()).split(","))))
    return Asked(chosen, chosen_types(owner, chosen, asked or None))


def _start(after: str | None, since: datetime | None) -> str | datetime:
    if after is not None and since is not None:
        raise Problem("invalid_request", "`after` and `since` exclude each other.", remedy="Leave one of them out.")
    return since or after or "0"


async def _begin(journal: Journal, after: str | None, since: datetime | None) -> At:
    start = _start(after, since)
    if isinstance(start, datetime) or start == "now":
        return await journal.place(start)
    return at(start)  # whether the log reaches it is seen when it is read


def _next(base_url: str, page: Page, said: dict[str, Any]) -> str:
    texts = {name: ",".join(value) if isinstance(value, list) else value for name, value in said.items() if value}
    return f"{base_url}/v1/events?{urlencode({'after': page.cursor, **texts}, safe=',')}"


def _answer(page: Page, following: str, accept: str, control: str, if_none_match: str | None) -> Response:
    """Return the page: a batch of CloudEvents (JSON format, section 4), or an object where plain JSON is accepted."""
    events = b"[%s]" % b",".join(event.body for event in page.events)
    sent = {"Cache-Control": control, "Link": f'<{following}>; rel="next"', "Vary": "Accept, Authorization"}
    if PLAIN not in accept or BATCH in accept:
        return tagged(events, BATCH, sent, if_none_match)
    around = canonical_json({"cursor": str(page.cursor), "ended": page.ended, "next": following})
    return tagged(b'{"events":%s,%s' % (events, around[1:]), PLAIN, sent, if_none_match)


def _schema(owner: str, name: str) -> dict[str, Any]:
    event_type, _, audience = name.removesuffix(_SCHEMA).rpartition(".")
    event = EVENTS.get(event_type)
    if not name.endswith(_SCHEMA) or event is None or event.owner() != owner or audience not in AUDIENCES:
        raise not_found("schema")
    found = schema_of(event, audience)
    if found is None:
        raise not_found("schema")
    return found
