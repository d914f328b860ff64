"""One good definition and pathway, and organisations that may stand behind them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pytest

from kompetenspass.events.envelope import Actor, Context
from kompetenspass.log.memory import MemoryLog
from kompetenspass.testing.clock import NOON, FixedClock
from services.catalog.domain.rules import Roles
from services.catalog.service.definitions import Definitions
from services.catalog.service.pathways import Pathways

OWNER = "org:kommun"
ROLES: Roles = {
    OWNER: frozenset({"awarding_body", "provider", "quality_assurer", "issuer"}),
    "org:council": frozenset({"sector_body"}),
    "org:myh": frozenset({"qualifications_framework_authority"}),
    "org:other": frozenset({"awarding_body", "provider", "issuer"}),
}


class KnownOrganisations:
    """Facts about organisations that never change."""

    async def roles(self, organisations: Collection[str], at: datetime) -> Roles:
        return {org: ROLES[org] for org in organisations if org in ROLES}


def both(text: str) -> dict[str, str]:
    return {"sv": f"{text} på svenska", "en": f"{text} in English"}


def outcome(number: int, category: str) -> dict[str, Any]:
    parts = ("intro", "activity", "content", "quality", "context", "statement")
    return {"id": f"m#{number}", "category": category} | {part: both(part) for part in parts}


@pytest.fixture
def good() -> dict[str, Any]:
    """A definition that may be published; small, whole, without prerequisites."""
    term = {"label": "a term", "uri": "http://data.europa.eu/snb/term/1"}
    return {
        "id": "mm-01",
        "urn": "urn:mikromerit:demo:mm-01",
        "version": 1,
        "title": both("Title"),
        "description": both("Description"),
        "awarding_body": OWNER,
        "provider": OWNER,
        "country": "SE",
        "learning_outcomes": [outcome(1, "knowledge"), outcome(2, "skill"), outcome(3, "responsibility_autonomy")],
        "workload": {"hours": 20, "iso8601": "PT20H", "ects": None},
        "level": {"applicable": True, "seqf": 2, "eqf": 2, "placement": "indicative"},
        "assessment": {
            "types": [{"label": "oral", "uri": "http://data.europa.eu/snb/assessment/1"}],
            "pass_rule": {"kind": "min_percent", "value": 80},
            "supervision": term,
        },
        "participation": term,
        "quality_assurance": {"type": "review", "label": both("QA"), "body": OWNER, "review_cycle_months": 36},
        "recognition": {"level": "R4", "target_level": "R5"},
        "language": ["sv"],
        "fields": [{"scheme": "ISCED-F 2013", "code": "0231", "label": "Language", "uri": "http://x.example/0231"}],
        "prerequisites": [],
        "stackable": True,
    }


@pytest.fixture
def good_pathway() -> dict[str, Any]:
    """A pathway over the good definition."""
    return {
        "id": "path-01",
        "urn": "urn:mikromerit:demo:pathway:path-01",
        "version": 1,
        "title": both("Pathway"),
        "awarding_body": OWNER,
        "result": {"kind": "partial_qualification", "seqf": 3, "eqf": 3, "placement": "not_applied"},
        "rule": {"all_of": [{"credential": "mm-01", "validity": "live"}]},
        "constraints": {"double_counting": "forbid", "min_recognition": "R3", "default_validity": "snapshot"},
        "award": {"mode": "automatic", "on_satisfied": "award"},
    }


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def log(clock: FixedClock) -> MemoryLog:
    return MemoryLog("catalog", clock)


@pytest.fixture
def definitions(log: MemoryLog, clock: FixedClock) -> Definitions:
    return Definitions(log, KnownOrganisations(), clock)


@pytest.fixture
def pathways(log: MemoryLog, clock: FixedClock, definitions: Definitions) -> Pathways:
    return Pathways(log, KnownOrganisations(), clock, definitions)


@pytest.fixture
def by_owner() -> Context:
    return Context(Actor(OWNER, "creator"), NOON, "test")
