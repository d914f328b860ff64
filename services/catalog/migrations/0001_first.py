"""The catalog keeps nothing durable but its log: its tables are read tables, which a replay fills."""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is made."""


def downgrade() -> None:
    """Nothing is undone."""
