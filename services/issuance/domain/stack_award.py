"""Making an award: by itself, by the awarding body's decision on a proposal, or by its command. Source: domain, 3.5."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from kompetenspass.core.errors import Kind, Problem, not_found
from kompetenspass.events.base import Event
from kompetenspass.events.registry import RevocationReason
from kompetenspass.events.stacking import (
    Constituent,
    CredentialStacked,
    EvaluationRecorded,
    Missing,
    Mode,
    StackAwardDeclined,
    StackAwardProposed,
    StackRevoked,
)
from services.issuance.domain.stack import Assessed, Stack


def propose_or_award(state: Stack, assessed: Assessed, *, others: bool) -> Sequence[Event]:
    """Return the award, or its proposal where the awarding body decides, after the evaluation that led to it.

    Returns nothing unless the rule is satisfied, or when the learner was proposed or awarded the pathway before:
    `others` says whether under another version or ordinal.
    """
    if others or state.name != "none" or assessed.evaluation.outcome != "satisfied":
        return ()
    if assessed.pathway.mode == "automatic":
        return (recorded(assessed), _stacked(assessed, "automatic", None))
    return (recorded(assessed), _proposed(assessed))


def decide_award(state: Stack, assessed: Assessed, decision_ref: str) -> Sequence[Event]:
    """Return the award that was proposed, of what the learner holds now; nothing if that decision was made before.

    Raises `not_found`, `already_decided`, `rule_not_satisfied`.
    """
    if state.name == "none":
        raise not_found("award")
    if _awarded_by(state, decision_ref):
        return ()
    if state.name != "proposed":
        raise _already_decided(state)
    return _by_decision(assessed, decision_ref)


def decline(state: Stack, decision_ref: str, reason_code: str) -> Sequence[Event]:
    """Return that the proposal was declined, nothing if by that decision before. Raises `not_found`, `already_decided`.

    It is not proposed again.
    """
    if state.name == "none":
        raise not_found("award")
    if state.declined is not None and state.declined.decision_ref == decision_ref:
        return ()
    if state.name != "proposed":
        raise _already_decided(state)
    stack_id = state.subject.stack_id
    return (StackAwardDeclined(stack_id=stack_id, decision_ref=decision_ref, reason_code=reason_code),)


def award_by_command(state: Stack, assessed: Assessed, decision_ref: str, *, stands: bool) -> Sequence[Event]:
    """Return the award that the awarding body commands; nothing if by that decision before.

    `stands`: another award of the pathway is not revoked. Raises `award_stands`, `award_revoked`,
    `rule_not_satisfied`.
    """
    if _awarded_by(state, decision_ref):
        return ()
    if state.name == "revoked":
        raise award_revoked()
    if stands or state.stands:
        raise award_stands()
    return _by_decision(assessed, decision_ref)


def revoked_by_issuer(state: Stack, reason_code: RevocationReason, void: bool) -> Sequence[Event]:
    """Return that the award is over because its issuer revoked the credential that proves it; nothing if it is."""
    if not state.stands:
        return ()
    return (StackRevoked(**state.subject.as_change(), reason_code=reason_code, void_ab_initio=void),)


def recorded(assessed: Assessed) -> EvaluationRecorded:
    """Return the evaluation as an event: what a decision about the award rests on."""
    evaluation = assessed.evaluation
    return EvaluationRecorded(
        stack_id=assessed.subject.stack_id,
        rule_digest=assessed.subject.rule_digest,
        outcome=evaluation.outcome,
        used=assessed.used,
        missing=tuple(Missing(kind=part.kind, id=part.id) for part in evaluation.missing),
        unknown=evaluation.unknown,
        evaluated_at=assessed.at,
        proof_digest=evaluation.proof_digest,
    )


def award_revoked() -> Problem:
    """Return the refusal for an award that is over."""
    return Problem(
        "award_revoked",
        "The award is revoked, for good.",
        kind=Kind.CONFLICT,
        remedy="Make a new award; it takes this one's place.",
    )


def _by_decision(assessed: Assessed, decision_ref: str) -> Sequence[Event]:
    if assessed.evaluation.outcome != "satisfied":
        raise _rule_not_satisfied(assessed)
    return (recorded(assessed), _stacked(assessed, "decision", decision_ref))


def _awarded_by(state: Stack, decision_ref: str) -> bool:
    return state.stands and state.stacked is not None and state.stacked.decision_ref == decision_ref


def _proposed(assessed: Assessed) -> StackAwardProposed:
    return StackAwardProposed(**assessed.subject.as_members(), constituents=_constituents(assessed))


def _stacked(assessed: Assessed, mode: Mode, decision_ref: str | None) -> CredentialStacked:
    return CredentialStacked(
        **assessed.subject.as_members(),
        constituents=_constituents(assessed),
        proof_digest=assessed.evaluation.proof_digest,
        mode=mode,
        decision_ref=decision_ref,
        awarded_on=assessed.at.astimezone(UTC).date(),
        recognition_level=assessed.recognition,
    )


def _constituents(assessed: Assessed) -> tuple[Constituent, ...]:
    return tuple(assessed.constituents[credential_id] for credential_id in assessed.used)


def _already_decided(state: Stack) -> Problem:
    return Problem(
        "already_decided",
        "The proposal was decided on before.",
        kind=Kind.CONFLICT,
        remedy="Look at the award; a declined one can be awarded by command.",
        members={"state": state.name},
    )


def _rule_not_satisfied(assessed: Assessed) -> Problem:
    evaluation = assessed.evaluation
    missing = [{"kind": part.kind, "id": part.id} for part in evaluation.missing]
    return Problem(
        "rule_not_satisfied",
        "What the learner holds does not satisfy the rule now.",
        kind=Kind.CONFLICT,
        remedy="Award when the learner holds what is missing and the status of what is unknown is known.",
        members={
            "outcome": evaluation.outcome,
            "missing": missing,
            "missing_exact": evaluation.missing_exact,
            "unknown": [str(credential_id) for credential_id in evaluation.unknown],
        },
    )


def award_stands() -> Problem:
    """Return the refusal for a second award beside one that stands."""
    return Problem(
        "award_stands",
        "The learner has an award of this pathway that is not revoked.",
        kind=Kind.CONFLICT,
        remedy="Revoke it first, or leave it.",
    )
