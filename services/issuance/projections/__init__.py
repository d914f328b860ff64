"""How events fill the read tables: a handler per event type. Each stream writes its own columns: any order will do."""

from __future__ import annotations

from kompetenspass.log.project import Projection
from services.issuance.projections import catalog, evidence, merits, registry, stacks
from services.issuance.tables import FACTS, OVERVIEW

_FACTS = {**registry.HANDLERS, **catalog.HANDLERS}
_OVERVIEW = {**merits.HANDLERS, **stacks.HANDLERS, **evidence.HANDLERS}

facts = Projection("facts", 3, ("registry", "catalog"), FACTS, _FACTS, judges_validity=True)
overview = Projection("overview", 4, ("issuance",), OVERVIEW, _OVERVIEW)

__all__ = ["facts", "overview"]
