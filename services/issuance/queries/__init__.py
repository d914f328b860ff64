"""Rows to answers: the facts that the use cases ask for, and the overview for GET."""

from __future__ import annotations

from services.issuance.queries.awards import AwardQueries
from services.issuance.queries.facts import FactQueries
from services.issuance.queries.holdings import HoldingQueries
from services.issuance.queries.learners import LearnerQueries
from services.issuance.queries.pathways import PathwayQueries


class Queries(PathwayQueries, HoldingQueries, AwardQueries, LearnerQueries, FactQueries):
    """All that is read. Implements service.ports.Facts and service.stacking_ports.StackingFacts."""
