"""/v1/subscriptions: webhooks of the caller's organisation, made, paused, tested, looked into and sent again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from kompetenspass.core.clock import rfc3339
from kompetenspass.subscriptions.signing import Scheme
from kompetenspass.subscriptions.starts import Start
from kompetenspass.subscriptions.tables import Delivery, Subscription, Try
from kompetenspass.subscriptions.webhooks import Webhooks
from kompetenspass.web.auth import Caller
from kompetenspass.web.commands import Command

Org = Annotated[str | None, Query(max_length=200, description="Another organisation, for the scheme owner.")]
Url = Annotated[str, Field(min_length=1, max_length=2000)]
_Types = Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=100)]
LONGEST_OVERLAP_SECONDS = 7 * 24 * 3600


class Subscribe(Command):
    """A new subscription. No types: all that the audience is sent."""

    url: Url
    types: _Types | None = None
    audience: Literal["public", "partner"] = "public"
    start: Start = Field(default="now", alias="from")
    signature: Scheme = "ed25519"


class Change(Command):
    """What changes: another address, or whether it is sent to."""

    url: Url | None = None
    state: Literal["active", "paused"] | None = None


class Rotate(Command):
    """A new secret; the former one signs too for so long."""

    overlap_seconds: int = Field(default=24 * 3600, ge=0, le=LONGEST_OVERLAP_SECONDS)


class Replay(Command):
    """Where to go on from."""

    start: Start = Field(alias="from")


class Redeliver(Command):
    """One delivery by its position; without one, all dead letters."""

    position: Annotated[int, Field(ge=1, lt=2**53)] | None = None


def webhook_routes(webhooks: Webhooks, base_url: str) -> APIRouter:
    """Return the routes. Every caller needs a token and sees what is its own organisation's. Refusals:
    `organisation_needed`, `audience_forbidden`, `unknown_event_type`, `nothing_to_send`, `address_refused`,
    `cursor_ahead`, `log_restored`, `replay_needed`, `too_many_subscriptions`, `still_pending`, `not_found`.
    """
    router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])
    _add_subscribing(router, webhooks, base_url)
    _add_changes(router, webhooks)
    _add_deliveries(router, webhooks)
    _add_delivery_log(router, webhooks)
    return router


def _add_subscribing(router: APIRouter, webhooks: Webhooks, base_url: str) -> None:
    @router.post("", status_code=201, operation_id="subscribe")
    async def subscribe(body: Subscribe, caller: Caller, response: Response) -> dict[str, Any]:
        """Subscribe. With `hmac` the answer holds the secret, this once; with `ed25519` the public key."""
        made, handed_out = await webhooks.subscribe(
            caller, url=body.url, types=body.types, audience=body.audience, start=body.start, scheme=body.signature
        )
        response.headers["Location"] = f"{base_url}/v1/subscriptions/{made.id}"
        return shown(made) | handed_out

    @router.get("", operation_id="listSubscriptions")
    async def listed(caller: Caller, org: Org = None) -> dict[str, Any]:
        """Return the organisation's subscriptions, oldest first; the scheme owner may name another one."""
        return {"subscriptions": [shown(one) for one in await webhooks.listed(caller, org)]}

    @router.get("/{subscription_id}", operation_id="readSubscription")
    async def read(subscription_id: UUID, caller: Caller) -> dict[str, Any]:
        """Return one subscription; how many deliveries wait or are dead, and the log's head beside its position."""
        kept, counted = await webhooks.read(caller, subscription_id)
        return shown(kept) | counted


def _add_changes(router: APIRouter, webhooks: Webhooks) -> None:
    @router.patch("/{subscription_id}", operation_id="changeSubscription")
    async def change(subscription_id: UUID, body: Change, caller: Caller) -> dict[str, Any]:
        """Pause, resume, or give another address. What waits is kept; resumed, it has three days again."""
        return shown(await webhooks.change(caller, subscription_id, url=body.url, state=body.state))

    @router.delete("/{subscription_id}", status_code=204, operation_id="unsubscribe")
    async def remove(subscription_id: UUID, caller: Caller) -> None:
        """Delete it, with its deliveries and dead letters; the scheme owner may delete any."""
        await webhooks.remove(caller, subscription_id)

    @router.post("/{subscription_id}/secret", operation_id="rotateSecret")
    async def rotate(subscription_id: UUID, body: Rotate, caller: Caller) -> dict[str, Any]:
        """Make a new secret or key, shown as when subscribing; both sign until the overlap ends."""
        changed, handed_out = await webhooks.rotate(caller, subscription_id, body.overlap_seconds)
        return shown(changed) | handed_out


def _add_deliveries(router: APIRouter, webhooks: Webhooks) -> None:
    @router.post("/{subscription_id}/test", operation_id="testSubscription")
    async def test(subscription_id: UUID, caller: Caller) -> dict[str, Any]:
        """Post an event of the type `kompetenspass.Test.v1` now, once, and return what came of it."""
        return tried(await webhooks.test(caller, subscription_id))

    @router.post("/{subscription_id}/replay", operation_id="replaySubscription")
    async def replay(subscription_id: UUID, body: Replay, caller: Caller) -> dict[str, Any]:
        """Go on from a position or a time; what was delivered since then is delivered again."""
        return shown(await webhooks.replay(caller, subscription_id, body.start))

    @router.post("/{subscription_id}/redeliver", status_code=202, operation_id="redeliver")
    async def redeliver(subscription_id: UUID, body: Redeliver, caller: Caller) -> dict[str, int]:
        """Deliver one event again, or all dead letters; return how many that are."""
        return {"redelivering": await webhooks.redeliver(caller, subscription_id, body.position)}


def _add_delivery_log(router: APIRouter, webhooks: Webhooks) -> None:
    @router.get("/{subscription_id}/deliveries", operation_id="listDeliveries")
    async def deliveries(
        subscription_id: UUID,
        caller: Caller,
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        state: Literal["pending", "done", "dead"] | None = None,
    ) -> dict[str, Any]:
        """Return deliveries in the order of the log with their attempts; those done are known for 14 days."""
        rows = await webhooks.log_of(caller, subscription_id, after, limit, state)
        return {"deliveries": [delivery(row) for row in rows], "next": rows[-1].position if rows else after}


def shown(subscription: Subscription) -> dict[str, Any]:
    """Return what its organisation sees of a subscription; no secret."""
    return {
        "id": str(subscription.id),
        "url": subscription.url,
        "types": subscription.types,
        "audience": subscription.audience,
        "signature": subscription.scheme,
        "state": subscription.state,
        "reason": subscription.reason,
        "position": subscription.position,
        "former_secret_until": _moment(subscription.former_until),
        "not_before": _moment(subscription.not_before),
        "failing_since": _moment(subscription.failing_since),
        "created_at": rfc3339(subscription.created_at),
    }


def delivery(row: Delivery) -> dict[str, Any]:
    """Return an entry of the delivery log as JSON values."""
    times = {"since": row.since, "next_at": row.next_at if row.state == "pending" else None, "ended_at": row.ended_at}
    said = {"position": row.position, "event_id": str(row.event_id), "type": row.type, "state": row.state}
    return said | {"tries": row.tries} | {name: _moment(moment) for name, moment in times.items()}


def tried(attempt: Try) -> dict[str, Any]:
    """Return an attempt as JSON values."""
    said = {"outcome": attempt.outcome, "status": attempt.status, "latency_ms": attempt.latency_ms}
    return {"at": rfc3339(attempt.at), **said}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
