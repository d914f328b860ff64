"""What the logs say about a learner, as values: issues, changes of status, awards, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Texts = tuple[tuple[str, str], ...]
"""A text by language, sorted."""

ChangeKind = Literal["suspended", "reinstated", "revoked", "superseded", "expired"]
StackKind = Literal[
    "suspended",
    "reinstated",
    "revoked",
    "review_opened",
    "appealed",
    "confirmed",
    "declined",
    "invalidated",
    "restored",
    "rebound",
]
PartKind = Literal["definition", "pathway"]


@dataclass(frozen=True, slots=True)
class Merit:
    """What a credential is, with the titles and names that were joined to it. An award has no `issuer` until issued."""

    credential_id: UUID
    definition_id: str
    definition_version: int
    issuer_org: str
    issuer: str | None
    recognition_level: str
    valid_to: datetime | None
    title: Texts
    issuer_name: Texts


@dataclass(frozen=True, slots=True)
class Issue:
    """One CredentialIssued: `replaces` says that copies released earlier were replaced by it."""

    at: datetime
    position: int
    event_id: UUID
    merit: Merit
    replaces: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the registry about a credential; `cause` is the cause that was added or cleared."""

    at: datetime
    position: int
    event_id: UUID
    credential_id: UUID
    kind: ChangeKind
    reason_code: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Supersession:
    """Issuance said that `by` takes a credential's place."""

    at: datetime
    position: int
    event_id: UUID
    credential_id: UUID
    by: UUID
    cause: str


@dataclass(frozen=True, slots=True)
class Part:
    """A credential that an award rests on; of kind pathway it is itself an award."""

    credential_id: UUID
    kind: PartKind
    definition_id: str
    definition_version: int
    title: Texts = ()


@dataclass(frozen=True, slots=True)
class Lapse:
    """A part of an award and what became of it: suspended, expired, revoked, superseded, or restored."""

    credential_id: UUID
    kind: PartKind
    definition_id: str
    change: str
    title: Texts = ()


@dataclass(frozen=True, slots=True)
class Award:
    """One CredentialStacked. `parts` are those of the day of the award."""

    stack_id: UUID
    at: datetime
    position: int
    event_id: UUID
    merit: Merit
    mode: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class StackChange:
    """One event about an award after it was made. Members that its kind does not have are None or empty."""

    at: datetime
    position: int
    event_id: UUID
    stack_id: UUID
    kind: StackKind
    cause: str | None = None
    reason_code: str | None = None
    ground: str | None = None
    decided: bool = False
    deadline: datetime | None = None
    part_id: UUID | None = None
    lapsed: tuple[Lapse, ...] = ()
    taken_by: Part | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a row stands there or a credential stands as it does; what is not known or does not apply is None."""

    reason_code: str | None = None
    cause: str | None = None
    lapsed: tuple[Lapse, ...] = ()
    ground: str | None = None
    decided: bool = False
    deadline: datetime | None = None
    by: UUID | None = None


NO_REASON = Why()
"""Where there is nothing to explain."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that the logs said about one learner's credentials so far."""

    issues: tuple[Issue, ...] = ()
    changes: tuple[Change, ...] = ()
    awards: tuple[Award, ...] = ()
    stack_changes: tuple[StackChange, ...] = ()
    supersessions: tuple[Supersession, ...] = ()
