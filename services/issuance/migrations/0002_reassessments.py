"""Learners whose pathways are to be looked at again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reassessments",
        sa.Column("learner_ref", sa.Text, primary_key=True),
        sa.Column("pathway_id", sa.Text, primary_key=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    )


def downgrade() -> None:
    op.drop_table("reassessments")
