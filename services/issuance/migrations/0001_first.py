"""Openings, offers, tokens, nonces, status lists, used indices, and the vault."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _achievements_and_offers()
    _tokens_and_nonces()
    _status_indices()
    _vault()


def downgrade() -> None:
    for table in (
        "vault_entries", "vault_learners", "vault_tenants", "used_indices", "status_lists",
        "spent_nonces", "tokens", "offers", "openings",
    ):  # fmt: skip
        op.drop_table(table)


def _achievements_and_offers() -> None:
    op.create_table(
        "openings",
        sa.Column("learner_ref", sa.Text, primary_key=True),
        sa.Column("definition_id", sa.Text, primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("achievement_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("looked_at", _MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "offers",
        sa.Column("offer_id", sa.Uuid, primary_key=True),
        sa.Column("credential_id", sa.Uuid, nullable=False),
        sa.Column("learner_ref", sa.Text, nullable=False),
        sa.Column("issuer_org", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("configuration_id", sa.Text, nullable=False),
        sa.Column("reference_hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("code_hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("tx_hash", sa.LargeBinary),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("state", sa.Text, nullable=False, server_default="open"),
        sa.Column("cause", sa.Text),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("lapses_at", _MOMENT, nullable=False),
        sa.Column("notified", sa.Text),
        sa.Column("settled", sa.Boolean, nullable=False, server_default="false"),
        sa.CheckConstraint("state in ('open', 'used', 'over')"),
    )
    op.create_index("offers_unsettled", "offers", ["lapses_at"], postgresql_where=sa.text("not settled"))
    op.create_index(
        "offers_ended", "offers", ["offer_id"], postgresql_where=sa.text("not settled and cause is not null")
    )


def _tokens_and_nonces() -> None:
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.LargeBinary, primary_key=True),
        sa.Column("offer_id", sa.Uuid, sa.ForeignKey("offers.offer_id"), nullable=False),
        sa.Column("identifiers", sa.Boolean, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "spent_nonces",
        sa.Column("nonce_hash", sa.LargeBinary, primary_key=True),
        sa.Column("expires_at", _MOMENT, nullable=False, index=True),
    )


def _status_indices() -> None:
    op.create_table(
        "status_lists",
        sa.Column("list_id", sa.Uuid, primary_key=True),
        sa.Column("uri", sa.Text, nullable=False, unique=True),
        sa.Column("issuer_org", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("next_counter", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("status_lists_by_issuer", "status_lists", ["issuer_org", "position"])
    op.create_table(
        "used_indices",
        sa.Column("status_uri", sa.Text, primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("credential_id", sa.Uuid, nullable=False),
    )


def _vault() -> None:
    op.create_table(
        "vault_tenants",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "vault_learners",
        sa.Column("learner_ref", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.Column("identity", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "vault_entries",
        sa.Column("entry_id", sa.Uuid, primary_key=True),
        sa.Column("learner_ref", sa.Text, sa.ForeignKey("vault_learners.learner_ref"), nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
