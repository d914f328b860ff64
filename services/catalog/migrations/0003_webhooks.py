"""Subscriptions by webhook, and what was delivered to them."""

from __future__ import annotations

from kompetenspass.subscriptions.migrating import create_webhooks, drop_webhooks

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_webhooks()


def downgrade() -> None:
    drop_webhooks()
