"""How events fill the read tables: organisations from our own log, awards from issuance's, status from both."""

from __future__ import annotations

from services.registry.projections.awards import AWARDS
from services.registry.projections.organisations import ORGANISATIONS
from services.registry.projections.status import STATUS

__all__ = ["AWARDS", "ORGANISATIONS", "STATUS"]
