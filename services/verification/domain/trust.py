"""Trust at award time: who had which role, right and key at the moment when a credential was issued."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from kompetenspass.core.errors import Problem
from kompetenspass.events.registry import EVERYTHING, Scope

ROLES = ("issuer", "awarding_body")
_LAST_OF_HOUR = timedelta(hours=1, microseconds=-1)
Kind = Literal["definition", "pathway"]
"""What a published version is: a stack award names its pathway as its definition."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` until `until` (None: no end), the end not included."""

    since: datetime
    until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Return whether a moment is within."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for a time, for what its scope covers."""

    period: Period
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A key that the registry knows, and whose it is."""

    org_id: str
    issuer: str
    period: Period
    compromised_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownDefinition:
    """A published version of a definition or pathway."""

    id: str
    version: int
    owner_org: str
    content_digest: str
    fields: frozenset[str] = frozenset()
    region: str | None = None
    kind: Kind = "definition"


@dataclass(frozen=True, slots=True)
class Document:
    """What a published version says, word by word; `sector` is the sector body that approved it."""

    kind: Kind
    id: str
    urn: str
    version: int
    content: Mapping[str, Any]
    sector: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """What issuance has said of one copy; `recorded` is the moment that its log gave the fact.

    `void`: the registry has revoked the credential as one that never should have been.
    """

    issuer_org: str
    definition_id: str
    definition_version: int
    definition_digest: str
    recorded: datetime
    void: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What registry, catalog and issuance have said about one presented credential; `roles` are all of its issuer."""

    key: IssuerKey | None = None
    roles: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    definition: KnownDefinition | None = None
    rights: tuple[Period, ...] = ()
    issue: Issue | None = None


def issued_at(facts: Facts, iat: datetime | None, now: datetime) -> datetime:
    """Return the moment by which trust is judged: the log's own, `iat` only where the log does not know the copy.

    An `iat` on the hour was rounded down to it (SD-11): the copy may be younger than its issuer's key and roles were
    at that hour, so its end counts, or `now`. Raises Problem `issue_time_unknown`.
    """
    if facts.issue is not None:
        return facts.issue.recorded
    if iat is None:
        raise Problem("issue_time_unknown", "The credential has no iat, and its issue is not known.")
    if (iat.minute, iat.second, iat.microsecond) != (0, 0, 0):
        return iat
    return max(iat, min(iat + _LAST_OF_HOUR, now))


def check_key(facts: Facts, at: datetime) -> None:
    """Raise Problem unless the key was registered and sound at `at`: `key_unknown`, `key_not_valid`,
    `key_compromised` (at or after the compromise, or ever where only the credential itself tells the time)."""
    key = facts.key
    if key is None:
        raise Problem("key_unknown", "The registry does not know the key as this issuer's.")
    if not key.period.covers(at):
        raise Problem("key_not_valid", "The key was not in use when the credential was issued.")
    if key.compromised_since is not None and (facts.issue is None or at >= key.compromised_since):
        raise Problem("key_compromised", "The credential was issued with the key after it was compromised.")


def check_roles(facts: Facts, at: datetime) -> None:
    """Raise Problem unless the issuer had both roles at `at` (`role_missing`), and for this definition
    (`role_out_of_scope`); of a definition that is not known only `check_definition` tells."""
    for role in ROLES:
        held = [grant.scope for grant in facts.roles.get(role, ()) if grant.period.covers(at)]
        if not held:
            raise Problem("role_missing", f"The issuer did not have the role {role} when the credential was issued.")
        if facts.definition and not any(_reaches(scope, facts.definition) for scope in held):
            raise Problem("role_out_of_scope", f"The issuer's role {role} did not cover the definition.")


def check_definition(facts: Facts) -> KnownDefinition:
    """Return the definition. Raises Problem `definition_unknown`, or `definition_mismatch` where issuance has said
    that the copy was issued under another one."""
    found, issue = facts.definition, facts.issue
    if found is None:
        raise Problem("definition_unknown", "The catalog has not published this version of the definition.")
    if issue is not None and (issue.definition_id, issue.definition_version) != (found.id, found.version):
        raise Problem("definition_mismatch", "The credential was issued under another definition.")
    if issue is not None and issue.definition_digest != found.content_digest:
        raise Problem("definition_mismatch", "The credential was issued under other words of the definition.")
    return found


def check_right(facts: Facts, org_id: str, at: datetime) -> None:
    """Raise Problem `issuing_right_missing` unless the issuer owns the definition or had a grant at `at`."""
    owner = facts.definition is not None and facts.definition.owner_org == org_id
    if not owner and not _covered(facts.rights, at):
        raise Problem("issuing_right_missing", "The issuer had no right to issue under the definition.")


def _reaches(scope: Scope, definition: KnownDefinition) -> bool:
    return scope.covers(definition.id, definition.fields, definition.region)


def _covered(periods: Iterable[Period], at: datetime) -> bool:
    return any(period.covers(at) for period in periods)
