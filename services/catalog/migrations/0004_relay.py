"""How far the log was sent to Kafka, and who may send it."""

from __future__ import annotations

from kompetenspass.log.kafka.revisions import drop_relay_cursor, make_relay_cursor

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_relay_cursor()


def downgrade() -> None:
    drop_relay_cursor()
