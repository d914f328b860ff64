"""How events fill the read tables: a handler per event type. Each log writes rows of its own, so the logs commute."""

from __future__ import annotations

from kompetenspass.log.project import Projection
from services.issuance.projections import catalog, evidence, merits, registry, stacks
from services.issuance.tables import FACTS, OVERVIEW

_FACTS = {**registry.HANDLERS, **catalog.HANDLERS}
_OVERVIEW = {**merits.HANDLERS, **stacks.HANDLERS, **evidence.HANDLERS}

facts = Projection("facts", 2, ("registry", "catalog"), FACTS, _FACTS, judges_validity=True)
overview = Projection("overview", 3, ("issuance",), OVERVIEW, _OVERVIEW)

__all__ = ["facts", "overview"]
