"""Whether a credential's standing lets it count, before an award and after it. Source: domain, sections 4.2 and 4.3."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta

from kompetenspass.pathway.held import Held, HeldAward, is_void
from kompetenspass.pathway.proof import Verdict
from kompetenspass.pathway.rule import Age, Validity


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, the reason when it is not true, and when time alone ends it."""

    verdict: Verdict
    reason: str | None = None
    until: datetime | None = None


TRUE = Judged("true")
ISSUER_ENDED = "issuer_ended"
"""The reason of a revocation that says nothing against the merit: it counts until its own end."""
REVOKED, EXPIRED = Judged("false", "revoked"), Judged("false", "expired")


def credential_standing(held: Held, validity: Validity, at: datetime, *, awarded: bool, constituent: bool) -> Judged:
    """Return whether the credential counts at `at`; `awarded`: the award was made, `constituent`: it rests on it.

    A constituent of an award whose leaf is a snapshot counts whatever became of it, unless it was void from the start;
    whether it was cannot be known while its standing is unknown.
    """
    if awarded and constituent and validity.kind == "snapshot":
        if is_void(held):
            return REVOKED
        return Judged("unknown", "status_unknown") if held.standing == "unknown" else TRUE
    if held.standing == "revoked" and (is_void(held) or held.reason_code != ISSUER_ENDED):
        return REVOKED
    if held.standing == "suspended" and awarded:
        return Judged("false", "suspended")
    return _dated(held, validity, at)


def award_standing(award: HeldAward, validity: Validity, *, awarded: bool) -> Judged:
    """Return whether an award counts for a `{pathway}` leaf: unrevoked, and not suspended if it must be valid now."""
    if award.standing == "revoked":
        return REVOKED
    if award.standing == "unknown":
        return Judged("unknown", "status_unknown")
    if validity.kind == "snapshot" or award.standing == "valid":
        return TRUE
    if award.standing == "suspended":
        return Judged("false" if awarded else "unknown", "suspended")
    return EXPIRED


def age_end(awarded_at: datetime, age: Age) -> datetime:
    """Return the last moment at which something awarded then is not older than `age`; a month's end stays its end."""
    months = awarded_at.month - 1 + age.months + 12 * age.years
    year, month = awarded_at.year + months // 12, months % 12 + 1
    if year > 9999:
        return datetime.max.replace(tzinfo=awarded_at.tzinfo)
    day = min(awarded_at.day, monthrange(year, month)[1])
    return _later(awarded_at.replace(year=year, month=month, day=day), timedelta(days=age.days))


def _dated(held: Held, validity: Validity, at: datetime) -> Judged:
    end = held.valid_to
    if end is not None and validity.kind == "grace":
        end = _later(end, validity.grace)
    if end is not None and at >= end:
        return EXPIRED
    if held.standing == "expired" and (end is None or validity.kind != "grace"):
        return EXPIRED
    if held.standing == "suspended":
        return Judged("unknown", "suspended", end)
    if held.standing == "unknown":
        return Judged("unknown", "status_unknown", end)
    return Judged("true", None, end)


def _later(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment + span
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)
