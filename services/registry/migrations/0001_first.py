"""Slugs, challenges, published status lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slugs",
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("org_id", sa.Text, nullable=False),
    )
    op.create_table(
        "key_challenges",
        sa.Column("challenge_hash", sa.Text, primary_key=True),
        sa.Column("org_id", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_key_challenges_expires_at", "key_challenges", ["expires_at"])
    op.create_table(
        "published_lists",
        sa.Column("list_id", sa.Uuid, primary_key=True),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("change", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("signer", sa.Text, nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("gzipped", sa.LargeBinary, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("ttl_seconds", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    for name in ("published_lists", "key_challenges", "slugs"):
        op.drop_table(name)
