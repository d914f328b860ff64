"""What the durable table of a relay is made by; a revision of each service's history calls it, and it never changes.

What is added later is a function of its own, called by a later revision.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY


def make_relay_cursor() -> None:
    """Make the table that says how far the log was sent, and who may send it."""
    op.create_table(
        "relay_cursor",
        sa.Column("log", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Uuid),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Uuid),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Integer),
        sa.Column("places", ARRAY(sa.BigInteger), nullable=False),
    )


def drop_relay_cursor() -> None:
    """Undo `make_relay_cursor`."""
    op.drop_table("relay_cursor")
