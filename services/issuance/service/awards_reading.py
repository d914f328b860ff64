"""What the awarding body sees of its awards: where each stands, what the rule says now, and its open offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import not_found
from kompetenspass.log.api import Log
from kompetenspass.log.execute import fold
from kompetenspass.pathway.explain import Sentence, why
from kompetenspass.pathway.proof import Evaluation, Proof
from kompetenspass.pathway.words import Language, Titles
from services.issuance.domain.stack import INITIAL, bound, evolve, stream_of
from services.issuance.service.award_authority import facts_missing
from services.issuance.service.awards_commands import require_awarding_body
from services.issuance.service.awards_evaluation import Evaluations
from services.issuance.service.offer_links import Offered
from services.issuance.service.offers import Offers
from services.issuance.service.ports import Caller
from services.issuance.service.stacking_ports import AwardFilter, StackingFacts, StackRow, StackState


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which awards to list, of the caller's."""

    learner_ref: str | None = None
    pathway_id: str | None = None
    state: StackState | None = None
    review: Literal["open", "overdue"] | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """An evaluation, and its proof in sentences."""

    evaluation: Evaluation
    sentences: Sequence[Sentence]


@dataclass(frozen=True, slots=True)
class AwardView:
    """One award. `offer` is the open one, if it was made by itself: others are told once, to whoever made them."""

    row: StackRow
    explained: Explained
    overdue: bool
    offer: Offered | None = field(repr=False)


class AwardReading:
    """Reads for the awarding body; to all others its awards are not there."""

    def __init__(
        self, *, log: Log, facts: StackingFacts, evaluations: Evaluations, offers: Offers, clock: Clock
    ) -> None:
        self._log = log
        self._facts = facts
        self._evaluations = evaluations
        self._offers = offers
        self._clock = clock

    async def listed(self, caller: Caller, wanted: Wanted, *, limit: int, after: UUID | None) -> Sequence[StackRow]:
        """Return up to `limit` awards and proposals after one, ordered by id. Raises `forbidden`."""
        require_awarding_body(caller)
        narrowed = AwardFilter(
            awarding_body=caller.org,
            learner_ref=wanted.learner_ref,
            pathway_id=wanted.pathway_id,
            state=wanted.state,
            in_review=wanted.review is not None,
            overdue_at=self._clock() if wanted.review == "overdue" else None,
        )
        return await self._facts.awards(narrowed, limit=limit, after=after)

    async def one(self, caller: Caller, stack_id: UUID, language: Language) -> AwardView:
        """Return an award with what the rule says of the learner's holdings now. Raises `forbidden`, `not_found`."""
        require_awarding_body(caller)
        await self._facts.refresh()
        row = await self._facts.award(stack_id)
        if row is None or row.awarding_body != caller.org:
            raise not_found("award")
        return AwardView(
            row=row,
            explained=await self.explained(await self._evaluated(row), language),
            overdue=self.overdue(row),
            offer=await self._offers.told_again(row.offer.offer_id) if row.offer else None,
        )

    def overdue(self, row: StackRow) -> bool:
        """Return whether the award's review should have been decided."""
        return row.review is not None and row.review.deadline < self._clock()

    async def explained(self, evaluation: Evaluation, language: Language) -> Explained:
        """Return the evaluation with its proof in sentences."""
        titles: Titles = await self._facts.titles(sorted(set(_named(evaluation.proof))))
        return Explained(evaluation, why(evaluation.proof, titles, language))

    async def _evaluated(self, row: StackRow) -> Evaluation:
        version = await self._facts.pathway_version(row.pathway_digest)
        if version is None:
            raise facts_missing()
        state, _ = await fold(self._log, stream_of(row.stack_id), INITIAL, evolve)
        known = await self._evaluations.known(row.learner_ref, (version.pathway,))
        return known.evaluated(version.pathway, bound(state))


def _named(proof: Proof) -> Iterator[str]:
    if proof.id is not None:
        yield proof.id
    for child in proof.children:
        yield from _named(child)
