"""A dry run: what a pathway's rule would say, of a learner or of credentials that are merely supposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Problem
from kompetenspass.pathway.held import Held, HeldAward, Standing
from kompetenspass.pathway.proof import Evaluation
from kompetenspass.pathway.rule import Pathway
from kompetenspass.pathway.traits import Traits
from kompetenspass.pathway.words import Language
from services.issuance.domain.authority import Definition
from services.issuance.domain.claims import valid_to
from services.issuance.domain.pass_rule import MinPercent, rule_of
from services.issuance.service.awards_commands import Awards, require_awarding_body
from services.issuance.service.awards_evaluation import Evaluations, Known, Published
from services.issuance.service.awards_reading import AwardReading, Explained
from services.issuance.service.ports import Caller
from services.issuance.service.stacking_ports import Holdings, StackingFacts


@dataclass(frozen=True, slots=True)
class Supposed:
    """A credential that the learner would have. What is not said is as it would be if it were awarded today.

    `definition_id` may name a pathway: then an award of it is supposed.
    """

    definition_id: str
    version: int | None = None
    issuer_org: str | None = None
    awarded_on: date | None = None
    recognition_level: str | None = None
    result_percent: float | None = None
    standing: Standing = "valid"
    rpl: bool = False


class Trials:
    """Evaluates without deciding: nothing is written."""

    def __init__(
        self, *, facts: StackingFacts, published: Published, evaluations: Evaluations, awards: Awards,
        reading: AwardReading, clock: Clock,
    ) -> None:  # fmt: skip
        self._facts = facts
        self._published = published
        self._evaluations = evaluations
        self._awards = awards
        self._reading = reading
        self._clock = clock

    async def evaluate(
        self, caller: Caller, pathway_id: str, subject: str | Sequence[Supposed], language: Language
    ) -> Explained:
        """Return what the newest version says of a learner (by reference) or of supposed credentials.

        The n-th supposed credential has the id that ends in n. Raises `definition_unknown`, `forbidden`, `not_found`,
        `facts_stale`.
        """
        require_awarding_body(caller)
        await self._facts.require_fresh()
        published = await self._awards.own_pathway(caller, pathway_id)
        if isinstance(subject, str):
            await self._awards.require_learner(caller, subject)
            known = await self._evaluations.known(subject, (published.pathway,))
        else:
            known = await self._supposed(subject, published.pathway)
        evaluation: Evaluation = known.evaluated(published.pathway)
        return await self._reading.explained(evaluation, language)

    async def _supposed(self, credentials: Sequence[Supposed], pathway: Pathway) -> Known:
        now = self._clock()
        found = [await self._one(one, UUID(int=number), now) for number, one in enumerate(credentials, 1)]
        held = tuple(one for one in found if isinstance(one, Held))
        awards = tuple(one for one in found if isinstance(one, HeldAward))
        return await self._evaluations.supposed(Holdings(held=held, awards=awards), pathway)

    async def _one(self, supposed: Supposed, id_: UUID, now: datetime) -> Held | HeldAward:
        found = await self._published.published_version(supposed.definition_id, supposed.version)
        if found is None:
            return await self._award(supposed, id_, now)
        definition, traits = found
        issuer = supposed.issuer_org or definition.owner_org
        day = supposed.awarded_on or now.astimezone(UTC).date()
        awarded_at = datetime.combine(day, time(), UTC) if supposed.awarded_on else now
        return Held(
            credential_id=id_,
            definition_id=definition.id,
            version=definition.version,
            issuer_org=issuer,
            awarded_at=awarded_at,
            recognition_level=supposed.recognition_level or definition.content["recognition"]["level"],
            standing=supposed.standing,
            valid_to=valid_to(definition.content, day),
            result_percent=_percent(supposed, definition, traits),
            rpl=supposed.rpl,
            hours=traits.hours,
            ects=traits.ects,
            eqf=traits.eqf,
            seqf=traits.seqf,
            sector=traits.sector,
            reuse=traits.reuse,
            fields=traits.fields,
            esco=traits.esco,
            issuer_roles=await self._roles(issuer, awarded_at),
            outcomes=traits.outcomes,
        )

    async def _award(self, supposed: Supposed, id_: UUID, now: datetime) -> HeldAward:
        pathway = await self._facts.pathway(supposed.definition_id)
        if pathway is None or supposed.version not in (None, pathway.pathway.version):
            raise _unknown(supposed)
        return HeldAward(
            stack_id=id_,
            credential_id=id_,
            pathway_id=supposed.definition_id,
            version=pathway.pathway.version,
            issuer_org=pathway.awarding_body,
            awarded_at=now,
            recognition_level=supposed.recognition_level or pathway.pathway.constraints.min_recognition or "R1",
            standing=supposed.standing,
        )

    async def _roles(self, org_id: str, at: datetime) -> frozenset[str]:
        org = (await self._published.organisations(org_id)).get(org_id)
        return frozenset(grant.role for grant in org.grants if grant.in_force(at)) if org else frozenset()


def _percent(supposed: Supposed, definition: Definition, traits: Traits) -> float | None:
    """Return the result in per cent: at the least what a credential of the definition always has."""
    if not traits.percent or supposed.result_percent is not None:
        return supposed.result_percent
    rule = rule_of(definition.content)
    return rule.value if isinstance(rule, MinPercent) else None


def _unknown(supposed: Supposed) -> Problem:
    return Problem(
        "definition_unknown",
        "No such definition or pathway is published.",
        remedy="Name published ones, and published versions.",
        members={"definition_id": supposed.definition_id, "version": supposed.version},
    )
