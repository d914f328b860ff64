"""Evaluation of a learner's holdings under a pathway: the facts, percentages from the vault, the rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.pathway.evaluate import evaluate
from kompetenspass.pathway.held import Bound, Held, HeldAward
from kompetenspass.pathway.measures import Worth
from kompetenspass.pathway.named import named
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import CredentialLeaf, Credits, Level, Pathway, leaves, nodes
from kompetenspass.pathway.traits import Traits
from services.issuance.domain.authority import Definition, Organisation
from services.issuance.domain.stack import Assessed, Stack, Subject, bound, subject_of
from services.issuance.service.stacking_ports import Holdings, PublishedPathway, StackingFacts


class Published(Protocol):
    """What the catalog and the registry say of definitions and organisations."""

    async def published_version(self, definition_id: str, version: int | None) -> tuple[Definition, Traits] | None:
        """Return a published version of a definition (None: the newest), with its traits."""

    async def organisations(self, *org_ids: str) -> Mapping[str, Organisation]:
        """Return those that are known, with their roles and keys."""


class Results(Protocol):
    """The vault, as evaluation needs it."""

    async def knows(self, tenant: str, learner_ref: str) -> bool:
        """Return whether the tenant has this learner."""

    async def readable(self, learner_ref: str, entry_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        """Return those of the learner's entries that can still be read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a learner has, as far as it can be read, at one moment.

    `worth`: what credentials would give that a measure of one of the pathways could count. `as_read`: the holdings
    without what the vault says of them.
    """

    holdings: Holdings
    at: datetime
    worth: Mapping[str, Worth]
    as_read: Holdings
    _said: dict[tuple[str, int, Bound | None], tuple[Pathway, Evaluation]] = field(default_factory=dict, compare=False)

    def evaluated(self, pathway: Pathway, rests_on: Bound | None = None) -> Evaluation:
        """Return what the rule of the pathway says; `rests_on`: as it is of an award that was made before."""
        holdings, asked = self.holdings, (pathway.id, pathway.version, rests_on)
        before = self._said.get(asked)
        if before is None or before[0] is not pathway:  # a trial's rule may have the id of a published one
            said = evaluate(pathway, holdings.held, holdings.awards, self.at, bound=rests_on, worth=self.worth)
            before = self._said[asked] = (pathway, said)
        return before[1]

    def assessed(
        self, subject: Subject, published: PublishedPathway, state: Stack, *, confirmed: bool = False
    ) -> Assessed:
        """Return what follows for an award in that state; `confirmed`: as it were if its review confirmed it."""
        holdings = self.holdings
        standings: dict[UUID, Held | HeldAward] = {one.credential_id: one for one in holdings.held}
        standings |= {one.credential_id: one for one in holdings.awards}
        return Assessed(
            subject=subject,
            pathway=published.pathway,
            evaluation=self.evaluated(published.pathway, bound(state, confirmed=confirmed)),
            at=self.at,
            constituents=holdings.constituents,
            standings=standings,
        )


class Evaluations:
    """Gathers what evaluation needs; nothing is decided here."""

    def __init__(self, facts: StackingFacts, published: Published, results: Results, clock: Clock) -> None:
        self._facts = facts
        self._published = published
        self._results = results
        self._clock = clock

    async def known(self, learner_ref: str, pathways: Sequence[Pathway]) -> Known:
        """Return what the learner has, with a result in per cent wherever one of the pathways asks for it."""
        holdings, at = await self._facts.holdings(learner_ref), self._clock()
        worth = await self._worth(pathways)
        asked = {definition_id for pathway in pathways for definition_id in _measured(pathway)}
        wanted = {
            held.credential_id: holdings.vault_refs[held.credential_id]
            for held in holdings.held
            if held.definition_id in asked and held.credential_id in holdings.vault_refs
        }
        if not wanted:
            return Known(holdings, at, worth, holdings)
        read = await self._results.readable(learner_ref, tuple(wanted.values()))
        percentages = {id_: read[ref]["percent"] for id_, ref in wanted.items() if ref in read}
        held = tuple(_with(one, percentages) for one in holdings.held)
        return Known(replace(holdings, held=held), at, worth, holdings)

    async def supposed(self, holdings: Holdings, pathway: Pathway) -> Known:
        """Return holdings that are supposed, as if a learner had them now."""
        return Known(holdings, self._clock(), await self._worth((pathway,)), holdings)

    async def _worth(self, pathways: Sequence[Pathway]) -> Mapping[str, Worth]:
        """Return what credentials of the definitions that measures name would give."""
        found: dict[str, Worth] = {}
        for definition_id in sorted({one for pathway in pathways for one in _sources(pathway)}):
            published = await self._published.published_version(definition_id, None)
            if published is not None:
                traits = published[1]
                found[definition_id] = Worth(traits.hours, traits.ects, traits.eqf, traits.seqf)
        return found

    async def opened(self, pathway: Pathway) -> Mapping[str, PublishedPathway]:
        """Return the newest versions of the pathways that it names, and of those that they name, by id."""
        found: dict[str, PublishedPathway] = {}
        waiting = sorted(named(pathway.rule).pathways)
        while waiting:
            published = await self._facts.pathway(waiting.pop())
            if published is not None and published.pathway.id not in found:
                found[published.pathway.id] = published
                waiting += sorted(named(published.pathway.rule).pathways)
        return found


def subject_for(learner_ref: str, published: PublishedPathway, ordinal: int) -> Subject:
    """Return what the learner's award of that version with that ordinal is about."""
    return subject_of(
        learner_ref, published.pathway, ordinal,
        pathway_digest=published.digest, rule_digest=published.rule_digest, awarding_body=published.awarding_body,
    )  # fmt: skip


def _measured(pathway: Pathway) -> Iterable[str]:
    """Return the definitions of which the rule asks a result in per cent."""
    found = (leaf for leaf in leaves(pathway.rule) if isinstance(leaf, CredentialLeaf))
    return {leaf.definition_id for leaf in found if leaf.min_result_percent is not None}


def _sources(pathway: Pathway) -> Iterator[str]:
    """Yield the definitions that the rule's measures name."""
    for node in nodes(pathway.rule):
        if isinstance(node, Credits | Level):
            yield from (source for source in node.sources if isinstance(source, str))


def _with(held: Held, percentages: Mapping[UUID, float | None]) -> Held:
    """Return the credential with its result, where the vault could still say it."""
    if held.credential_id not in percentages:
        return held
    return replace(held, result_percent=percentages[held.credential_id], result_known=True)
