"""The read tables of the timeline; each is written by the handlers of one log only, so that any order will do."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

timeline = MetaData()

issues = Table(
    "issues",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("credential_id", Uuid, nullable=False),
    Column("learner_ref", Text, nullable=False, index=True),
    Column("definition_id", Text, nullable=False),
    Column("definition_version", Integer, nullable=False),
    Column("issuer_org", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("recognition_level", Text, nullable=False),
    Column("valid_to", DateTime(timezone=True)),
    Column("replaces", Boolean, nullable=False),
)
"""From issuance: one row for each CredentialIssued."""

copies = Table(
    "copies",
    timeline,
    Column("digest", Text, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
    Column("learner_ref", Text, nullable=False),
)
"""From issuance: which learner_ref a copy was issued to."""

changes = Table(
    "changes",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("credential_id", Uuid, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("reason_code", Text),
    Column("suspended", Boolean, nullable=False),
)
"""From the registry: what became of a credential."""

organisations = Table(
    "organisations",
    timeline,
    Column("org_id", Text, primary_key=True),
    Column("legal_name", JSONB, nullable=False),
)
"""From the registry: names by language."""

titles = Table(
    "titles",
    timeline,
    Column("definition_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", JSONB, nullable=False),
)
"""From the catalog: titles of definitions and pathways by language."""

account_copies = Table(
    "account_copies",
    timeline,
    Column("account_id", Uuid, primary_key=True),
    Column("digest", Text, primary_key=True),
)
"""From the wallet's own log: which copies an account holds; through them it learns its learner_refs."""

shares = Table(
    "shares",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("account_id", Uuid, nullable=False, index=True),
    Column("digest", Text, nullable=False),
    Column("verifier", Text, nullable=False),
)
"""From the wallet's own log: what was shown to whom, for the learner's eyes only."""
