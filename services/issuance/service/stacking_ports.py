"""What stacking needs to know: published pathways, what a learner holds, and the awards that were made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from kompetenspass.events.registry import RevocationReason
from kompetenspass.events.stacking import Constituent
from kompetenspass.pathway.held import Held, HeldAward
from kompetenspass.pathway.rule import Pathway

StackState = Literal["proposed", "declined", "awarded", "suspended", "revoked"]


@dataclass(frozen=True, slots=True)
class PublishedPathway:
    """One published version of a pathway, parsed; `content` is the whole document that `digest` names."""

    pathway: Pathway
    digest: str
    rule_digest: str
    urn: str
    awarding_body: str
    title: Mapping[str, str]
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Review:
    """An open review: what became of which constituent (None: of the award as a whole), and until when to decide."""

    constituent_id: UUID | None
    reason_code: str
    deadline: datetime


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """The offer under which the award's credential may be fetched."""

    offer_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StackRow:
    """An award as the overview has it. `awarded_on`, `awarded_at`, `recognition_level` are None before it was made.

    `constituents` are the bound ones as of now, each with the digests that the log named last; `causes` suspend it.
    """

    stack_id: UUID
    credential_id: UUID
    learner_ref: str
    pathway_id: str
    pathway_version: int
    pathway_digest: str
    rule_digest: str
    awarding_body: str
    ordinal: int
    state: StackState
    causes: tuple[str, ...]
    constituents: tuple[Constituent, ...]
    review: Review | None
    awarded_on: date | None
    awarded_at: datetime | None
    recognition_level: str | None
    offer: OpenOffer | None

    @property
    def stands(self) -> bool:
        """Whether it was made and is not revoked."""
        return self.state in ("awarded", "suspended")


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that one learner has, as evaluation sees it.

    `held`: the issued credentials, superseded ones too; `awards`: from CredentialStacked on. `constituents`: what an
    award that binds the credential now would say of it (a nested award by its own credential's id). `vault_refs`:
    the entry of each credential's results, for those whose result in per cent is not known here. `stacks`: all awards
    and proposals, by pathway and ordinal. `tenant`: whose learner it is, None of one who has nothing.

    What the learner presented of other issuers is among `held`, `awards` and `constituents`, not among `stacks`.
    """

    held: tuple[Held, ...] = ()
    awards: tuple[HeldAward, ...] = ()
    constituents: Mapping[UUID, Constituent] = field(default_factory=dict)
    vault_refs: Mapping[UUID, UUID] = field(default_factory=dict)
    stacks: Sequence[StackRow] = ()
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """How the registry revoked a credential."""

    reason_code: RevocationReason
    void_ab_initio: bool


@dataclass(frozen=True, slots=True)
class Named:
    """What a pathway names: definitions and pathways; with `selectors` any credential may matter."""

    ids: tuple[str, ...]
    selectors: bool


@dataclass(frozen=True, slots=True)
class Touched:
    """A learner for whom a credential counts: what it was issued or awarded for, and the pathways it is the award of.

    Before it is issued or awarded it is there for nothing. `own`: only of the learner whose award it is.
    """

    learner_ref: str
    named: frozenset[str]
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class AwardFilter:
    """Which awards to list: all of one awarding body, narrowed by what is set. `overdue_at`: reviews due before it."""

    awarding_body: str
    learner_ref: str | None = None
    pathway_id: str | None = None
    state: StackState | None = None
    in_review: bool = False
    overdue_at: datetime | None = None


class StackingFacts(Protocol):
    """What the logs say, for stacking. Nothing here holds a name or a score."""

    @property
    def sign(self) -> object:
        """What is another once `refresh` has found that published pathways, definitions or organisations are others.

        What learners hold is no part of it.
        """

    async def require_fresh(self) -> None:
        """Raise Problem `facts_stale` when the facts were checked too long ago; refresh what is remembered."""

    async def refresh(self) -> None:
        """Forget what was remembered if the facts have changed since; a reaction calls it before it asks."""

    async def pathway(self, pathway_id: str) -> PublishedPathway | None:
        """Return the newest published version."""

    async def pathway_version(self, digest: str) -> PublishedPathway | None:
        """Return the version that the digest names."""

    async def concerned(self, named: str) -> Sequence[str]:
        """Return the ids of the pathways that a definition or pathway may matter for, sorted.

        Any published version names it, or uses selectors: versions under which somebody has an award count too.
        """

    async def holdings(self, learner_ref: str) -> Holdings:
        """Return all that the learner has."""

    async def learners_of(self, credential_id: UUID) -> Sequence[str]:
        """Return whose credential it is, and for whom it counts because they presented it; sorted.

        Where there are any, it refreshes as well.
        """

    async def touched_by(self, credential_id: UUID) -> Sequence[Touched]:
        """Return the same learners, each with what the credential is there for. It refreshes in the same way."""

    async def revocation(self, credential_id: UUID) -> Revocation | None:
        """Return how the registry revoked a credential, None when it did not."""

    async def named_by(self, pathway_id: str) -> Named:
        """Return what any version of the pathway names, and of the pathways that it names, and so on."""

    async def holders(self, named: Named, *, limit: int, after: str) -> Sequence[str]:
        """Return learners who hold anything that is named, sorted; `after` is the last one of the page before."""

    async def stack_of_credential(self, credential_id: UUID) -> UUID | None:
        """Return the award that the credential proves, None when it proves none."""

    async def award(self, stack_id: UUID) -> StackRow | None:
        """Return one award or proposal."""

    async def awards(self, wanted: AwardFilter, *, limit: int, after: UUID | None = None) -> Sequence[StackRow]:
        """Return awards and proposals, ordered by id; `after` is the last id of the page before."""

    async def overdue_reviews(self, now: datetime, limit: int) -> Sequence[StackRow]:
        """Return awards whose review should have been decided, the longest overdue first."""

    async def titles(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the titles of definitions and pathways, newest versions, by id and language."""


@dataclass(frozen=True, slots=True)
class Due:
    """A learner's pathway to look at again; `revision` counts how often somebody noted a moment for it."""

    learner_ref: str
    pathway_id: str
    due_at: datetime
    revision: int


class DueDates(Protocol):
    """When time alone will change an answer. Durable: every method is one statement."""

    async def note(self, learner_ref: str, pathway_id: str, due_at: datetime) -> None:
        """Look again at that moment, or at an earlier one that was noted before."""

    async def note_all(self, learner_refs: Sequence[str], pathway_id: str, due_at: datetime) -> None:
        """Note the same moment for several learners, who are all different."""

    async def due(self, now: datetime, limit: int) -> Sequence[Due]:
        """Return what is due, the longest waiting first."""

    async def settle(self, due: Due, next_at: datetime | None) -> None:
        """Put the next moment in the place of one that was acted on, unless somebody noted one since it was read."""
