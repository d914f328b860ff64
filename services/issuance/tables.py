"""The read tables of issuance: `facts` from the logs of registry and catalog, `overview` from issuance's own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

FACTS = MetaData()
OVERVIEW = MetaData()

_MOMENT = DateTime(timezone=True)

changes = Table(
    "changes",
    FACTS,
    Column("log", Text, primary_key=True),
    Column("moved", BigInteger, nullable=False),
)
"""How far each log has changed the facts: the positions in `changed_streams`, added up. It grows with every change."""

changed_streams = Table(
    "changed_streams",
    FACTS,
    Column("log", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

organisations = Table(
    "organisations",
    FACTS,
    Column("org_id", Text, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("legal_name", JSONB, nullable=False),
    Column("registration_no", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("region", Text),
)

roles = Table(
    "roles",
    FACTS,
    Column("org_id", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("valid_from", _MOMENT, primary_key=True),
    Column("valid_to", _MOMENT),
    Column("scope", JSONB, nullable=False),
)

issuer_keys = Table(
    "issuer_keys",
    FACTS,
    Column("org_id", Text, primary_key=True),
    Column("kid", Text, primary_key=True),
    Column("jwk", JSONB, nullable=False),
    Column("valid_from", _MOMENT, nullable=False),
    Column("valid_to", _MOMENT, nullable=False),
    Column("compromised_since", _MOMENT),
)

assessors = Table(
    "assessors",
    FACTS,
    Column("assessor_ref", Text, primary_key=True),
    Column("org_id", Text, primary_key=True),
    Column("decision_ref", Text, primary_key=True),
    Column("basis", Text, nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("valid_from", _MOMENT, nullable=False),
    Column("valid_to", _MOMENT),
)

credential_statuses = Table(
    "credential_statuses",
    FACTS,
    Column("credential_id", Uuid, primary_key=True),
    Column("status", Text, nullable=False),
    Column("reason_code", Text),
    Column("void_ab_initio", Boolean, nullable=False),
    Column("causes", JSONB, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("caused_by", Text),
)
"""What the registry said last of each credential; `caused_by` is the event that made the registry revoke it, if any."""

definitions = Table(
    "definitions",
    FACTS,
    Column("definition_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("urn", Text, nullable=False),
    Column("owner_org", Text, nullable=False),
    Column("awarding_body", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("last_issue_date", Date),
    Index("definitions_by_owner", "owner_org"),
)

sector_approvals = Table(
    "sector_approvals",
    FACTS,
    Column("definition_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sector_org", Text, nullable=False),
)

issuing_rights = Table(
    "issuing_rights",
    FACTS,
    Column("definition_id", Text, primary_key=True),
    Column("issuer_org", Text, primary_key=True),
    Column("valid_from", _MOMENT, primary_key=True),
    Column("valid_to", _MOMENT),
    Index("issuing_rights_by_issuer", "issuer_org"),
)

pathways = Table(
    "pathways",
    FACTS,
    Column("pathway_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("rule_digest", Text, nullable=False),
    Column("urn", Text, nullable=False),
    Column("awarding_body", Text, nullable=False),
    Column("title", JSONB, nullable=False),
    Column("mode", Text, nullable=False),
    Column("selectors", Boolean, nullable=False),
    Column("content", JSONB, nullable=False),
    Index("pathways_by_awarding_body", "awarding_body"),
)

pathway_members = Table(
    "pathway_members",
    FACTS,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("pathway_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
)

achievements = Table(
    "achievements",
    OVERVIEW,
    Column("achievement_id", Uuid, primary_key=True),
    Column("learner_ref", Text, nullable=False),
    Column("definition_id", Text, nullable=False),
    Column("definition_version", Integer, nullable=False),
    Column("awarding_body", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("assessed_on", Date),
    Column("awarded_on", Date),
    Column("awarded_at", _MOMENT),
    Column("vault_ref", Uuid),
    Column("recognition_level", Text),
    Index("achievements_by_learner", "learner_ref", "definition_id"),
)

credentials = Table(
    "credentials",
    OVERVIEW,
    Column("credential_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("achievement_id", Uuid),
    Column("stack_id", Uuid),
    Column("learner_ref", Text, nullable=False),
    Column("definition_id", Text, nullable=False),
    Column("definition_version", Integer, nullable=False),
    Column("definition_digest", Text, nullable=False),
    Column("issuer_org", Text, nullable=False),
    Column("recognition_level", Text, nullable=False),
    Column("offer_id", Uuid),
    Column("offer_state", Text, nullable=False),
    Column("offer_expires_at", _MOMENT),
    Column("issued_at", _MOMENT),
    Column("valid_to", _MOMENT),
    Column("digests", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("superseded_by", Uuid),
    Column("superseded_cause", Text),
    Index("credentials_by_achievement", "achievement_id"),
    Index("credentials_by_learner", "learner_ref"),
)
Index(
    "credentials_by_successor",
    credentials.c.superseded_by,
    postgresql_where=credentials.c.superseded_by.is_not(None),
)

stacks = Table(
    "stacks",
    OVERVIEW,
    Column("stack_id", Uuid, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
    Column("learner_ref", Text, nullable=False),
    Column("pathway_id", Text, nullable=False),
    Column("pathway_version", Integer, nullable=False),
    Column("pathway_digest", Text, nullable=False),
    Column("rule_digest", Text, nullable=False),
    Column("awarding_body", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("causes", JSONB, nullable=False),
    Column("constituents", JSONB, nullable=False),
    Column("review", JSONB),
    Column("review_deadline", _MOMENT),
    Column("awarded_on", Date),
    Column("awarded_at", _MOMENT),
    Column("recognition_level", Text),
    Index("stacks_by_learner", "learner_ref"),
    Index("stacks_by_credential", "credential_id"),
    Index("stacks_by_awarding_body", "awarding_body", "stack_id"),
    Index("stacks_in_review", "review_deadline"),
)

copies = Table(
    "copies",
    OVERVIEW,
    Column("digest", Text, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
)

evidence = Table(
    "evidence",
    OVERVIEW,
    Column("learner_ref", Text, primary_key=True),
    Column("credential_id", Uuid, primary_key=True),
    Column("awarding_body", Text, nullable=False),
    Column("vault_ref", Uuid),
    Column("ended", Text),
    Index("evidence_by_credential", "credential_id"),
)
"""What learners presented themselves; what has taken its place since counts too, which is found when it is read."""
