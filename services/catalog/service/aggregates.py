"""What the streams of definitions and pathways fold to, for the log to keep snapshots of."""

from __future__ import annotations

from typing import Any

from kompetenspass.log.snapshots import Aggregate
from services.catalog.domain import definition, pathway

AGGREGATES: tuple[Aggregate[Any], ...] = (
    Aggregate("def-", definition.Definition(), definition.evolve),
    Aggregate("path-", pathway.Pathway(), pathway.evolve),
)
