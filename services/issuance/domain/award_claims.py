"""The claims of a stack award's credential, derived from what the award rests on. Source: domain.md 2 and 4.3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.issuance.domain.authority import Definition
from services.issuance.domain.claims import LANGUAGE, Claims, Learner, Parties, claims_of_learner, claims_of_parties

RESERVATION = (
    "Tilldelningen gäller med förbehåll: den spärras tillfälligt om en ingående mikromerit som måste vara giltig "
    "upphör att gälla, och gäller igen när den är förnyad."
)
"""What the award's text says where the pathway suspends awards. Source: domain.md 4.3, rule 3."""

_SEQF = "http://data.europa.eu/snb/qdr/"
_SEQF_LEVELS: Mapping[int, str] = {
    1: f"{_SEQF}c_20b8cbc9",
    2: f"{_SEQF}c_e1f75f79",
    3: f"{_SEQF}c_4ec9e6c0",
    4: f"{_SEQF}c_6477e349",
    5: f"{_SEQF}c_b44f7367",
    6: f"{_SEQF}c_185bb246",
    7: f"{_SEQF}c_1ab773a2",
    8: f"{_SEQF}c_055b6cf8",
}
"""The levels of SeQF by the URIs of the European Qualifications Dataset Register."""


@dataclass(frozen=True, slots=True)
class Part:
    """One constituent, with the digests of its copies as they are bound.

    `parts` is what a nested award rests on, None for a merit.
    """

    credential_id: UUID
    definition: Definition
    digests: tuple[str, ...]
    parts: tuple[Part, ...] | None = None


@dataclass(frozen=True, slots=True)
class Awarded:
    """The award: of which pathway, resting on what, when and at which level of recognition."""

    pathway: Definition
    parts: tuple[Part, ...]
    awarded_on: date
    recognition_level: str

    @property
    def in_order(self) -> tuple[Part, ...]:
        """The constituents by definition: an order that does not tell in which order they were earned."""
        return tuple(sorted(self.parts, key=lambda part: (part.definition.id, str(part.credential_id))))


def claims_of_award(awarded: Awarded, parties: Parties, learner: Learner, part_of: Sequence[str]) -> Claims:
    """Return the claims that all copies of the award's credential share; absent ones left out."""
    pathway, content = awarded.pathway, awarded.pathway.content
    claims = {
        **claims_of_parties(parties),
        "achievement_title": content["title"][LANGUAGE],
        "achievement_description": _description(content),
        "definition": pathway.urn,
        "definition_version": pathway.version,
        "date_awarded": awarded.awarded_on.isoformat(),
        "recognition_level": awarded.recognition_level,
        **claims_of_learner(learner),
        **_level(content.get("result") or {}),
        **_learning([merit.content for merit in merits_of(awarded.in_order)]),
        "learning_outcomes": [part.definition.content["title"][LANGUAGE] for part in awarded.in_order],
        "integration_stackability_options": bool(part_of),
        "part_of": list(part_of) or None,
        "has_part": [{"definition": one.definition.urn, "digests": list(one.digests)} for one in awarded.in_order],
    }
    return {name: value for name, value in claims.items() if value is not None}


def merits_of(parts: Iterable[Part]) -> tuple[Definition, ...]:
    """Return the definitions of the merits that the parts come to, nested awards opened; each credential once."""
    return tuple({part.credential_id: part.definition for part in _opened(parts)}.values())


def common_assurer(parts: Iterable[Part]) -> str | None:
    """Return the body that assured the quality of every merit, None where they were not one."""
    bodies = {(merit.content.get("quality_assurance") or {}).get("body") for merit in merits_of(parts)}
    return bodies.pop() if len(bodies) == 1 else None


def _opened(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        if part.parts is None:
            yield part
        else:
            yield from _opened(part.parts)


def _description(content: Mapping[str, Any]) -> str | None:
    """Return what the pathway says of itself, with the reservation where its awards can be suspended."""
    own = (content.get("description") or content.get("note") or {}).get(LANGUAGE)
    suspends = (content.get("constraints") or {}).get("on_lapse") == "suspend"
    return " ".join(text for text in (own, RESERVATION if suspends else None) if text) or None


def _level(result: Mapping[str, Any]) -> Claims:
    """Return the level of the pathway's result: it is placed only where an authority decided so."""
    eqf, seqf = result.get("eqf"), result.get("seqf")
    if eqf is None and seqf is None:
        return {}
    return {
        "level_of_learning_experience": eqf,
        "nqf_level": _SEQF_LEVELS.get(seqf) if seqf is not None else None,
        "level_placement": "decided" if result.get("placement") == "decided" else "not_applied",
    }


def _learning(merits: Sequence[Mapping[str, Any]]) -> Claims:
    """Return hours and unions over the merits, in the merits' order."""
    assured = ((merit.get("quality_assurance") or {}).get("label") for merit in merits)
    return {
        "expected_study_time": f"PT{sum(_hours(merit) for merit in merits):g}H",
        "types_of_quality_assurance": _union(label[LANGUAGE] for label in assured if label),
        "assessment_types": _union(kind["uri"] for merit in merits for kind in _assessed(merit)),
        "language_of_classes": _union(language for merit in merits for language in merit.get("language") or ()),
        "form_of_participation": _most_common((merit.get("participation") or {}).get("uri") for merit in merits),
    }


def _hours(merit: Mapping[str, Any]) -> float:
    return float((merit.get("workload") or {}).get("hours") or 0)


def _assessed(merit: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (merit.get("assessment") or {}).get("types") or ()


def _union(values: Iterable[str]) -> list[str]:
    """Return each value once, where it comes first; the type wants the claim even where there is nothing."""
    return list(dict.fromkeys(values))


def _most_common(values: Iterable[str | None]) -> str | None:
    """Return what occurs most often, of several such the first in the alphabet."""
    counted = Counter(value for value in values if value)
    return min(counted, key=lambda value: (-counted[value], value), default=None)
