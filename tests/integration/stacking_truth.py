"""What the logs mean, folded here from the first event on without the services' own code, but for the evaluator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import TypeVar
from uuid import UUID

from kompetenspass.core.clock import system_clock
from kompetenspass.events import catalog, issuance, registry, stacking
from kompetenspass.events.base import Event
from kompetenspass.log.api import Recorded
from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held, Standing
from kompetenspass.pathway.parse import parse
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import Pathway
from tests.integration.platform_process import Platform
from tests.integration.stacking_flows import PERCENT

E = TypeVar("E", bound=Event)


@dataclass
class Status:
    """What the registry says of a credential."""

    causes: frozenset[str] = frozenset()
    revoked: registry.CredentialRevoked | None = None

    @property
    def standing(self) -> Standing:
        """In one word."""
        return "revoked" if self.revoked else "suspended" if self.causes else "valid"


@dataclass
class Award:
    """What issuance says of one award or proposal."""

    proposed: int = 0
    stacked: stacking.CredentialStacked | None = None
    evaluated_at: datetime | None = None
    awarded_at: datetime | None = None
    parts: set[UUID] = field(default_factory=set)
    accepted: set[UUID] = field(default_factory=set)
    causes: set[str] = field(default_factory=set)
    revoked: bool = False

    @property
    def state(self) -> str:
        """In one word."""
        if self.revoked:
            return "revoked"
        return "proposed" if self.stacked is None else "suspended" if self.causes else "awarded"

    @property
    def bound(self) -> Bound | None:
        """What it rests on."""
        if self.awarded_at is None:
            return None
        return Bound(self.awarded_at, frozenset(self.parts), frozenset(self.accepted))


class Truth:
    """The logs of issuance, registry and catalog."""

    def __init__(self, own: Sequence[Recorded], statuses: Sequence[Recorded], published: Sequence[Recorded]) -> None:
        self.own, self.statuses = own, statuses
        self.issued = list(of(issuance.CredentialIssued, own))
        self.credentials: dict[UUID, Status] = defaultdict(Status)
        self.awards: dict[UUID, Award] = defaultdict(Award)
        self.progress: dict[tuple[str, str], stacking.PathwayProgressed] = {}
        self.pathways = {one.pathway_id: parse(one.content) for one in of(catalog.PathwayPublished, published)}
        for recorded in statuses:
            self._registry_says(recorded.event)
        for recorded in own:
            self._issuance_says(recorded.event)

    @classmethod
    async def of_the(cls, platform: Platform) -> Truth:
        """Read the logs."""
        return cls(*[await platform.log_of(owner) for owner in ("issuance", "registry", "catalog")])

    def evaluated(self, learner_ref: str, pathway: Pathway, bound: Bound | None) -> Evaluation:
        """Return what the rule says of all that the learner has."""
        return evaluate(pathway, self._held(learner_ref), (), system_clock(), bound=bound)

    def _held(self, learner_ref: str) -> list[Held]:
        planned = {one.achievement_id: one for one in of(issuance.AssessmentPlanned, self.own)}
        successors = {one.credential_id: one.by_credential_id for one in of(stacking.CredentialSuperseded, self.own)}
        confirmed = {
            recorded.event.achievement_id: _made(recorded, recorded.event)
            for recorded in self.own
            if isinstance(recorded.event, issuance.AchievementConfirmed)
        }
        newest = {one.credential_id: one for one in self.issued if one.learner_ref == learner_ref}
        found = []
        for issue in newest.values():
            if issue.achievement_id is None:
                continue
            status = self.credentials[issue.credential_id]
            held = Held(
                credential_id=issue.credential_id,
                definition_id=issue.definition_id,
                version=issue.definition_version,
                issuer_org=issue.issuer_org,
                awarded_at=confirmed[issue.achievement_id],
                recognition_level=issue.recognition_level,
                standing=status.standing,
                reason_code=status.revoked.reason_code if status.revoked else None,
                void_ab_initio=status.revoked is not None and status.revoked.void_ab_initio,
                valid_to=issue.valid_to,
                superseded_by=successors.get(issue.credential_id),
                result_percent=PERCENT,
                rpl=planned[issue.achievement_id].route == "validation_rpl",
            )
            found.append(held)
        return found

    def _registry_says(self, event: Event) -> None:
        if isinstance(event, registry.CredentialSuspended | registry.CredentialReinstated):
            self.credentials[event.credential_id].causes = frozenset(event.causes)
        elif isinstance(event, registry.CredentialRevoked):
            self.credentials[event.credential_id].revoked = event

    def _issuance_says(self, event: Event) -> None:
        match event:
            case stacking.PathwayProgressed():
                self.progress[event.learner_ref, event.pathway_id] = event
            case stacking.StackAwardProposed():
                self.awards[event.stack_id].proposed += 1
            case stacking.EvaluationRecorded():
                self.awards[event.stack_id].evaluated_at = event.evaluated_at
            case stacking.CredentialStacked():
                award = self.awards[event.stack_id]
                assert award.stacked is None, "an award was made twice"
                award.stacked, award.awarded_at = event, award.evaluated_at
                award.parts = {one.credential_id for one in event.constituents}
            case stacking.StackRebound():
                award = self.awards[event.stack_id]
                award.parts = award.parts - {event.from_credential_id} | {event.to.credential_id}
            case stacking.StackConfirmed():
                self.awards[event.stack_id].accepted |= {*event.accepted}
            case stacking.StackSuspended():
                self.awards[event.stack_id].causes.add(event.cause)
            case stacking.StackReinstated():
                self.awards[event.stack_id].causes.discard(event.cause)
            case stacking.StackRevoked():
                self.awards[event.stack_id].revoked = True


def of(kind: type[E], log: Iterable[Recorded]) -> Iterable[E]:
    """Yield the events of a kind, in order."""
    return (recorded.event for recorded in log if isinstance(recorded.event, kind))


def _made(recorded: Recorded, event: issuance.AchievementConfirmed) -> datetime:
    """Return when a merit was awarded: when that was said, if it was of that day."""
    said = recorded.context.occurred_at.astimezone(UTC)
    return said if said.date() == event.awarded_on else datetime.combine(event.awarded_on, time(), UTC)
