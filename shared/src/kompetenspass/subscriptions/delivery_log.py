"""Deliveries in their table: planned with the cursor, taken when due, and what came of each attempt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.core.clock import rfc3339
from kompetenspass.subscriptions.keeping import subscription_of
from kompetenspass.subscriptions.tables import Delivery, Due, Held, Planned, Subscription, Try

KEPT_FOR = timedelta(days=14)
"""How long it is known what was delivered. Dead letters stay until they are delivered or their subscription goes."""

_ACTIVE = text("""
    SELECT s.*, (SELECT count(*) FROM webhook_delivery d WHERE d.subscription_id = s.id AND d.state = 'pending')
      AS waiting
    FROM webhook_subscription s WHERE s.state = 'active' ORDER BY s.created_at, s.id
""")
_MOVE = text("""
    UPDATE webhook_subscription SET position = :reached WHERE id = :id AND position = :position AND state = 'active'
""")
_PLAN = text("""
    INSERT INTO webhook_delivery AS d
      (subscription_id, position, event_id, type, key, state, since, next_at, tries, failures)
    SELECT :id, position, event_id, type, key, 'pending', :now, :now, '[]', 0
    FROM unnest(CAST(:positions AS bigint[]), CAST(:event_ids AS uuid[]), CAST(:types AS text[]),
      CAST(:keys AS text[])) AS planned (position, event_id, type, key)
    ON CONFLICT (subscription_id, position) DO UPDATE
    SET event_id = excluded.event_id, type = excluded.type, key = excluded.key, state = 'pending',
      since = excluded.since, next_at = excluded.next_at, failures = 0, ended_at = NULL, held_until = NULL,
      tries = CASE WHEN d.event_id = excluded.event_id THEN d.tries ELSE '[]' END
    WHERE d.state <> 'pending' OR d.event_id <> excluded.event_id
""")
_DUE = text("""
    WITH heads AS (
      SELECT DISTINCT ON (subscription_id, key)
        subscription_id, position, event_id, key, since, failures, next_at, held_until
      FROM webhook_delivery
      WHERE state = 'pending' AND subscription_id IN (
        SELECT id FROM webhook_subscription WHERE state = 'active' AND (not_before IS NULL OR not_before <= :now))
      ORDER BY subscription_id, key, position
    ), ranked AS (
      SELECT heads.*, row_number() OVER (PARTITION BY subscription_id ORDER BY heads.position) AS place
      FROM heads WHERE next_at <= :now AND (held_until IS NULL OR held_until <= clock_timestamp())
    )
    SELECT s.*, ranked.position AS due, ranked.event_id, ranked.key, ranked.since, ranked.failures
    FROM ranked JOIN webhook_subscription s ON s.id = ranked.subscription_id
    WHERE ranked.place <= :each
    ORDER BY s.failing_since IS NOT NULL, ranked.place, ranked.position
""")
_HOLD = text("""
    UPDATE webhook_delivery d SET held_until = clock_timestamp() + make_interval(secs => :seconds)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:positions AS bigint[]), CAST(:event_ids AS uuid[]))
      AS due (id, position, event_id), webhook_subscription s
    WHERE d.subscription_id = due.id AND d.position = due.position AND d.event_id = due.event_id
      AND d.state = 'pending' AND (d.held_until IS NULL OR d.held_until <= clock_timestamp())
      AND s.id = due.id AND s.state = 'active'
    RETURNING d.subscription_id, d.position, d.held_until
""")
_LET_GO = text("""
    UPDATE webhook_delivery SET held_until = NULL
    WHERE subscription_id = :id AND position = :position AND held_until = :held
""")
_RECORD = """
    WITH recorded AS (
      UPDATE webhook_delivery SET state = :state, next_at = :next_at, ended_at = :ended_at, held_until = NULL,
        failures = failures + CASE :state WHEN 'done' THEN 0 ELSE 1 END,
        tries = CASE WHEN jsonb_array_length(tries) < 20 THEN tries ELSE tries - 0 END || CAST(:tried AS jsonb)
      WHERE subscription_id = :id AND position = :position AND state = 'pending' AND event_id = :event_id
        AND (held_until = :held OR :state = 'done')
    )
"""
_WELL = text(f"""{_RECORD}
    UPDATE webhook_subscription SET failing_since = NULL, not_before = NULL
    WHERE id = :id AND (failing_since IS NOT NULL OR not_before IS NOT NULL)
""")  # noqa: S608  put together of constants
_ILL = text(f"""{_RECORD}
    UPDATE webhook_subscription
    SET failing_since = coalesce(failing_since, :now), not_before = coalesce(:not_before, not_before)
    WHERE id = :id RETURNING failing_since
""")  # noqa: S608  put together of constants
_LOST = text(f"{_RECORD} SELECT")
_DISABLE = text("""
    UPDATE webhook_subscription SET state = 'disabled', reason = :reason WHERE id = :id AND state = 'active'
""")
_LIST = text("""
    SELECT position, event_id, type, state, since, next_at, tries, ended_at FROM webhook_delivery
    WHERE subscription_id = :id AND position > :after AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY position LIMIT :limit
""")
_AGAIN = text("""
    UPDATE webhook_delivery
    SET state = 'pending', since = :now, next_at = :now, failures = 0, ended_at = NULL, held_until = NULL
    WHERE subscription_id = :id AND CASE
      WHEN CAST(:position AS bigint) IS NULL THEN state = 'dead'
      ELSE position = CAST(:position AS bigint) AND state <> 'pending' END
""")
_COUNT = text("""
    SELECT count(*) FILTER (WHERE state = 'pending') AS waiting, count(*) FILTER (WHERE state = 'dead') AS dead
    FROM webhook_delivery WHERE subscription_id = :id AND state <> 'done'
""")
_SWEEP = text("DELETE FROM webhook_delivery WHERE state = 'done' AND ended_at < :before")


class Deliveries:
    """The rows of `webhook_delivery`, and of its subscription what changes with them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._each = engine.execution_options(isolation_level="AUTOCOMMIT")  # single statements: one way there and back

    async def active(self) -> Sequence[tuple[Subscription, int]]:
        """Return the active subscriptions, each with how many of its deliveries wait."""
        async with self._each.connect() as connection:
            rows = (await connection.execute(_ACTIVE)).mappings().all()
        return [(subscription_of(row), row["waiting"]) for row in rows]

    async def plan(self, subscription: Subscription, reached: int, planned: Sequence[Planned], now: datetime) -> bool:
        """Plan deliveries and move the cursor in one transaction; False: it was moved or stopped by somebody else."""
        columns = {
            "positions": [one.position for one in planned],
            "event_ids": [one.event_id for one in planned],
            "types": [one.type for one in planned],
            "keys": [one.key for one in planned],
        }
        mine = {"id": subscription.id, "position": subscription.position, "reached": reached}
        async with self._engine.begin() as connection:
            if not (await connection.execute(_MOVE, mine)).rowcount:
                return False
            if planned:
                await connection.execute(_PLAN, {"id": subscription.id, "now": now, **columns})
        return True

    async def due(self, now: datetime, each: int) -> Sequence[Due]:
        """Return what may be sent now: of each key its first, in the order of the log, `each` per subscription.

        The first ones of all subscriptions stand before the second ones, so that none of them crowds out another, and
        those that take nothing stand behind all that do.
        """
        async with self._each.connect() as connection:
            rows = (await connection.execute(_DUE, {"now": now, "each": each})).mappings().all()
        names = "event_id", "key", "since", "failures"
        return [Due(subscription_of(row), row["due"], *(row[name] for name in names)) for row in rows]

    async def hold(self, dues: Sequence[Due], seconds: float) -> Sequence[Held]:
        """Take deliveries for attempts that end within so many seconds; those that another process has are left out."""
        asked = {
            "ids": [due.subscription.id for due in dues],
            "positions": [due.position for due in dues],
            "event_ids": [due.event_id for due in dues],
            "seconds": seconds,
        }
        async with self._each.connect() as connection:
            rows = (await connection.execute(_HOLD, asked)).all()
        until = {(row.subscription_id, row.position): row.held_until for row in rows}
        places = [(due, until.get((due.subscription.id, due.position))) for due in dues]
        return [Held(due, at) for due, at in places if at]

    async def let_go(self, held: Held) -> None:
        """Give back what was taken, without an attempt that came to its end."""
        asked = {"id": held.due.subscription.id, "position": held.due.position, "held": held.until}
        async with self._each.connect() as connection:
            await connection.execute(_LET_GO, asked)

    async def delivered(self, held: Held, tried: Try, now: datetime) -> None:
        """Record that the receiver has it."""
        async with self._each.connect() as connection:
            await connection.execute(_WELL, _recorded(held, tried, "done", now, now))

    async def failed(
        self, held: Held, tried: Try, next_at: datetime | None, *, now: datetime, not_before: datetime | None
    ) -> datetime:
        """Record a failure: tried again at `next_at`, a dead letter if None. `not_before` holds all back.

        Returns since when nothing has been delivered to this subscription.
        """
        values = _recorded(held, tried, "pending" if next_at else "dead", next_at or now, None if next_at else now)
        async with self._each.connect() as connection:
            since: datetime | None = (
                await connection.execute(_ILL, values | {"now": now, "not_before": not_before})
            ).scalar()
        return since or now  # without a row the subscription was deleted meanwhile

    async def unreadable(self, held: Held, tried: Try, now: datetime) -> None:
        """Record that the event cannot be sent at all, which is no fault of the receiver: a dead letter."""
        async with self._each.connect() as connection:
            await connection.execute(_LOST, _recorded(held, tried, "dead", now, now))

    async def disable(self, subscription_id: UUID, reason: str) -> None:
        """Stop sending; what waits is kept and the cursor stands."""
        async with self._engine.begin() as connection:
            await connection.execute(_DISABLE, {"id": subscription_id, "reason": reason})

    async def listed(self, subscription_id: UUID, after: int, limit: int, state: str | None) -> Sequence[Delivery]:
        """Return deliveries in the order of the log, at most `limit`."""
        asked = {"id": subscription_id, "after": after, "limit": limit, "state": state}
        async with self._engine.connect() as connection:
            return [Delivery(**row) for row in (await connection.execute(_LIST, asked)).mappings()]

    async def counts(self, subscription_id: UUID) -> tuple[int, int]:
        """Return how many deliveries wait, and how many are dead letters."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_COUNT, {"id": subscription_id})).one()
        return row.waiting, row.dead

    async def again(self, subscription_id: UUID, position: int | None, now: datetime) -> int:
        """Have one delivery made again, or all dead letters if `position` is None; return how many that are."""
        asked = {"id": subscription_id, "position": position, "now": now}
        async with self._engine.begin() as connection:
            return int((await connection.execute(_AGAIN, asked)).rowcount)

    async def sweep(self, now: datetime) -> None:
        """Forget what was delivered long ago."""
        async with self._engine.begin() as connection:
            await connection.execute(_SWEEP, {"before": now - KEPT_FOR})


def _recorded(held: Held, tried: Try, state: str, next_at: datetime, ended_at: datetime | None) -> dict[str, object]:
    due = held.due
    entry: dict[str, Any] = asdict(tried) | {"at": rfc3339(tried.at)}
    which = {"id": due.subscription.id, "position": due.position, "event_id": due.event_id, "held": held.until}
    return which | {"state": state, "tried": json.dumps([entry]), "next_at": next_at, "ended_at": ended_at}
