"""What a definition says of every credential under it, as the rules of pathways measure it. Source: domain, 4.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kompetenspass.pathway.held import LearningOutcome

_CATEGORY_OF = {"knowledge": "knowledge", "skill/competence": "skill"}


@dataclass(frozen=True, slots=True)
class Traits:
    """Sizes, levels and marks of one version of a definition. `percent`: its results are in per cent.

    `sector` is the sector body that approved the version, `reuse` the URI of its reusability.
    """

    hours: float = 0
    ects: float = 0
    eqf: int | None = None
    seqf: int | None = None
    sector: str | None = None
    reuse: str | None = None
    fields: frozenset[str] = frozenset()
    esco: frozenset[str] = frozenset()
    outcomes: tuple[LearningOutcome, ...] = ()
    percent: bool = False


def traits_of(content: Mapping[str, Any], *, sector: str | None, fields: frozenset[str]) -> Traits:
    """Return what the document of a definition says; what it leaves out counts as nothing.

    `sector` approved it, `fields` are the ISCED-F codes of the fields that it names.
    """
    workload, level = content.get("workload") or {}, content.get("level") or {}
    rule = (content.get("assessment") or {}).get("pass_rule") or {}
    placed = level if level.get("applicable") else {}
    return Traits(
        hours=workload.get("hours") or 0,
        ects=workload.get("ects") or 0,
        eqf=placed.get("eqf"),
        seqf=placed.get("seqf"),
        sector=sector,
        reuse=(content.get("reusability") or {}).get("uri"),
        fields=fields,
        esco=frozenset(skill["uri"] for skill in content.get("esco_skills") or ()),
        outcomes=_outcomes(content),
        percent=rule.get("kind") == "min_percent",
    )


def _outcomes(content: Mapping[str, Any]) -> tuple[LearningOutcome, ...]:
    """Return the learning outcomes, each with the ESCO concepts of its category: the document names them together."""
    concepts: dict[str, set[str]] = {}
    for skill in content.get("esco_skills") or ():
        concepts.setdefault(_CATEGORY_OF.get(skill.get("type", ""), ""), set()).add(skill["uri"])
    return tuple(
        LearningOutcome(outcome["category"], frozenset(concepts.get(outcome["category"], ())))
        for outcome in content.get("learning_outcomes") or ()
    )
