"""The Merkle tree over the log: its standing, its tiles, its newest checkpoint."""

from __future__ import annotations

from kompetenspass.log.merkle.revisions import drop_tree, make_tree

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_tree()


def downgrade() -> None:
    drop_tree()
