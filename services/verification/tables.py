"""The read tables of verification: what the other services have said that trust rests on. Disposable."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

REGISTRY, CATALOG, ISSUANCE = MetaData(), MetaData(), MetaData()

issuer_keys = Table(
    "issuer_keys",
    REGISTRY,
    Column("org_id", Text, primary_key=True),
    Column("kid", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("thumbprint", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True), nullable=False),
    Column("compromised_since", DateTime(timezone=True)),
    Index("issuer_keys_by_issuer", "issuer", "thumbprint"),
)

roles = Table(
    "organisation_roles",
    REGISTRY,
    Column("granted_at", BigInteger, primary_key=True),
    Column("org_id", Text, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True)),
    Column("scope", JSONB, nullable=False),
)
"""One row per grant, named by the log position of its event; a withdrawal sets `valid_to`."""

voided_credentials = Table(
    "voided_credentials",
    REGISTRY,
    Column("credential_id", Uuid, primary_key=True),
)
"""Credentials that were revoked as what never should have been."""

definitions = Table(
    "definitions",
    CATALOG,
    Column("urn", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("definition_id", Text, nullable=False, index=True),
    Column("owner_org", Text, nullable=False),
    Column("content_digest", Text, nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("region", Text),
    Column("content", JSONB, nullable=False),
)
"""Published versions, of pathways too: a stacked award names its pathway as its definition. `kind` tells them apart."""

sector_approvals = Table(
    "sector_approvals",
    CATALOG,
    Column("definition_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sector_org", Text, nullable=False),
)

issuing_rights = Table(
    "issuing_rights",
    CATALOG,
    Column("granted_at", BigInteger, primary_key=True),
    Column("definition_id", Text, nullable=False),
    Column("issuer_org", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True)),
    Index("issuing_rights_by_definition", "definition_id", "issuer_org"),
)

issued_copies = Table(
    "issued_copies",
    ISSUANCE,
    Column("digest", Text, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
    Column("issuer_org", Text, nullable=False),
    Column("definition_id", Text, nullable=False),
    Column("definition_version", Integer, nullable=False),
    Column("definition_digest", Text, nullable=False),
    Column("recorded", DateTime(timezone=True), nullable=False),
)
"""One row per issued copy, by the digest of its issuer-signed part; `recorded` is the time of issuance's log."""
