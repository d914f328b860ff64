"""Accounts, holder keys, held credentials, one-time links, sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Uuid, primary_key=True),
        sa.Column("wrapped_key", sa.LargeBinary),
    )
    op.create_table(
        "holder_keys",
        sa.Column("thumbprint", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.account_id"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "held_credentials",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.account_id"), nullable=False),
        sa.Column("thumbprint", sa.Text, sa.ForeignKey("holder_keys.thumbprint"), nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("vct", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_held_credentials_account_id", "held_credentials", ["account_id"])
    for name in ("links", "sessions"):
        op.create_table(
            name,
            sa.Column("token_hash", sa.LargeBinary, primary_key=True),
            sa.Column("account_id", sa.Uuid, nullable=False),
            sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        )
        op.create_index(f"ix_{name}_expires_at", name, ["expires_at"])


def downgrade() -> None:
    for name in ("sessions", "links", "held_credentials", "holder_keys", "accounts"):
        op.drop_table(name)
