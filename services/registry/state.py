"""The registry's durable state: slugs that are taken, challenges in flight, status lists as published."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    any_,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from services.registry.domain.publication import Mark, Published

metadata = MetaData()

slugs = Table(
    "slugs",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
)

key_challenges = Table(
    "key_challenges",
    metadata,
    Column("challenge_hash", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
)

published_lists = Table(
    "published_lists",
    metadata,
    Column("list_id", Uuid, primary_key=True),
    Column("uri", Text, nullable=False),
    Column("change", Text),
    Column("content", Text, nullable=False),
    Column("signer", Text, nullable=False),
    Column("compact", Boolean, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("gzipped", LargeBinary, nullable=False),
    Column("etag", Text, nullable=False),
    Column("ttl_seconds", Integer, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)


class State:
    """Reads and writes the durable tables through the service's engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reads = engine.execution_options(isolation_level="AUTOCOMMIT")  # one round trip for one statement

    async def take_slug(self, slug: str, org_id: str) -> str:
        """Take `slug` for an organisation unless it is taken; return the organisation that has it now."""
        async with self._engine.begin() as connection:
            await connection.execute(insert(slugs).values(slug=slug, org_id=org_id).on_conflict_do_nothing())
            taken = await connection.execute(select(slugs.c.org_id).where(slugs.c.slug == slug))
            return str(taken.scalar_one())

    async def keep_challenge(self, challenge_hash: str, org_id: str, expires_at: datetime) -> None:
        """Keep the hash of a challenge until it is spent or swept."""
        row = {"challenge_hash": challenge_hash, "org_id": org_id, "expires_at": expires_at}
        async with self._engine.begin() as connection:
            await connection.execute(insert(key_challenges).values(row))

    async def spend_challenge(self, challenge_hash: str, org_id: str, now: datetime) -> bool:
        """Remove a challenge; return whether it was there, the organisation's own, and alive."""
        mine = (key_challenges.c.challenge_hash == challenge_hash) & (key_challenges.c.org_id == org_id)
        statement = delete(key_challenges).where(mine).returning(key_challenges.c.expires_at)
        async with self._engine.begin() as connection:
            expires_at = (await connection.execute(statement)).scalar_one_or_none()
        return expires_at is not None and expires_at > now

    async def sweep_challenges(self, now: datetime) -> int:
        """Remove the challenges that have expired; return how many."""
        async with self._engine.begin() as connection:
            return (await connection.execute(delete(key_challenges).where(key_challenges.c.expires_at <= now))).rowcount

    async def marks(self) -> Mapping[UUID, Mark]:
        """Return what each published list was made after, by whom it is signed and until when it is valid."""
        async with self._reads.connect() as connection:
            rows = (await connection.execute(_MARKS)).all()
        return {list_id: Mark(*mark) for list_id, *mark in rows}

    async def publish(self, made: Sequence[tuple[Published, Mark]]) -> None:
        """Replace what is published of some lists, all in one transaction."""
        rows = [_fields(published) | _fields(mark) for published, mark in made]
        async with self._engine.begin() as connection:
            await connection.execute(_PUBLISH, rows)

    async def still_holds(self, changes: Mapping[UUID, str | None]) -> None:
        """Note that what is published of lists holds after a further change, which left their values as they were."""
        rows = [{"changed_list": list_id, "change": change} for list_id, change in changes.items()]
        async with self._engine.begin() as connection:
            await connection.execute(_STILL_HOLDS, rows)

    async def published(self, list_id: UUID) -> Published | None:
        """Return what is published of a list, ready to be served."""
        async with self._reads.connect() as connection:
            row = (await connection.execute(_PUBLISHED, {"wanted": list_id})).one_or_none()
        return Published(**row._mapping) if row else None

    async def etags(self, list_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Return the entity tags of what is published of some lists."""
        async with self._reads.connect() as connection:
            rows = await connection.execute(_ETAGS, {"wanted": list(list_ids)})
            return {row.list_id: row.etag for row in rows}

    async def published_uris(self) -> list[str]:
        """Return the URIs of all published lists, sorted."""
        async with self._reads.connect() as connection:
            return list((await connection.execute(select(published_lists.c.uri).order_by("uri"))).scalars())


def _fields(one: Published | Mark) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


_columns = published_lists.c
_MARKS = select(_columns.list_id, *(_columns[name] for name in Mark.__slots__))
_PUBLISHED = select(*(_columns[name] for name in Published.__slots__)).where(_columns.list_id == bindparam("wanted"))
_ETAGS = select(_columns.list_id, _columns.etag).where(_columns.list_id == any_(bindparam("wanted", type_=ARRAY(Uuid))))
_STILL_HOLDS = update(published_lists).where(_columns.list_id == bindparam("changed_list"))
_insert = insert(published_lists)
_renewed = {column.name: _insert.excluded[column.name] for column in published_lists.c if not column.primary_key}
_PUBLISH = _insert.on_conflict_do_update(index_elements=["list_id"], set_=_renewed)
