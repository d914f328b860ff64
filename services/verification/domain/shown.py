"""What was presented, as the rule of a pathway sees it: credentials and awards with their standing now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from kompetenspass.events.catalog import fields_of
from kompetenspass.pathway.held import Held, HeldAward, Standing
from kompetenspass.pathway.traits import Traits, traits_of
from services.verification.domain import trust
from services.verification.domain.checks import Check
from services.verification.domain.judgement import Claimed, Judged

ABOUT_STANDING = ("validity", "status")
"""The checks that tell what has become of a credential; the others tell whether it is one."""

_STANDINGS: Mapping[str | None, Standing] = {
    "merit_expired": "expired",
    "credential_revoked": "revoked",
    "credential_suspended": "suspended",
}
_WORSE: Sequence[Standing] = ("valid", "unknown", "suspended", "expired", "revoked")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?) ?%\Z")


@dataclass(frozen=True, slots=True)
class Shown:
    """One presented credential that is genuine and the holder's; `claims` are as issued, undisclosed ones left out."""

    digest: str
    claims: Mapping[str, Any]
    definition: trust.KnownDefinition
    urn: str
    issuer_org: str
    issuer_roles: frozenset[str]
    awarded_at: datetime
    standing: Standing
    void: bool = False

    @property
    def version(self) -> tuple[str, int]:
        """By which the document of its definition is found."""
        return self.urn, self.definition.version

    @property
    def is_award(self) -> bool:
        """Whether it is a stack award: its definition is a pathway."""
        return self.definition.kind == "pathway"


def shown(checks: Sequence[Check], claimed: Claimed, facts: trust.Facts, judged: Judged) -> Shown | None:
    """Return the credential as stacks see it, None if a check failed that tells more than what has become of it."""
    standing = _standing(checks)
    if standing is None or facts.definition is None or facts.key is None:
        return None
    claims = judged.verified.processed.as_issued
    awarded_at = _awarded_at(judged.issued_at, claims)
    return Shown(
        digest=claimed.digest,
        claims=claims,
        definition=facts.definition,
        urn=claimed.definition,
        issuer_org=facts.key.org_id,
        issuer_roles=frozenset(role for role, grants in facts.roles.items() if _covered(grants, awarded_at)),
        awarded_at=awarded_at,
        standing=standing,
        void=facts.issue is not None and facts.issue.void,
    )


def worst(standings: Iterable[Standing]) -> Standing:
    """Return the worst of what copies of one credential say; there is one."""
    return max(standings, key=_WORSE.index)


def as_held(one: Shown, credential_id: UUID, standing: Standing, document: trust.Document | None) -> Held:
    """Return the credential of a definition; of a document that is not known nothing is measured."""
    traits = Traits()
    if document is not None:
        traits = traits_of(document.content, sector=document.sector, fields=fields_of(document.content))
    percent, known = _result(one.claims.get("assessment_grade"), traits)
    return Held(
        credential_id=credential_id,
        definition_id=one.definition.id,
        version=one.definition.version,
        issuer_org=one.issuer_org,
        awarded_at=one.awarded_at,
        recognition_level=_level(one),
        standing=standing,
        void_ab_initio=one.void,
        valid_to=_end_of(one.claims.get("date_of_expiry")),
        result_percent=percent,
        result_known=known,
        hours=traits.hours,
        ects=traits.ects,
        eqf=traits.eqf,
        seqf=traits.seqf,
        sector=traits.sector,
        reuse=traits.reuse,
        fields=traits.fields,
        esco=traits.esco,
        issuer_roles=one.issuer_roles,
        outcomes=traits.outcomes,
    )


def as_held_award(one: Shown, credential_id: UUID, standing: Standing) -> HeldAward:
    """Return the award of a nested pathway; which stack it was is not told outside, its credential stands for it."""
    return HeldAward(
        stack_id=credential_id,
        credential_id=credential_id,
        pathway_id=one.definition.id,
        version=one.definition.version,
        issuer_org=one.issuer_org,
        awarded_at=one.awarded_at,
        recognition_level=_level(one),
        standing=standing,
    )


def awarded_on(one: Shown) -> datetime:
    """Return when the credential says that it was awarded, the log's time where it does not say."""
    end = _end_of(one.claims.get("date_awarded"))
    return one.awarded_at if end is None else end - timedelta(days=1)


def _standing(checks: Sequence[Check]) -> Standing | None:
    if not all(check.ok is True for check in checks if check.code not in ABOUT_STANDING):
        return None
    reasons = [check.reason for check in checks if check.code in ABOUT_STANDING and check.ok is not True]
    told = [_STANDINGS[reason] for reason in reasons if reason in _STANDINGS]
    return told[0] if told else "unknown" if reasons else "valid"


def _awarded_at(issued_at: datetime, claims: Mapping[str, Any]) -> datetime:
    """Return the log's time of the issue, but within the day of the award: it may have been fetched much later."""
    end = _end_of(claims.get("date_awarded"))
    return issued_at if end is None else min(issued_at, end - timedelta(microseconds=1))


def _end_of(day: object) -> datetime | None:
    """Return the moment, in UTC, at which a day that a claim names is over; None where it names none."""
    if not isinstance(day, str):
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def _result(grade: object, traits: Traits) -> tuple[float | None, bool]:
    """Return the result in per cent and whether it is known: a definition without percentages has none."""
    if not isinstance(grade, str):
        return None, not traits.percent
    found = _PERCENT.match(grade)
    return (float(found[1]) if found else None), True


def _level(one: Shown) -> str:
    level = one.claims.get("recognition_level")
    return level if isinstance(level, str) else ""


def _covered(grants: Iterable[trust.Grant], at: datetime) -> bool:
    return any(grant.period.covers(at) for grant in grants)
