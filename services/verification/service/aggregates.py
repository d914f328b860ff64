"""What the streams of requests fold to, for the log to keep snapshots of."""

from __future__ import annotations

from typing import Any

from kompetenspass.log.snapshots import Aggregate
from services.verification.domain import presentation

AGGREGATES: tuple[Aggregate[Any], ...] = (Aggregate("presentation-", presentation.Presentation(), presentation.evolve),)
