"""Achievements: plan, record, confirm, read."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, model_validator

from kompetenspass.core.errors import not_found
from kompetenspass.events.issuance import Route
from kompetenspass.web.auth import Principal, principal
from kompetenspass.web.commands import Command, context, positioned
from services.issuance.domain.achievement import Achievement
from services.issuance.domain.pass_rule import Result
from services.issuance.queries import Queries
from services.issuance.service.achievements import Achievements, PlanAchievement, RecordResults
from services.issuance.service.ports import Caller
from services.issuance.service.vault_ports import Identity

Who = Annotated[Principal, Depends(principal)]
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
_Code = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
_URI = Annotated[str, Field(min_length=1, max_length=300)]


class LearnerBody(Command):
    """A learner: known by reference, or made known by name."""

    learner_ref: Annotated[str, Field(max_length=64)] | None = None
    given_name: _Name | None = None
    family_name: _Name | None = None
    birth_date: date | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> LearnerBody:
        named = self.given_name is not None and self.family_name is not None
        partly = (self.given_name, self.family_name, self.birth_date) != (None, None, None)
        if (self.learner_ref is not None) == named or (self.learner_ref is not None and partly):
            raise ValueError("send learner_ref alone, or given_name and family_name")
        return self

    def value(self) -> str | Identity:
        """Return the reference, or who it is."""
        if self.learner_ref is not None:
            return self.learner_ref
        assert self.given_name is not None
        assert self.family_name is not None
        return Identity(self.given_name, self.family_name, self.birth_date)


class PlanBody(Command):
    """Assess a learner against a definition."""

    definition_id: Annotated[str, Field(min_length=1, max_length=100)]
    route: Route
    learner: LearnerBody
    prerequisites_waived: _Code | None = None


class ResultBody(Command):
    """What one instrument showed."""

    instrument: _URI
    score_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    criteria_met: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    critical_errors: Annotated[int, Field(ge=0, le=10_000)] = 0


class ResultsBody(Command):
    """What an assessor found."""

    results: Annotated[tuple[ResultBody, ...], Field(min_length=1, max_length=50)]
    assessor_ref: Annotated[str, Field(min_length=1, max_length=100)]
    supervision: _URI | None = None
    assessed_on: date | None = None


class ConfirmBody(Command):
    """Confirm, as of today unless another day is named."""

    awarded_on: date | None = None


def caller_of(request: Request, who: Principal) -> Caller:
    """Return the caller as the use cases know it; of several roles the first that fits names the actor."""
    role = next((role for role in ("awarding_body", "provider") if role in who.roles), "none")
    return Caller(who.org, who.roles, context(request, who, role))


def commands(achievements: Achievements) -> APIRouter:
    """Return the commands about achievements."""
    routes = APIRouter(prefix="/v1/achievements", tags=["achievements"])

    @routes.post("", status_code=201, operation_id="plan_achievement")
    async def plan(body: PlanBody, request: Request, response: Response, who: Who) -> dict[str, Any]:
        """Plan an assessment; the provider or the awarding body of the definition."""
        command = PlanAchievement(body.definition_id, body.route, body.learner.value(), body.prerequisites_waived)
        done = await achievements.plan(caller_of(request, who), command)
        positioned(response, done.position)
        planned = done.state.plan
        return {"achievement_id": str(planned.achievement_id), "learner_ref": planned.learner_ref}

    @routes.post("/{achievement_id}/results", operation_id="record_results")
    async def record(
        achievement_id: UUID, body: ResultsBody, request: Request, response: Response, who: Who
    ) -> dict[str, Any]:
        """Record the results of every instrument; below the rule they close the achievement."""
        results = tuple(Result(**result.model_dump()) for result in body.results)
        command = RecordResults(results, body.assessor_ref, body.supervision, body.assessed_on)
        done, judgement = await achievements.record(caller_of(request, who), achievement_id, command)
        positioned(response, done.position)
        shortfalls = [{"instrument": miss.instrument, "rule": miss.rule} for miss in judgement.misses]
        return {"passed": judgement.passed, "shortfalls": shortfalls}

    @routes.post("/{achievement_id}/confirm", operation_id="confirm_achievement")
    async def confirm(
        achievement_id: UUID, body: ConfirmBody, request: Request, response: Response, who: Who
    ) -> dict[str, Any]:
        """Confirm a passed result; the awarding body."""
        done = await achievements.confirm(caller_of(request, who), achievement_id, body.awarded_on)
        positioned(response, done.position)
        return _confirmed(done.state)

    return routes


def _confirmed(state: Achievement) -> dict[str, Any]:
    assert state.confirmed is not None
    return {
        "achievement_id": str(state.plan.achievement_id),
        "awarded_on": state.confirmed.awarded_on.isoformat(),
        "recognition_level": state.confirmed.recognition_level,
    }


def reads(queries: Queries) -> APIRouter:
    """Return the overview of an achievement."""
    routes = APIRouter(prefix="/v1/achievements", tags=["achievements"])

    @routes.get("/{achievement_id}", operation_id="read_achievement")
    async def read(achievement_id: UUID, who: Who) -> dict[str, Any]:
        """Return how far an achievement has come; its provider and its awarding body."""
        found = await queries.achievement(achievement_id)
        if found is None or who.org not in (found["provider"], found["awarding_body"]):
            raise not_found("achievement")
        return found

    return routes
