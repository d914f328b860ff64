"""Requests, verdicts, and claims that wait to be read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("request_id", sa.Uuid, primary_key=True),
        sa.Column("verifier_org", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("dcql_query", JSONB, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("fetches", sa.Integer, nullable=False),
    )
    op.create_table(
        "verdicts",
        sa.Column("verdict_id", sa.Uuid, primary_key=True),
        sa.Column("request_id", sa.Uuid, nullable=False),
        sa.Column("verdict", JSONB, nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )
    op.create_table(
        "disclosures",
        sa.Column("verdict_id", sa.Uuid, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("disclosures", "verdicts", "requests"):
        op.drop_table(table)
