"""Subscriptions in their table: made, read, changed and deleted by the organisation they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.subscriptions.tables import Subscription, deliveries, subscriptions

MOST_SUBSCRIPTIONS = 20
"""How many subscriptions an organisation may have at one service."""

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks of ' || :org, 0))")


class Subscriptions:
    """The rows of `webhook_subscription`. What belongs to another organisation is not found."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, made: Subscription) -> None:
        """Keep a new one. Raises Problem `too_many_subscriptions` (409)."""
        async with self._engine.begin() as connection:
            await connection.execute(_ONE_AT_A_TIME, {"org": made.org})
            count = select(func.count()).select_from(subscriptions).where(subscriptions.c.org == made.org)
            if (await connection.scalar(count) or 0) >= MOST_SUBSCRIPTIONS:
                raise Problem(
                    "too_many_subscriptions",
                    "Your organisation has as many subscriptions here as it may have.",
                    kind=Kind.CONFLICT,
                    remedy="Delete one that you no longer need.",
                    members={"most": MOST_SUBSCRIPTIONS},
                )
            await connection.execute(insert(subscriptions).values(**asdict(made)))

    async def of(self, org: str) -> Sequence[Subscription]:
        """Return the subscriptions of an organisation, oldest first."""
        order = subscriptions.c.created_at, subscriptions.c.id
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(subscriptions).where(subscriptions.c.org == org).order_by(*order))
            return [subscription_of(row._mapping) for row in rows]

    async def get(self, org: str, subscription_id: UUID) -> Subscription:
        """Return one subscription. Raises Problem `not_found`."""
        async with self._engine.connect() as connection:
            found = (await connection.execute(select(subscriptions).where(_its(org, subscription_id)))).first()
        if found is None:
            raise not_found("subscription")
        return subscription_of(found._mapping)

    async def change(self, org: str, subscription_id: UUID, **values: object) -> Subscription:
        """Change columns and return what it is now. Raises Problem `not_found`."""
        changed = update(subscriptions).where(_its(org, subscription_id)).values(**values).returning(subscriptions)
        async with self._engine.begin() as connection:
            found = (await connection.execute(changed)).first()
        if found is None:
            raise not_found("subscription")
        return subscription_of(found._mapping)

    async def resume(self, org: str, subscription_id: UUID, now: datetime) -> Subscription:
        """Make it active again; what waits is tried at once, and its three days begin anew."""
        waiting = (deliveries.c.subscription_id == subscription_id) & (deliveries.c.state == "pending")
        values = {"state": "active", "reason": None, "not_before": None, "failing_since": None}
        resumed = update(subscriptions).where(_its(org, subscription_id)).values(**values).returning(subscriptions)
        async with self._engine.begin() as connection:
            found = (await connection.execute(resumed)).first()
            if found is None:
                raise not_found("subscription")
            again = update(deliveries).where(waiting).values(since=now, next_at=now, failures=0)
            await connection.execute(again)
        return subscription_of(found._mapping)

    async def remove(self, org: str | None, subscription_id: UUID) -> None:
        """Delete it with its deliveries, whosoever it is if `org` is None. Raises Problem `not_found`."""
        async with self._engine.begin() as connection:
            gone = await connection.execute(delete(subscriptions).where(_its(org, subscription_id)))
        if not gone.rowcount:
            raise not_found("subscription")


def _its(org: str | None, subscription_id: UUID) -> ColumnElement[bool]:
    named = subscriptions.c.id == subscription_id
    return named if org is None else named & (subscriptions.c.org == org)


def subscription_of(row: Any) -> Subscription:
    """Return the subscription that a row of the table holds; the row may hold more."""
    values = {column.name: row[column.name] for column in subscriptions.columns}
    return Subscription(**values | {"types": None if values["types"] is None else tuple(values["types"])})
