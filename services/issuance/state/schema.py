"""The durable tables of the protocol state; the migrations spell them out again."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)

METADATA = MetaData()
_MOMENT = DateTime(timezone=True)

openings = Table(
    "openings",
    METADATA,
    Column("learner_ref", Text, primary_key=True),
    Column("definition_id", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("achievement_id", Uuid, nullable=False, unique=True),
    Column("looked_at", _MOMENT, nullable=False, index=True),
)

offers = Table(
    "offers",
    METADATA,
    Column("offer_id", Uuid, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
    Column("learner_ref", Text, nullable=False),
    Column("issuer_org", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("configuration_id", Text, nullable=False),
    Column("reference_hash", LargeBinary, nullable=False, unique=True),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    Column("tx_hash", LargeBinary),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("state", Text, CheckConstraint("state in ('open', 'used', 'over')"), nullable=False, server_default="open"),
    Column("cause", Text),
    Column("expires_at", _MOMENT, nullable=False),
    Column("lapses_at", _MOMENT, nullable=False),
    Column("notified", Text),
    Column("settled", Boolean, nullable=False, server_default="false"),
)
Index("offers_unsettled", offers.c.lapses_at, postgresql_where=~offers.c.settled)
Index("offers_ended", offers.c.offer_id, postgresql_where=~offers.c.settled & offers.c.cause.is_not(None))

tokens = Table(
    "tokens",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("offer_id", Uuid, ForeignKey("offers.offer_id"), nullable=False),
    Column("identifiers", Boolean, nullable=False),
    Column("expires_at", _MOMENT, nullable=False, index=True),
)

spent_nonces = Table(
    "spent_nonces",
    METADATA,
    Column("nonce_hash", LargeBinary, primary_key=True),
    Column("expires_at", _MOMENT, nullable=False, index=True),
)

status_lists = Table(
    "status_lists",
    METADATA,
    Column("list_id", Uuid, primary_key=True),
    Column("uri", Text, nullable=False, unique=True),
    Column("issuer_org", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("next_counter", Integer, nullable=False, server_default="0"),
)
Index("status_lists_by_issuer", status_lists.c.issuer_org, status_lists.c.position)

used_indices = Table(
    "used_indices",
    METADATA,
    Column("status_uri", Text, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
)

reassessments = Table(
    "reassessments",
    METADATA,
    Column("learner_ref", Text, primary_key=True),
    Column("pathway_id", Text, primary_key=True),
    Column("due_at", _MOMENT, nullable=False, index=True),
    Column("revision", Integer, nullable=False, server_default="1"),
)
