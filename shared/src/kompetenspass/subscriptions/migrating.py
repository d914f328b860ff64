"""The durable tables of webhooks as a revision of each service makes them; what is added later is a new function."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB


def create_webhooks() -> None:
    """Make the tables of subscriptions and deliveries, and their indexes; called within a revision."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "webhook_subscription",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("org", sa.Text, nullable=False, index=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("types", ARRAY(sa.Text)),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("scheme", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("epoch", sa.Uuid, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("former_secret", sa.LargeBinary),
        sa.Column("former_until", moment),
        sa.Column("not_before", moment),
        sa.Column("failing_since", moment),
        sa.Column("created_at", moment, nullable=False),
    )
    _create_deliveries(moment)


def _create_deliveries(moment: sa.DateTime) -> None:
    subscription = sa.ForeignKey("webhook_subscription.id", ondelete="CASCADE")
    op.create_table(
        "webhook_delivery",
        sa.Column("subscription_id", sa.Uuid, subscription, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("next_at", moment, nullable=False),
        sa.Column("tries", JSONB, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("held_until", moment),
        sa.Column("ended_at", moment),
    )
    pending, done = sa.text("state = 'pending'"), sa.text("state = 'done'")
    columns = ["subscription_id", "key", "position"]
    op.create_index("ix_webhook_delivery_pending", "webhook_delivery", columns, postgresql_where=pending)
    op.create_index("ix_webhook_delivery_done", "webhook_delivery", ["ended_at"], postgresql_where=done)


def drop_webhooks() -> None:
    """Undo `create_webhooks`."""
    op.drop_table("webhook_delivery")
    op.drop_table("webhook_subscription")
