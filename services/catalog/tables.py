"""The catalog's read tables; disposable, filled from the logs."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

CATALOGUE = MetaData()

definitions = Table(
    "definitions",
    CATALOGUE,
    Column("definition_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("owner_org", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("content_digest", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("effective_from", DateTime(timezone=True)),
    Column("superseded_by", Text),
    Column("last_issue_date", Text),
    Column("sector_approval", JSONB),
)
"""One row per version. `current` marks the newest public version of each definition."""

pathways = Table(
    "pathways",
    CATALOGUE,
    Column("pathway_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("owner_org", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("content_digest", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("rule_digest", Text),
    Column("effective_from", DateTime(timezone=True)),
)
"""One row per version. `current` marks the newest published version of each pathway."""

issuing_rights = Table(
    "issuing_rights",
    CATALOGUE,
    Column("granted_at", BigInteger, primary_key=True),
    Column("definition_id", Text, nullable=False, index=True),
    Column("issuer_org", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True)),
)
"""One row per grant, named by the log position of its event; a withdrawal sets `valid_to`."""

ORGANISATIONS = MetaData()

organisations = Table(
    "organisations",
    ORGANISATIONS,
    Column("org_id", Text, primary_key=True),
    Column("legal_name", JSONB, nullable=False),
    Column("country", Text, nullable=False),
    Column("region", Text),
)

roles = Table(
    "organisation_roles",
    ORGANISATIONS,
    Column("granted_at", BigInteger, primary_key=True),
    Column("org_id", Text, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True)),
)
"""One row per grant, named by the log position of its event; a withdrawal sets `valid_to`."""
