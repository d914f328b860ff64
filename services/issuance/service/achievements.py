"""Achievements: plan, record the results, confirm. Source: domain.md 3.3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from kompetenspass.core.clock import Clock
from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import Context
from kompetenspass.events.issuance import Route
from kompetenspass.log.api import Log
from kompetenspass.log.execute import Done, execute, fold
from services.issuance.domain import achievement as domain
from services.issuance.domain.achievement import Achievement, stream_of
from services.issuance.domain.authority import Authorisation, Definition, authorisation_of, require_role
from services.issuance.domain.pass_rule import Judgement, Result, judge
from services.issuance.service.ports import Caller, Facts, State
from services.issuance.service.vault_ports import Identity, Vault

_STALE_AFTER = timedelta(minutes=15)
_SWEPT_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class PlanAchievement:
    """Assess a learner, known by reference or newly made known, against a definition."""

    definition_id: str
    route: Route
    learner: str | Identity
    prerequisites_waived: str | None = None


@dataclass(frozen=True, slots=True)
class RecordResults:
    """What an assessor found, one result per instrument."""

    results: Sequence[Result]
    assessor_ref: str
    supervision: str | None = None
    assessed_on: date | None = None


class Achievements:
    """The provider or the awarding body plans and records; the awarding body alone confirms."""

    def __init__(self, log: Log, facts: Facts, state: State, vault: Vault, clock: Clock) -> None:
        self._log = log
        self._facts = facts
        self._state = state
        self._vault = vault
        self._clock = clock

    async def plan(self, caller: Caller, command: PlanAchievement) -> Done[Achievement]:
        """Return the planned achievement.

        Raises what domain.achievement.plan raises, `achievement_open` when the learner has one open for the definition
        and route, `forbidden` and `not_found`.
        """
        await self._facts.require_fresh()
        definition = await self._definition(command.definition_id)
        _require_party(caller, definition.provider, definition.awarding_body, strangers=_not_a_party())
        learner_ref = await self._learner_ref(definition.awarding_body, command.learner)
        planned = domain.Plan(uuid7(), learner_ref, command.route, command.prerequisites_waived, self._clock().date())
        achieved = await self._facts.achieved(learner_ref)
        domain.plan(Achievement(), planned, definition, achieved)  # refused before anything is written
        if isinstance(command.learner, Identity):
            await self._vault.enrol(definition.awarding_body, learner_ref, command.learner)
        planned = replace(planned, achievement_id=await self._place(planned, definition))
        done = await self._decided(
            planned.achievement_id, lambda state: domain.plan(state, planned, definition, achieved), caller.context
        )
        if not done.events:
            raise _achievement_open(planned.achievement_id)
        return done

    async def record(
        self, caller: Caller, achievement_id: UUID, command: RecordResults
    ) -> tuple[Done[Achievement], Judgement]:
        """Return the achievement after the results, which stand in the vault, and the rule's judgement of them.

        A judgement below the rule closes the achievement. Raises `assessor_not_authorised`, `results_incomplete`,
        `result_unusable`, `already_assessed`, `assessed_in_the_future`, `not_found`.
        """
        await self._facts.require_fresh()
        state, definition = await self._folded(achievement_id)
        _require_party(caller, state.plan.provider, state.plan.awarding_body, strangers=not_found("achievement"))
        assessed_on = self._past(command.assessed_on)
        await self._authorisation(command.assessor_ref, definition, assessed_on)
        judgement = judge(definition.content, command.results)
        recorded = domain.Record(
            vault_ref=uuid7(),
            judgement=judgement,
            assessor_ref=command.assessor_ref,
            supervision=command.supervision or _supervision(definition),
            assessed_on=assessed_on,
        )
        domain.record(state, recorded)
        results = {"percent": judgement.percent, "results": [asdict(result) for result in command.results]}
        await self._vault.keep(state.plan.learner_ref, recorded.vault_ref, "results", results)
        done = await self._decided(achievement_id, lambda folded: domain.record(folded, recorded), caller.context)
        if not done.state.open:
            await self._state.close_achievement(achievement_id)
        return done, judgement

    async def confirm(self, caller: Caller, achievement_id: UUID, awarded_on: date | None) -> Done[Achievement]:
        """Return the confirmed achievement.

        Raises `pass_rule_not_met` with instrument, value and threshold, `not_assessed`, `role_not_held`,
        `assessor_not_authorised`, `not_found`.
        """
        await self._facts.require_fresh()
        state, definition = await self._folded(achievement_id)
        _require_awarding_body(caller, state)
        result = domain.require_assessed(state)
        judgement = await self._judgement(state, result.vault_ref, definition)
        await self._require_awarding_role(definition)
        authorisation = await self._authorisation(result.assessor_ref, definition, result.assessed_on)
        level, day = definition.content["recognition"]["level"], self._past(awarded_on)

        def decide(folded: Achievement) -> Sequence[Event]:
            return domain.confirm(folded, judgement=judgement, authorisation=authorisation, level=level, awarded_on=day)

        done = await self._decided(achievement_id, decide, caller.context)
        await self._state.close_achievement(achievement_id)
        return done

    async def sweep(self) -> None:
        """Give up the places of achievements that are closed, or that were never born."""
        now = self._clock()
        for achievement_id in await self._state.openings_before(now - _STALE_AFTER, now, _SWEPT_AT_ONCE):
            state, _ = await fold(self._log, stream_of(achievement_id), Achievement(), domain.evolve)
            if not state.open:
                await self._state.close_achievement(achievement_id)

    async def _decided(
        self, achievement_id: UUID, decide: Callable[[Achievement], Sequence[Event]], context: Context
    ) -> Done[Achievement]:
        return await execute(
            self._log, stream_of(achievement_id),
            initial=Achievement(), evolve=domain.evolve, decide=decide, context=context,
        )  # fmt: skip

    async def _definition(self, definition_id: str) -> Definition:
        definition = await self._facts.definition(definition_id)
        if definition is None:
            raise not_found("definition")
        return definition

    async def _folded(self, achievement_id: UUID) -> tuple[Achievement, Definition]:
        state, _ = await fold(self._log, stream_of(achievement_id), Achievement(), domain.evolve)
        definition = await self._facts.definition_version(state.plan.definition_digest)
        if definition is None:
            raise not_found("definition")
        return state, definition

    async def _learner_ref(self, tenant: str, learner: str | Identity) -> str:
        if isinstance(learner, Identity):
            return random_token()
        if not await self._vault.knows(tenant, learner):
            raise not_found("learner")
        return learner

    async def _place(self, planned: domain.Plan, definition: Definition) -> UUID:
        """Return the achievement that is to be planned: the new one, or one whose crash came after its place was taken.

        Raises `achievement_open`.
        """
        holder = await self._state.open_achievement(
            planned.learner_ref, definition.id, planned.route, planned.achievement_id, self._clock()
        )
        if holder == planned.achievement_id:
            return holder
        state, _ = await fold(self._log, stream_of(holder), Achievement(), domain.evolve)
        if state.open:
            raise _achievement_open(holder)
        if state.planned is None:
            return holder
        await self._state.close_achievement(holder)  # it is over: the crash came before its place was given up
        return await self._place(planned, definition)

    async def _authorisation(self, assessor_ref: str, definition: Definition, on: date) -> Authorisation:
        return authorisation_of(await self._facts.authorisations(assessor_ref), definition, on)

    async def _judgement(self, state: Achievement, vault_ref: UUID, definition: Definition) -> Judgement:
        _, kept = await self._vault.read(state.plan.learner_ref, vault_ref)
        return judge(definition.content, [Result(**result) for result in kept["results"]])

    async def _require_awarding_role(self, definition: Definition) -> None:
        known = await self._facts.organisations(definition.awarding_body)
        if definition.awarding_body not in known:
            raise not_found("organisation")
        require_role(known[definition.awarding_body], "awarding_body", definition, self._clock())

    def _past(self, day: date | None) -> date:
        today = self._clock().date()
        if day is not None and day > today:
            raise Problem("date_in_the_future", "The date lies in the future.", remedy="Send today or an earlier day.")
        return day or today


def _achievement_open(achievement_id: UUID) -> Problem:
    return Problem(
        "achievement_open",
        "The learner has an open achievement for this definition and route.",
        kind=Kind.CONFLICT,
        remedy="Finish the one that achievement_id names first.",
        members={"achievement_id": str(achievement_id)},
    )


def _supervision(definition: Definition) -> str:
    stated = definition.content["assessment"].get("supervision") or {}
    return str(stated.get("uri", ""))


def _require_awarding_body(caller: Caller, state: Achievement) -> None:
    if "awarding_body" not in caller.roles:
        raise _needs("awarding_body")
    if caller.org != state.plan.awarding_body:
        raise not_found("achievement")


def _require_party(caller: Caller, provider: str, awarding_body: str, *, strangers: Problem) -> None:
    if not caller.roles & {"provider", "awarding_body"}:
        raise _needs("provider or awarding_body")
    as_provider = caller.org == provider and "provider" in caller.roles
    as_awarding_body = caller.org == awarding_body and "awarding_body" in caller.roles
    if not (as_provider or as_awarding_body):
        raise strangers


def _not_a_party() -> Problem:
    return Problem(
        "forbidden",
        "The definition has another provider and awarding body.",
        kind=Kind.FORBIDDEN,
        remedy="Only they may assess against it.",
    )


def _needs(role: str) -> Problem:
    return Problem(
        "forbidden", f"This needs the role {role}.", kind=Kind.FORBIDDEN, remedy="Use a token with that role."
    )
