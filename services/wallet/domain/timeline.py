"""The timeline: from what the logs say about a learner's credentials to rows in order, and what holds now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Kind = Literal["issued", "superseded", "suspended", "reinstated", "revoked", "expired"]
Status = Literal["valid", "suspended", "revoked", "superseded", "expired"]

_ORDER: dict[str, int] = {
    "superseded": 0,
    "issued": 1,
    "suspended": 2,
    "reinstated": 3,
    "expired": 4,
    "revoked": 5,
}
_FINAL: tuple[Status, ...] = ("revoked", "superseded", "expired")


@dataclass(frozen=True, slots=True)
class Merit:
    """What an issue says about a credential, with the titles and names that were joined to it."""

    credential_id: UUID
    definition_id: str
    definition_version: int
    issuer_org: str
    issuer: str
    recognition_level: str
    valid_to: datetime | None
    title: tuple[tuple[str, str], ...]
    issuer_name: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """One CredentialIssued: `replaces` says that copies released earlier were replaced by it."""

    at: datetime
    event_id: UUID
    merit: Merit
    replaces: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the registry about a credential; `suspended` is whether a cause to suspend it is left after it."""

    at: datetime
    event_id: UUID
    credential_id: UUID
    kind: Kind
    reason_code: str | None
    suspended: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the timeline."""

    at: datetime
    event_id: UUID
    kind: Kind
    merit: Merit
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A credential as it stands: its merit, since when, and whether it holds."""

    merit: Merit
    issued_at: datetime
    status: Status
    reason_code: str | None


def rows(issues: Iterable[Issue], changes: Iterable[Change]) -> tuple[Row, ...]:
    """Return the rows in order of time and event id. A change shows only beside an issue of the same credential."""
    issues = tuple(issues)
    merits = _newest(issues)
    made = [Row(issue.at, issue.event_id, "issued", issue.merit) for issue in issues]
    made += [Row(issue.at, issue.event_id, "superseded", issue.merit) for issue in issues if issue.replaces]
    made += [
        Row(change.at, change.event_id, change.kind, merits[change.credential_id].merit, change.reason_code)
        for change in changes
        if change.credential_id in merits and not (change.kind == "reinstated" and change.suspended)
    ]
    return tuple(sorted(made, key=lambda row: (row.at, row.event_id, _ORDER[row.kind])))


def holdings(issues: Iterable[Issue], changes: Iterable[Change]) -> tuple[Holding, ...]:
    """Return every credential with what holds of it now, the newest first."""
    by_credential: dict[UUID, list[Change]] = {}
    for change in changes:
        by_credential.setdefault(change.credential_id, []).append(change)
    found = [
        Holding(issue.merit, issue.at, *_standing(by_credential.get(credential_id, ())))
        for credential_id, issue in _newest(issues).items()
    ]
    return tuple(sorted(found, key=lambda h: (h.issued_at, h.merit.credential_id), reverse=True))


def _newest(issues: Iterable[Issue]) -> dict[UUID, Issue]:
    return {issue.merit.credential_id: issue for issue in sorted(issues, key=lambda i: (i.at, i.event_id))}


def _standing(changes: Sequence[Change]) -> tuple[Status, str | None]:
    for final in _FINAL:
        for change in changes:
            if change.kind == final:
                return final, change.reason_code
    ordered = sorted(changes, key=lambda change: (change.at, change.event_id))
    if ordered and ordered[-1].suspended:
        return "suspended", ordered[-1].reason_code
    return "valid", None
