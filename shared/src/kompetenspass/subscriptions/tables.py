"""The durable tables of webhooks, as statements name them, and a subscription and a delivery as read from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kompetenspass.events.base import Audience
from kompetenspass.subscriptions.signing import Scheme

State = Literal["active", "paused", "disabled"]
METADATA = MetaData()
_MOMENT = DateTime(timezone=True)

subscriptions = Table(
    "webhook_subscription",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("org", Text),
    Column("url", Text),
    Column("types", ARRAY(Text)),
    Column("audience", Text),
    Column("scheme", Text),
    Column("state", Text),
    Column("reason", Text),
    Column("epoch", Uuid),
    Column("position", BigInteger),
    Column("secret", LargeBinary),
    Column("former_secret", LargeBinary),
    Column("former_until", _MOMENT),
    Column("not_before", _MOMENT),
    Column("failing_since", _MOMENT),
    Column("created_at", _MOMENT),
)
"""`position`: up to there deliveries were planned. `secret` is sealed; `former_secret` signs too until `former_until`.
`not_before`: the receiver asked for a pause. `failing_since`: no delivery succeeded since, and at least one failed."""

deliveries = Table(
    "webhook_delivery",
    METADATA,
    Column("subscription_id", Uuid, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("event_id", Uuid),
    Column("type", Text),
    Column("key", Text),
    Column("state", Text),
    Column("since", _MOMENT),
    Column("next_at", _MOMENT),
    Column("tries", JSONB),
    Column("failures", Integer),
    Column("held_until", _MOMENT),
    Column("ended_at", _MOMENT),
)
"""One event for one subscription: `pending`, `done` or `dead`. `key`: what has the same key is delivered in order.
`since`: from when the three days count. `tries`: one entry per attempt, the newest twenty; no body. `held_until`: a
process is making an attempt until then, by the database's clock; no other one begins one before."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One row of `webhook_subscription`."""

    id: UUID
    org: str
    url: str
    types: tuple[str, ...] | None
    audience: Audience
    scheme: Scheme
    state: State
    reason: str | None
    epoch: UUID
    position: int
    secret: bytes = field(repr=False)
    former_secret: bytes | None = field(repr=False)
    former_until: datetime | None
    not_before: datetime | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """One event that is to be delivered."""

    position: int
    event_id: UUID
    type: str
    key: str


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come and before which nothing of its key waits."""

    subscription: Subscription
    position: int
    event_id: UUID
    key: str
    since: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that this process has until a moment of the database's clock, by which it is known when recorded."""

    due: Due
    until: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the delivery log says of one event: `pending`, `done` or `dead`, and every attempt as JSON values."""

    position: int
    event_id: UUID
    type: str
    state: str
    since: datetime
    next_at: datetime
    tries: list[dict[str, Any]]
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: when, what came of it (`delivered`, or why not), the status and how long it took."""

    at: datetime
    outcome: str
    status: int | None
    latency_ms: int
