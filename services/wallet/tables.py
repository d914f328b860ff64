"""The read tables of the timeline; each is written by the handlers of one log only, so that any order will do."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

timeline = MetaData()

issues = Table(
    "issues",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
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
    Column("position", BigInteger, nullable=False),
    Column("credential_id", Uuid, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("reason_code", Text),
    Column("cause", Text),
)
"""From the registry: what became of a credential."""

supersessions = Table(
    "supersessions",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("learner_ref", Text, nullable=False, index=True),
    Column("credential_id", Uuid, nullable=False),
    Column("by_credential_id", Uuid, nullable=False),
    Column("cause", Text, nullable=False),
)
"""From issuance: which credential took another's place."""

awards = Table(
    "awards",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("stack_id", Uuid, nullable=False),
    Column("credential_id", Uuid, nullable=False),
    Column("learner_ref", Text, nullable=False, index=True),
    Column("pathway_id", Text, nullable=False),
    Column("pathway_version", Integer, nullable=False),
    Column("awarding_body", Text, nullable=False),
    Column("recognition_level", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("constituents", JSONB, nullable=False),
)
"""From issuance: one row for each CredentialStacked; `constituents` are those of that day."""

proposals = Table(
    "proposals",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("stack_id", Uuid, nullable=False),
    Column("learner_ref", Text, nullable=False, index=True),
    Column("pathway_id", Text, nullable=False),
    Column("pathway_version", Integer, nullable=False),
)
"""From issuance: awards that wait, or waited, for a decision."""

stack_changes = Table(
    "stack_changes",
    timeline,
    Column("event_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("stack_id", Uuid, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("cause", Text),
    Column("reason_code", Text),
    Column("ground", Text),
    Column("decided", Boolean, nullable=False),
    Column("deadline", DateTime(timezone=True)),
    Column("part_id", Uuid),
    Column("part_change", Text),
    Column("lapsed", JSONB, nullable=False),
    Column("taken_by", JSONB(none_as_null=True)),
)
"""From issuance: what became of an award or its proposal, one row an event; each kind fills its own columns."""

progress = Table(
    "progress",
    timeline,
    Column("learner_ref", Text, primary_key=True),
    Column("pathway_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("pathway_version", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("missing", JSONB, nullable=False),
)
"""From issuance: the newest PathwayProgressed of a learner and a pathway."""

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
    Column("kind", Text, nullable=False),
    Column("title", JSONB, nullable=False),
)
"""From the catalog: titles of definitions and pathways by language."""

pathways = Table(
    "pathways",
    timeline,
    Column("pathway_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("awarding_body", Text, nullable=False),
    Column("content", JSONB, nullable=False),
)
"""From the catalog: published versions of pathways, whole."""

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
