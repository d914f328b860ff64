"""Status indices: unguessable, never given twice, and without asking anyone: a counter through a keyed permutation."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import defaultdict
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.openid.status.permutation import permute
from services.issuance.service.ports import Block, Keys, State, StatusList

BLOCK = 256


class Indices:
    """Leases counters in blocks, so that hardly any call waits for the database, and turns them into indices."""

    def __init__(self, state: State, keys: Keys) -> None:
        self._state = state
        self._keys = keys
        self._blocks: dict[str, Block] = {}
        self._next: dict[str, int] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def open(self, opened: StatusList) -> None:
        """Keep a list that the registry opened; it is used when the older ones are full."""
        await self._state.open_list(opened)

    async def lease(self, issuer_org: str, count: int) -> list[tuple[str, int]]:
        """Return `count` entries (status list URI, index) that nobody else has or will have.

        Raises Problem `no_status_list` when the issuer has no list with an index left.
        """
        return [await self._one(issuer_org) for _ in range(count)]

    async def _one(self, issuer_org: str) -> tuple[str, int]:
        async with self._locks[issuer_org]:
            block = self._blocks.get(issuer_org)
            if block is None or self._next[issuer_org] >= block.end:
                block = self._blocks[issuer_org] = await self._leased(issuer_org)
                self._next[issuer_org] = block.start
            counter = self._next[issuer_org]
            self._next[issuer_org] = counter + 1
        return block.uri, permute(self._list_key(block.list_id), block.size, counter)

    async def _leased(self, issuer_org: str) -> Block:
        block = await self._state.lease_indices(issuer_org, BLOCK)
        if block is None:
            raise Problem(
                "no_status_list",
                f"{issuer_org} has no status list with an index left.",
                kind=Kind.UNAVAILABLE,
                remedy="Try again soon: the registry opens a list once the issuer's key is registered.",
            )
        return block

    def _list_key(self, list_id: UUID) -> bytes:
        return hmac.digest(self._keys.permutation, list_id.bytes, hashlib.sha256)
