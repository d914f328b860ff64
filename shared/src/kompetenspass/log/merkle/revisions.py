"""What the durable tables of a tree are made by; a revision of each service's history calls it, and it never changes.

What is added later is a function of its own, called by a later revision.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def make_tree() -> None:
    """Make the tables of the tree: where it stands with its newest checkpoint, and its tiles."""
    op.create_table(
        "merkle_tree",
        sa.Column("one", sa.Boolean, sa.CheckConstraint("one"), primary_key=True),
        sa.Column("epoch", sa.Uuid, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("checkpoint_size", sa.BigInteger),
        sa.Column("checkpoint", sa.Text),
    )
    op.create_table(
        "merkle_tiles",
        sa.Column("level", sa.SmallInteger, primary_key=True),
        sa.Column("index", sa.BigInteger, primary_key=True),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )


def drop_tree() -> None:
    """Drop the tables of the tree."""
    for table in ("merkle_tiles", "merkle_tree"):
        op.drop_table(table)
