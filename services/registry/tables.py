"""The registry's read tables: disposable, filled from the logs, rebuilt by replay."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    and_,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

ORGANISATIONS_VERSION = 2
organisations_metadata = MetaData()

organisations = Table(
    "organisations",
    organisations_metadata,
    Column("org_id", Text, primary_key=True),
    Column("legal_name", JSONB, nullable=False),
    Column("slug", Text, nullable=False),
    Column("registration_no", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("region", Text),
    Column("parent", Text),
)

roles = Table(
    "roles",
    organisations_metadata,
    Column("granted_by_event", Uuid, primary_key=True),
    Column("org_id", Text, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("scope", JSONB, nullable=False),
    Column("mandate_ref", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True)),
)

keys = Table(
    "keys",
    organisations_metadata,
    Column("org_id", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("jwk", JSONB, nullable=False),
    Column("x5c", JSONB, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("valid_to", DateTime(timezone=True), nullable=False),
    Column("compromised_since", DateTime(timezone=True)),
    PrimaryKeyConstraint("org_id", "kid"),
)

STATUS_VERSION = 4
status_metadata = MetaData()

status_lists = Table(
    "status_lists",
    status_metadata,
    Column("uri", Text, primary_key=True),
    Column("list_id", Uuid, nullable=False, unique=True),
    Column("issuer_org", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("bits", SmallInteger, nullable=False),
    Column("ttl_seconds", Integer, nullable=False),
)

list_changes = Table(
    "list_changes",
    status_metadata,
    Column("status_uri", Text, primary_key=True),
    Column("change", Text, nullable=False),
)
"""Which transaction and event changed a value of the list last: a sign to look at it again, and no answer to anyone.

What is published knows the sign that it was made after. The transaction is part of it so that another generation of
these tables, which may have seen the two logs in another order, never gives the same sign for other values.
"""

list_uses = Table(
    "list_uses",
    status_metadata,
    Column("status_uri", Text, primary_key=True),
    Column("used", Integer, nullable=False),
)

# issuer_org, stack_id and valid_to are written by issuance's events, the others by the registry's. A row may be born of
# either; it shows once its issue is there. Its lock makes the two kinds of handlers of one credential wait for each
# other. `suspensions` has for each cause in `causes` its reason and the constituents of an award that lapsed.
credentials = Table(
    "credentials",
    status_metadata,
    Column("credential_id", Uuid, primary_key=True),
    Column("issuer_org", Text),
    Column("stack_id", Uuid),
    Column("valid_to", DateTime(timezone=True)),
    Column("causes", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("suspensions", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("revoked", Boolean, nullable=False, server_default=false()),
    Column("expired", Boolean, nullable=False, server_default=false()),
    Column("reason_code", Text),
)
Index(
    "credentials_to_expire",
    credentials.c.valid_to,
    postgresql_where=and_(credentials.c.revoked.is_(False), credentials.c.expired.is_(False)),
)

# One row per copy; `position` is that of its issue. `clashes_with` is empty but for a further use of an index, where it
# names who had it first by issuance's log: which of the two is seen first does not matter.
# `changed`: the transaction that changed the value last, so that the few that changed since a moment are found at once.
copies = Table(
    "copies",
    status_metadata,
    Column("status_uri", Text, nullable=False),
    Column("index", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("credential_id", Uuid, nullable=False, index=True),
    Column("position", BigInteger, nullable=False),
    Column("superseded", Boolean, nullable=False, server_default=false()),
    Column("value", SmallInteger, nullable=False, server_default=text("0")),
    Column("clashes_with", Uuid),
    Column("changed", BigInteger),
    PrimaryKeyConstraint("status_uri", "index", "digest"),
)
Index(
    "copies_one_per_index",
    copies.c.status_uri,
    copies.c.index,
    unique=True,
    postgresql_where=copies.c.clashes_with.is_(None),
)
Index("copies_changed", copies.c.changed, postgresql_where=copies.c.changed.is_not(None))
Index("copies_not_valid", copies.c.status_uri, copies.c.index, copies.c.value, postgresql_where=copies.c.value != 0)

AWARDS_VERSION = 1
awards_metadata = MetaData()

awards = Table(
    "awards",
    awards_metadata,
    Column("stack_id", Uuid, primary_key=True),
    Column("credential_id", Uuid, nullable=False),
    Column("pathway_id", Text, nullable=False),
    Column("awarding_body", Text, nullable=False),
    Column("causes", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("revoked", Boolean, nullable=False, server_default=false()),
)
