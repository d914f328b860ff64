"""What the streams of accounts fold to, for the log to keep snapshots of."""

from __future__ import annotations

from typing import Any

from kompetenspass.log.snapshots import Aggregate
from services.wallet.domain import account

AGGREGATES: tuple[Aggregate[Any], ...] = (Aggregate("account-", account.Account(), account.evolve),)
