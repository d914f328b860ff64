"""What the awarding body decides about awards: proposals, commands, reviews, appeals. Source: domain.md 3.5."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from services.issuance.domain.stack import INITIAL, Stack, Subject, evolve, stream_of
from services.issuance.domain.stack_award import award_by_command, award_stands, decide_award, decline
from services.issuance.domain.stack_review import ReviewDecision, appeal, decide_review
from services.issuance.service.award_authority import facts_missing
from services.issuance.service.awards_evaluation import Evaluations, Known, Results, subject_for
from services.issuance.service.awards_mandate import Mandate
from services.issuance.service.ports import Caller
from services.issuance.service.stacking_ports import PublishedPathway, StackingFacts

_STANDING = ("awarded", "suspended")


@dataclass(frozen=True, slots=True)
class AwardLearner:
    """The command: award a pathway to a learner, whatever was made or declined before."""

    pathway_id: str
    learner_ref: str
    decision_ref: str


@dataclass(frozen=True, slots=True)
class DecideProposal:
    """The command: award what was proposed, or decline it for a reason."""

    decision: Literal["award", "decline"]
    decision_ref: str
    reason_code: str | None = None


class Awards:
    """The awarding body's own; to all others they are not there."""

    def __init__(
        self, *, log: Log, facts: StackingFacts, evaluations: Evaluations, mandate: Mandate, learners: Results,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._log = log
        self._facts = facts
        self._evaluations = evaluations
        self._mandate = mandate
        self._learners = learners
        self._clock = clock

    async def award(self, caller: Caller, command: AwardLearner) -> Done[Stack]:
        """Return the award; a repeat of the same decision returns it again.

        Raises `award_stands`, `rule_not_satisfied`, `role_not_held`, `forbidden`, `not_found`, `facts_stale`.
        """
        require_awarding_body(caller)
        await self._facts.require_fresh()
        published = await self.own_pathway(caller, command.pathway_id)
        await self.require_learner(caller, command.learner_ref)
        await self._mandate.require(published, self._clock())
        subject = await self._next(command.learner_ref, published)

        async def decide(state: Stack) -> Sequence[Event]:
            known = await self._evaluations.known(command.learner_ref, (published.pathway,))
            assessed = known.assessed(subject, published, state)
            return award_by_command(state, assessed, command.decision_ref, stands=_stands_beside(known, subject))

        return await self._decided(subject.stack_id, decide, caller)

    async def decide(self, caller: Caller, stack_id: UUID, command: DecideProposal) -> Done[Stack]:
        """Return the award after the decision on its proposal.

        Raises `already_decided`, `rule_not_satisfied`, `award_stands`, `role_not_held`, `forbidden`, `not_found`,
        `facts_stale`.
        """
        subject, published = await self._own(caller, stack_id)
        await self._mandate.require(published, self._clock())

        async def decide(state: Stack) -> Sequence[Event]:
            if command.decision == "decline":
                return decline(state, command.decision_ref, command.reason_code or "declined")
            known = await self._evaluations.known(subject.learner_ref, (published.pathway,))
            if state.name == "proposed" and _stands_beside(known, subject):
                raise award_stands()
            return decide_award(state, known.assessed(subject, published, state), command.decision_ref)

        return await self._decided(stack_id, decide, caller)

    async def review(self, caller: Caller, stack_id: UUID, decision: ReviewDecision) -> Done[Stack]:
        """Return the award after the decision of its review.

        Raises what domain.stack_review.decide_review raises, `forbidden`, `not_found`, `facts_stale`.
        """
        subject, published = await self._own(caller, stack_id)

        async def decide(state: Stack) -> Sequence[Event]:
            known = await self._evaluations.known(subject.learner_ref, (published.pathway,))
            return decide_review(state, decision, known.assessed(subject, published, state, confirmed=True))

        return await self._decided(stack_id, decide, caller)

    async def appeal(self, caller: Caller, stack_id: UUID, appeal_ref: str) -> Done[Stack]:
        """Return the award after the holder's appeal, which opens a review; a repeat changes nothing.

        Raises `award_revoked`, `no_review`, `forbidden`, `not_found`, `facts_stale`.
        """
        await self._own(caller, stack_id)

        async def decide(state: Stack) -> Sequence[Event]:
            return appeal(state, appeal_ref, self._clock())

        return await self._decided(stack_id, decide, caller)

    async def own_pathway(self, caller: Caller, pathway_id: str) -> PublishedPathway:
        """Return the newest version of a pathway that the caller awards. Raises `not_found` for any other."""
        published = await self._facts.pathway(pathway_id)
        if published is None or published.awarding_body != caller.org:
            raise not_found("pathway")
        return published

    async def require_learner(self, caller: Caller, learner_ref: str) -> None:
        """Raise `not_found` unless the learner is the caller's."""
        if not await self._learners.knows(caller.org, learner_ref):
            raise not_found("learner")

    async def _own(self, caller: Caller, stack_id: UUID) -> tuple[Subject, PublishedPathway]:
        """Return what an award of the caller is about, and the version that it was proposed or made under."""
        require_awarding_body(caller)
        await self._facts.require_fresh()
        state, _ = await self._folded(stack_id)
        if state.name == "none" or state.subject.awarding_body != caller.org:
            raise not_found("award")
        published = await self._facts.pathway_version(state.subject.pathway_digest)
        if published is None:
            raise facts_missing()
        return state.subject, published

    async def _next(self, learner_ref: str, published: PublishedPathway) -> Subject:
        """Return what an award made now is about: after those that were revoked, in place of what was declined."""
        holdings = await self._facts.holdings(learner_ref)
        rows = [row for row in holdings.stacks if row.pathway_id == published.pathway.id]
        ordinal = max((row.ordinal for row in rows if row.state == "revoked"), default=0) + 1
        while True:
            subject = subject_for(learner_ref, published, ordinal)
            state, _ = await self._folded(subject.stack_id)
            if state.name != "revoked":
                return subject
            ordinal += 1

    async def _folded(self, stack_id: UUID) -> tuple[Stack, int]:
        return await fold(self._log, stream_of(stack_id), INITIAL, evolve)

    async def _decided(
        self, stack_id: UUID, decide: Callable[[Stack], Awaitable[Sequence[Event]]], caller: Caller
    ) -> Done[Stack]:
        return await execute(
            self._log, stream_of(stack_id), initial=INITIAL, evolve=evolve, decide=decide, context=caller.context
        )


def require_awarding_body(caller: Caller) -> None:
    """Raise `forbidden` without the role awarding_body."""
    if "awarding_body" not in caller.roles:
        raise Problem(
            "forbidden",
            "This needs the role awarding_body.",
            kind=Kind.FORBIDDEN,
            remedy="Use a token with that role.",
        )


def _stands_beside(known: Known, subject: Subject) -> bool:
    """Return whether another award of the same pathway stands."""
    return any(
        row.pathway_id == subject.pathway_id and row.stack_id != subject.stack_id and row.state in _STANDING
        for row in known.holdings.stacks
    )
