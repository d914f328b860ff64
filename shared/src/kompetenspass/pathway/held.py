"""What a holder has, as evaluation sees it: credentials and awards, each with its standing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

Standing = Literal["valid", "suspended", "expired", "revoked", "unknown"]

VOID_REASONS = frozenset(("issued_in_error", "fraud", "achievement_voided"))
"""Reasons of revocations by which there never was a merit. Source: domain, section 4.3."""


@dataclass(frozen=True, slots=True)
class LearningOutcome:
    """One outcome of the definition: its category and its ESCO skills."""

    category: str
    esco: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Held:
    """A credential of the holder. `superseded_by` names its successor; the successor counts in its place.

    `result_percent` None: the definition has no percentages; with `result_known` False it is there and cannot be read.
    `reason_code` says why it is suspended or revoked.
    """

    credential_id: UUID
    definition_id: str
    version: int
    issuer_org: str
    awarded_at: datetime
    recognition_level: str
    standing: Standing
    reason_code: str | None = None
    void_ab_initio: bool = False
    valid_to: datetime | None = None
    superseded_by: UUID | None = None
    result_percent: float | None = None
    result_known: bool = True
    rpl: bool = False
    hours: float = 0
    ects: float = 0
    eqf: int | None = None
    seqf: int | None = None
    sector: str | None = None
    reuse: str | None = None
    fields: frozenset[str] = frozenset()
    esco: frozenset[str] = frozenset()
    issuer_roles: frozenset[str] = frozenset()
    outcomes: tuple[LearningOutcome, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldAward:
    """An award of a pathway: `standing` is the worse of the stack's own state and of its credential's status."""

    stack_id: UUID
    credential_id: UUID
    pathway_id: str
    version: int
    issuer_org: str
    awarded_at: datetime
    recognition_level: str
    standing: Standing
    reason_code: str | None = None
    void_ab_initio: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """An award that was made under the rule that is evaluated again: when, and of which credentials.

    What `accepted` names was confirmed by decision and counts whatever became of it.
    """

    awarded_at: datetime
    constituents: frozenset[UUID]
    accepted: frozenset[UUID] = field(default=frozenset())


def is_void(one: Held | HeldAward) -> bool:
    """Return whether there never was a merit: the issuer said so, or revoked it for a reason that says so."""
    return one.void_ab_initio or (one.standing == "revoked" and one.reason_code in VOID_REASONS)
