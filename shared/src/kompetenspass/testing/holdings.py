"""Holders and pathways in few words, for tests: what is not said is ordinary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from kompetenspass.pathway.held import Held, HeldAward
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.rule import Pathway

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
"""The moment at which tests evaluate."""


def days(count: float) -> datetime:
    """Return the moment so many days after NOW, before it if negative."""
    return NOW + timedelta(days=count)


def named(name: str) -> UUID:
    """Return the id that a name stands for."""
    return uuid5(NAMESPACE_URL, name)


def merit(definition_id: str, name: str | None = None, **changes: Any) -> Held:
    """Return a valid credential of the definition, awarded ten days ago; its id is that of its name."""
    held: dict[str, Any] = {
        "credential_id": named(name or definition_id),
        "definition_id": definition_id,
        "version": 1,
        "issuer_org": "org:one",
        "awarded_at": days(-10),
        "recognition_level": "R4",
        "standing": "valid",
    }
    return Held(**held | changes)


def award(pathway_id: str, name: str | None = None, **changes: Any) -> HeldAward:
    """Return a valid award of the pathway, made five days ago; its credential's id is that of its name."""
    held: dict[str, Any] = {
        "stack_id": named(f"stack of {name or pathway_id}"),
        "credential_id": named(name or pathway_id),
        "pathway_id": pathway_id,
        "version": 1,
        "issuer_org": "org:one",
        "awarded_at": days(-5),
        "recognition_level": "R4",
        "standing": "valid",
    }
    return HeldAward(**held | changes)


def pathway(rule: dict[str, Any], *, pathway_id: str = "the-pathway", **constraints: Any) -> Pathway:
    """Return the pathway with this rule. Raises PathwayMalformed."""
    held = {"double_counting": "forbid", "default_validity": "snapshot"} | constraints
    mode = {"mode": "automatic", "on_satisfied": "award"}
    return parse({"id": pathway_id, "version": 1, "rule": rule, "constraints": held, "award": mode})
