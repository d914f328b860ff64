"""How events fill the timeline's tables: a handler per event, each idempotent, none looks at another log's rows."""

from __future__ import annotations

from kompetenspass.log.project import Projection
from services.wallet import tables
from services.wallet.projections import merits, names, stacks

TIMELINE = Projection(
    name="timeline",
    version=2,
    logs=("issuance", "registry", "catalog", "wallet"),
    metadata=tables.timeline,
    handlers={**merits.HANDLERS, **stacks.HANDLERS, **names.HANDLERS},
    indexed_last=True,
)

__all__ = ["TIMELINE"]
