"""State: the protocol state in PostgreSQL. Implements service.ports.State. What is hot is SQL text, in `sql`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from asyncpg import UniqueViolationError
from sqlalchemy import Executable, Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from kompetenspass.web.statements import Statements
from services.issuance.domain.credential import WithdrawalCause
from services.issuance.service.ports import Access, Block, OfferRow, Outcome, Redeemed, StatusList
from services.issuance.service.vault_ports import SealedEntry
from services.issuance.state import sql
from services.issuance.state.schema import offers, openings, spent_nonces, status_lists, tokens

TX_CODE_ATTEMPTS = 5
_LAPSE_GRACE = timedelta(seconds=30)
_KEPT_AFTER_THE_END = timedelta(days=30)
_row_of = attrgetter(*OfferRow.__dataclass_fields__)
_entry_of = attrgetter(*SealedEntry.__dataclass_fields__)
_OUTCOMES: Mapping[str, Outcome] = {"used": "used", "open": "wrong_tx_code", "over": "burnt"}


class State:
    """Each method is one transaction, and most of them are one statement."""

    def __init__(self, engine: AsyncEngine, statements: Statements) -> None:
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._statements = statements
        self._add_offer = statements.shared(sql.ADD_OFFER)
        self._redeem = statements.shared(sql.REDEEM)
        self._access = statements.shared(sql.ACCESS)
        self._spend = statements.shared(sql.SPEND)
        self._close_achievement = statements.shared(sql.CLOSE_ACHIEVEMENT)

    async def open_achievement(
        self, learner_ref: str, definition_id: str, route: str, achievement_id: UUID, now: datetime
    ) -> UUID:
        """Take the place of the one open achievement; return which achievement has it now."""
        place = (learner_ref, definition_id, route, achievement_id, now)
        ((holder,),) = await self._statements.fetch(sql.OPEN_ACHIEVEMENT, *place)
        return cast(UUID, holder)

    async def close_achievement(self, achievement_id: UUID) -> None:
        """Give the place up."""
        await self._close_achievement.rows(achievement_id)

    async def openings_before(self, moment: datetime, now: datetime, limit: int) -> Sequence[UUID]:
        """Return achievements whose place was last looked at before `moment`, and note that it is looked at now."""
        old = select(openings.c.achievement_id).where(openings.c.looked_at < moment).limit(limit)
        looked = update(openings).where(openings.c.achievement_id.in_(old)).values(looked_at=now)
        return [row.achievement_id for row in await self._rows(looked.returning(openings.c.achievement_id))]

    async def add_offer(self, offer: OfferRow) -> None:
        """Keep a new offer; a repeat changes nothing."""
        await self._add_offer.rows(*_row_of(offer))

    async def offer_by_reference(self, reference_hash: bytes, now: datetime) -> OfferRow | None:
        """Return an offer that may still be used."""
        usable = and_(offers.c.reference_hash == reference_hash, offers.c.state == "open", offers.c.expires_at > now)
        return _offer(await self._rows(select(offers).where(usable)))

    async def offer(self, offer_id: UUID) -> OfferRow | None:
        """Return an offer, whatever became of it."""
        return _offer(await self._rows(select(offers).where(offers.c.offer_id == offer_id)))

    async def redeem(
        self, *, slug: str, code_hash: bytes, tx_hash: bytes | None, token_hash: bytes,
        asked: Sequence[str] | None, now: datetime, token_ends: datetime,
    ) -> Redeemed:  # fmt: skip
        """Use a code, once, and keep the token; or count a wrong transaction code.

        A rival with the same code at the same moment is tried first; then it is this one's turn again.
        """
        configurations = None if asked is None else json.dumps(asked)
        while True:
            tried = await self._redeem.rows(
                code_hash, slug, tx_hash, configurations, now, token_hash, token_ends, TX_CODE_ATTEMPTS
            )
            if tried:
                _, offer_id, credential_id, configuration_id, state = tried[0]
                return Redeemed(_OUTCOMES[state], offer_id, credential_id, configuration_id)
            found = await self._rows(select(offers).where(offers.c.code_hash == code_hash))
            refused = _why_not(found[0] if found else None, slug, tx_hash, asked, now)
            if refused is not None:
                return Redeemed(refused)

    async def withdraw_offer(self, offer_id: UUID, cause: WithdrawalCause) -> None:
        """Let nobody use the offer any more."""
        ended = update(offers).where(offers.c.offer_id == offer_id, offers.c.state != "over")
        await self._run(ended.values(state="over", cause=cause))

    async def settle_offer(self, offer_id: UUID) -> None:
        """Note that the log has said what became of the offer."""
        await self._run(update(offers).where(offers.c.offer_id == offer_id).values(settled=True))

    async def unsettled_offers(self, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID, WithdrawalCause]]:
        """Return offer, credential and cause of those that are over while the log may not have said so."""
        waiting = and_(~offers.c.settled, or_(offers.c.cause.is_not(None), offers.c.lapses_at <= now - _LAPSE_GRACE))
        cause = func.coalesce(offers.c.cause, "expired").label("cause")
        columns = select(offers.c.offer_id, offers.c.credential_id, cause)
        rows = await self._rows(columns.where(waiting).order_by(offers.c.lapses_at).limit(limit))
        return [(row.offer_id, row.credential_id, row.cause) for row in rows]

    async def access(self, token_hash: bytes, now: datetime) -> Access | None:
        """Return what a live token is for."""
        rows = await self._access.rows(token_hash, now)
        return Access(*rows[0][1:]) if rows else None

    async def spend(
        self, nonces: Mapping[bytes, datetime], indices: Sequence[tuple[str, int]], owner: UUID, keys: SealedEntry
    ) -> bool:
        """Spend nonces, take indices for a credential, and keep the holder's keys in the vault: all or nothing.

        False when a nonce was spent before. Raises UniqueViolationError when an index was taken before: that is a bug,
        and must be loud.
        """
        fresh: Iterator[tuple[bytes | None, datetime | None]] = chain(nonces.items(), repeat((None, None)))
        entry: Iterator[tuple[object, ...]] = chain([_entry_of(keys)], repeat((None,) * len(_entry_of(keys))))
        rows = [(*next(fresh), uri, index, owner, *next(entry)) for uri, index in indices]
        try:
            await self._spend.rows_of(rows)
        except UniqueViolationError as error:
            if error.table_name == spent_nonces.name:
                return False
            raise
        return True

    async def note_notification(self, offer_id: UUID, event: str) -> None:
        """Keep what the wallet said of what it got."""
        await self._run(update(offers).where(offers.c.offer_id == offer_id).values(notified=event))

    async def open_list(self, opened: StatusList) -> None:
        """Keep a status list to lease indices from; a repeat changes nothing."""
        row = {name: getattr(opened, name) for name in StatusList.__dataclass_fields__}
        await self._run(insert(status_lists).values(**row).on_conflict_do_nothing())

    async def lease_indices(self, issuer_org: str, count: int) -> Block | None:
        """Return the next counters of the issuer's oldest list that has any left; None when none has.

        A rival may take the last ones between choosing and counting; then the next list is asked.
        """
        left = and_(status_lists.c.issuer_org == issuer_org, status_lists.c.next_counter < status_lists.c.size)
        oldest = select(status_lists.c.list_id).where(left).order_by(status_lists.c.position).limit(1)
        leased = (
            update(status_lists)
            .where(status_lists.c.list_id == oldest.with_for_update().scalar_subquery())
            .values(next_counter=status_lists.c.next_counter + count)
            .returning(status_lists)
        )
        rows = await self._rows(leased) or await self._rows(leased)
        if not rows:
            return None
        row = rows[0]
        return Block(row.list_id, row.uri, row.size, row.next_counter - count, min(row.size, row.next_counter))

    async def sweep(self, now: datetime) -> None:
        """Forget tokens and nonces that are over, and offers a month after their end."""
        await self._run(delete(tokens).where(tokens.c.expires_at < now))
        await self._run(delete(spent_nonces).where(spent_nonces.c.expires_at < now))
        await self._run(delete(offers).where(offers.c.settled, offers.c.lapses_at < now - _KEPT_AFTER_THE_END))

    async def _rows(self, statement: Executable) -> Sequence[Row[Any]]:
        async with self._single.connect() as connection:
            return (await connection.execute(statement)).all()

    async def _run(self, statement: Executable) -> None:
        async with self._single.connect() as connection:
            await connection.execute(statement)


def _why_not(
    row: Row[Any] | None, slug: str, tx_hash: bytes | None, asked: Sequence[str] | None, now: datetime
) -> Outcome | None:
    """Return why an offer cannot be used with what was sent, None where it can."""
    if row is None or row.slug != slug or row.state != "open" or row.expires_at <= now:
        return "refused"
    if (row.tx_hash is None) != (tx_hash is None):
        return "tx_code_missing" if tx_hash is None else "tx_code_unexpected"
    return "details_unknown" if asked is not None and row.configuration_id not in asked else None


def _offer(rows: Sequence[Row[Any]]) -> OfferRow | None:
    names = OfferRow.__dataclass_fields__
    return OfferRow(**{name: rows[0]._mapping[name] for name in names}) if rows else None
