"""The read tables of issuance: `facts` from the logs of registry and catalog, `overview` from issuance's own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

FACTS = MetaData()
OVERVIEW = MetaData()

_MOMENT = DateTime(timezone=True)

changes = Table(
    "changes",
    FACTS,
    Column("log", Text, primary_key=True),
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
    Column("fields", JSONB, nullable=False),
    Column("valid_from", _MOMENT, nullable=False),
    Column("valid_to", _MOMENT),
)

credential_statuses = Table(
    "credential_statuses",
    FACTS,
    Column("credential_id", Uuid, primary_key=True),
    Column("status", Text, nullable=False),
)

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
    Column("version", Integer, nullable=False),
    Column("urn", Text, nullable=False),
    Column("awarding_body", Text, nullable=False),
    Column("title", JSONB, nullable=False),
)

pathway_members = Table(
    "pathway_members",
    FACTS,
    Column("definition_id", Text, primary_key=True),
    Column("pathway_id", Text, primary_key=True),
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
    Column("recognition_level", Text),
    Index("achievements_by_learner", "learner_ref", "definition_id"),
)

credentials = Table(
    "credentials",
    OVERVIEW,
    Column("credential_id", Uuid, primary_key=True),
    Column("achievement_id", Uuid, nullable=False),
    Column("offer_id", Uuid),
    Column("offer_state", Text, nullable=False),
    Column("offer_expires_at", _MOMENT),
    Column("issued_at", _MOMENT),
    Column("valid_to", _MOMENT),
    Column("copies", Integer, nullable=False),
    Index("credentials_by_achievement", "achievement_id"),
)
