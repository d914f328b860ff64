"""The claims of a credential: what the definition says, what was earned, and by whom. Source: domain.md 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from services.issuance.domain.authority import Definition, Organisation
from services.issuance.domain.pass_rule import MinPercent, rule_of

LANGUAGE = "sv"
_OUTCOME_PARTS = ("intro", "activity", "content", "quality", "context")

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Learner:
    """What the vault knows of a person; `identification` is their pseudonym with this issuer, never a number."""

    given_name: str
    family_name: str
    identification: str


@dataclass(frozen=True, slots=True)
class Earned:
    """What was earned, when and how; `percent` is the lowest instrument's, None where the rule has no percentages."""

    percent: float | None
    awarded_on: date
    supervision: str
    recognition_level: str


@dataclass(frozen=True, slots=True)
class Parties:
    """The organisations that a credential names; `creator` and `quality_assurer` only where they are known."""

    issuer: Organisation
    awarding_body: Organisation
    creator: Organisation | None
    quality_assurer: Organisation | None


@dataclass(frozen=True, slots=True)
class Token:
    """What belongs to the signed token rather than to the merit."""

    issuer: str
    vct: str
    vct_integrity: str
    issued_at: datetime
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class CopyRefs:
    """What sets one copy apart from the others: its random `jti` and its place in a status list."""

    jti: UUID
    status_uri: str
    index: int


def claims_of_merit(
    definition: Definition, parties: Parties, learner: Learner, earned: Earned, part_of: Sequence[str]
) -> Claims:
    """Return the claims that all copies share: definition, organisations, learner and result; absent ones left out."""
    content = definition.content
    claims = {
        **claims_of_parties(parties),
        "achievement_title": content["title"][LANGUAGE],
        "achievement_description": (content.get("description") or {}).get(LANGUAGE),
        "definition": definition.urn,
        "definition_version": definition.version,
        "date_awarded": earned.awarded_on.isoformat(),
        "date_of_expiry": _text(expires_on(content, earned.awarded_on)),
        "recognition_level": earned.recognition_level,
        **claims_of_learner(learner),
        **_learning(content),
        **_level(content.get("level") or {}),
        **_assessment(content, earned),
        "part_of": list(part_of) or None,
    }
    return {name: value for name, value in claims.items() if value is not None}


def claims_of_copy(merit: Claims, token: Token, copy: CopyRefs) -> Claims:
    """Return all claims of one copy but `cnf`, its times rounded down to the hour so that copies cannot be linked by
    them. Source: SD-JWT VC section 3.2; standards.md SD-11.
    """
    issued_at = token.issued_at.replace(minute=0, second=0, microsecond=0)
    return {
        **merit,
        "iss": token.issuer,
        "vct": token.vct,
        "vct#integrity": token.vct_integrity,
        "jti": f"urn:uuid:{copy.jti}",
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + token.lifetime).timestamp()),
        "date_of_issuance": token.issued_at.date().isoformat(),
        "status": {"status_list": {"idx": copy.index, "uri": copy.status_uri}},
    }


def expires_on(content: Mapping[str, Any], awarded_on: date) -> date | None:
    """Return the last day on which the merit holds, None for one without an end (`validity.months` not set)."""
    months = (content.get("validity") or {}).get("months")
    if not months:
        return None
    year, month = divmod(awarded_on.year * 12 + awarded_on.month - 1 + months, 12)
    return _day_in(year, month + 1, awarded_on.day)


def valid_to(content: Mapping[str, Any], awarded_on: date) -> datetime | None:
    """Return the moment at which the merit expires: the end, in UTC, of the last day on which it holds."""
    last = expires_on(content, awarded_on)
    return datetime.combine(last + timedelta(days=1), time(), UTC) if last else None


def _day_in(year: int, month: int, day: int) -> date:
    """Return that day, or the last of the month where the month is shorter."""
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day - 1), first_of_next - timedelta(days=1))


def claims_of_parties(parties: Parties) -> Claims:
    """Return the claims that name organisations; those not known are None."""
    issuer, awarding = parties.issuer, parties.awarding_body
    return {
        "issuing_authority": issuer.name,
        "issuing_country": issuer.country,
        "issuing_region": issuer.region,
        "awarding_body": {"id": awarding.id, "name": awarding.name, "registration": awarding.registration_no},
        "creator": _named(parties.creator),
        "quality_assurance_body": _named(parties.quality_assurer),
    }


def _named(organisation: Organisation | None) -> Claims | None:
    return {"id": organisation.id, "name": organisation.name} if organisation else None


def claims_of_learner(learner: Learner) -> Claims:
    """Return the claims that say who the learner is."""
    return {
        "given_name": learner.given_name,
        "family_name": learner.family_name,
        "learner_identification": learner.identification,
    }


def _learning(content: Mapping[str, Any]) -> Claims:
    workload = content.get("workload") or {}
    assurance = (content.get("quality_assurance") or {}).get("label")
    return {
        "learning_outcomes": [outcome["statement"][LANGUAGE] for outcome in content["learning_outcomes"]],
        "learning_outcomes_structured": [_outcome(outcome) for outcome in content["learning_outcomes"]],
        "expected_study_time": workload.get("iso8601"),
        "ects": workload.get("ects"),
        "language_of_classes": list(content.get("language") or ()) or None,
        "form_of_participation": (content.get("participation") or {}).get("uri"),
        "types_of_quality_assurance": [assurance[LANGUAGE]] if assurance else None,
        "prerequisites_to_enroll": list(content.get("prerequisites") or ()) or None,
        "integration_stackability_options": content.get("stackable"),
        "esco_skills": [skill["uri"] for skill in content.get("esco_skills") or ()] or None,
    }


def _outcome(outcome: Mapping[str, Any]) -> Claims:
    parts = {part: outcome[part][LANGUAGE] for part in _OUTCOME_PARTS if outcome.get(part)}
    esco = [skill["uri"] for skill in outcome.get("esco") or ()]
    return {"id": outcome["id"], "category": outcome["category"], **parts, **({"esco": esco} if esco else {})}


def _level(level: Mapping[str, Any]) -> Claims:
    if not level.get("applicable"):
        return {}
    return {
        "level_of_learning_experience": level.get("eqf"),
        "nqf_level": level.get("seqf_uri"),
        "level_placement": level.get("placement"),
    }


def _assessment(content: Mapping[str, Any], earned: Earned) -> Claims:
    rule = rule_of(content)
    threshold = f"{rule.value} %" if isinstance(rule, MinPercent) else "alla kriterier uppfyllda"
    grade = "godkänd" if earned.percent is None else f"{earned.percent:g} %"
    return {
        "assessment_types": [kind["uri"] for kind in content["assessment"]["types"]],
        "supervision_and_id_verification": earned.supervision or None,
        "assessment_grade": grade,
        "pass_threshold": threshold,
    }


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
