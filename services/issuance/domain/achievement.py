"""Achievement: one learner's assessment against one version of a definition. Stream `ach-{id}`; domain.md 3.3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.issuance import AchievementConfirmed, AssessmentPlanned, ResultRecorded, Route, Shortfall
from services.issuance.domain.authority import Authorisation, Definition
from services.issuance.domain.pass_rule import Judgement


class Phase(StrEnum):
    """How far the assessment has come; failed and confirmed are its ends."""

    NONE = "none"
    PLANNED = "planned"
    PASSED = "passed"
    FAILED = "failed"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Achievement:
    """The state that the stream folds to."""

    phase: Phase = Phase.NONE
    planned: AssessmentPlanned | None = None
    result: ResultRecorded | None = None
    confirmed: AchievementConfirmed | None = None

    @property
    def plan(self) -> AssessmentPlanned:
        """What was planned. Raises `not_found` while there is nothing."""
        if self.planned is None:
            raise not_found("achievement")
        return self.planned

    @property
    def open(self) -> bool:
        """Whether it still stands in the way of another try."""
        return self.phase in (Phase.PLANNED, Phase.PASSED)


def stream_of(achievement_id: UUID) -> str:
    """Return the name of the achievement's stream."""
    return f"ach-{achievement_id}"


def evolve(state: Achievement, event: Event) -> Achievement:
    """Return the state after the event; events of other kinds change nothing."""
    match event:
        case AssessmentPlanned():
            return replace(state, phase=Phase.PLANNED, planned=event)
        case ResultRecorded():
            return replace(state, phase=Phase.PASSED if event.passed else Phase.FAILED, result=event)
        case AchievementConfirmed():
            return replace(state, phase=Phase.CONFIRMED, confirmed=event)
        case _:
            return state


@dataclass(frozen=True, slots=True)
class Plan:
    """The command: assess this learner against the definition by that route."""

    achievement_id: UUID
    learner_ref: str
    route: Route
    prerequisites_waived: str | None
    on: date


def plan(state: Achievement, command: Plan, definition: Definition, achieved: frozenset[str]) -> Sequence[Event]:
    """Return AssessmentPlanned. Raises `definition_retired` or `prerequisites_missing`.

    `achieved` are the ids of the definitions that the learner has confirmed achievements of.
    """
    if state.phase is not Phase.NONE:
        return ()
    require_open_for_learners(definition, command.on)
    missing = [needed for needed in definition.content.get("prerequisites") or () if needed not in achieved]
    if missing and command.prerequisites_waived is None:
        raise Problem(
            "prerequisites_missing",
            "The learner lacks achievements that the definition requires.",
            kind=Kind.CONFLICT,
            remedy="Confirm them first, or name the reason for waiving them in prerequisites_waived.",
            members={"missing": missing},
        )
    return (
        AssessmentPlanned(
            achievement_id=command.achievement_id,
            learner_ref=command.learner_ref,
            definition_id=definition.id,
            definition_version=definition.version,
            definition_digest=definition.digest,
            awarding_body=definition.awarding_body,
            provider=definition.provider,
            route=command.route,
            prerequisites_waived=command.prerequisites_waived if missing else None,
        ),
    )


def require_open_for_learners(definition: Definition, on: date) -> None:
    """Raise `definition_retired` when the definition takes no new learners on that day. Source: domain.md 3.3."""
    over = definition.last_issue_date is None or on > definition.last_issue_date
    if definition.retired and over:
        raise Problem(
            "definition_retired",
            f"{definition.id} takes no new learners.",
            kind=Kind.CONFLICT,
            remedy="Use the definition that succeeds it.",
        )


@dataclass(frozen=True, slots=True)
class Record:
    """The command: these results, already judged; they stand in the vault under `vault_ref`."""

    vault_ref: UUID
    judgement: Judgement
    assessor_ref: str
    supervision: str
    assessed_on: date


def record(state: Achievement, command: Record) -> Sequence[Event]:
    """Return ResultRecorded; a result below the rule closes the achievement. Raises `already_assessed`."""
    if state.plan and state.phase is not Phase.PLANNED:
        raise Problem(
            "already_assessed",
            "The results of this achievement are recorded.",
            kind=Kind.CONFLICT,
            remedy="Plan a new achievement for another try.",
        )
    misses = command.judgement.misses
    return (
        ResultRecorded(
            achievement_id=state.plan.achievement_id,
            passed=command.judgement.passed,
            rule=command.judgement.rule,
            shortfalls=tuple(Shortfall(instrument=miss.instrument, rule=miss.rule) for miss in misses),
            vault_ref=command.vault_ref,
            assessor_ref=command.assessor_ref,
            supervision=command.supervision,
            assessed_on=command.assessed_on,
        ),
    )


def require_assessed(state: Achievement) -> ResultRecorded:
    """Return the recorded result. Raises `not_assessed` while there is none."""
    if state.plan and state.result is None:
        raise Problem(
            "not_assessed",
            "There are no results to confirm.",
            kind=Kind.CONFLICT,
            remedy="Record the results of every instrument first.",
        )
    assert state.result is not None
    return state.result


def confirm(
    state: Achievement, *, judgement: Judgement, authorisation: Authorisation, level: str, awarded_on: date
) -> Sequence[Event]:
    """Return AchievementConfirmed, or nothing when it is confirmed already.

    Raises `not_assessed`, `awarded_before_assessed`, or `pass_rule_not_met` naming instrument, value and threshold.
    """
    result = require_assessed(state)
    if state.phase is Phase.CONFIRMED:
        return ()
    if not result.passed:
        raise _pass_rule_not_met(judgement)
    if awarded_on < result.assessed_on:
        raise Problem("awarded_before_assessed", "awarded_on lies before the assessment.", remedy="Correct awarded_on.")
    return (
        AchievementConfirmed.model_validate(
            {
                "achievement_id": state.plan.achievement_id,
                "vault_ref": result.vault_ref,
                "awarded_on": awarded_on,
                "assessor_authorisation_ref": authorisation.decision_ref,
                "recognition_level": level,
            }
        ),
    )


def _pass_rule_not_met(judgement: Judgement) -> Problem:
    misses = [
        {"instrument": miss.instrument, "value": miss.value, "threshold": miss.threshold} for miss in judgement.misses
    ]
    return Problem(
        "pass_rule_not_met",
        "The results do not reach the pass rule of the definition.",
        kind=Kind.CONFLICT,
        remedy="Plan a new achievement for another try.",
        members={**(misses[0] if misses else {}), "shortfalls": misses},
    )
