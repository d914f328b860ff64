"""Facts of stacking for the timeline's tests: two merits, a technician's award, and a duty role that rests on it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from kompetenspass.events.base import Event
from kompetenspass.events.registry import CredentialReinstated, CredentialSuspended, OrganisationRegistered
from kompetenspass.events.stacking import (
    Change,
    Constituent,
    ConstituentInvalidated,
    ConstituentRestored,
    CredentialStacked,
    CredentialSuperseded,
    Lapsed,
    PathwayProgressed,
    StackAwardProposed,
    StackReinstated,
    StackReviewOpened,
    StackRevoked,
    StackSuspended,
)
from kompetenspass.testing.clock import NOON
from services.wallet.tests.facts import definition, id_of, issued, pathway, received, reinstated, revoked, suspended

LEARNER = "learner-9"
TECHNICIAN, DUTY = "path-tech", "path-duty"
PATHWAY_OF = {"tech": TECHNICIAN, "duty": DUTY}


def constituent(credential: str, definition_id: str, *, award: bool = False) -> Constituent:
    """Return one part of an award."""
    return Constituent(
        credential_id=id_of(credential),
        kind="pathway" if award else "definition",
        definition_id=definition_id,
        definition_version=1,
        definition_digest="d",
        digests=(),
        status_at_award="valid",
    )


def proposed(stack: str, *parts: Constituent) -> StackAwardProposed:
    """Return the proposal of an award."""
    return StackAwardProposed(
        stack_id=id_of(stack),
        credential_id=id_of(f"{stack} credential"),
        learner_ref=LEARNER,
        pathway_id=PATHWAY_OF[stack],
        pathway_version=1,
        pathway_digest="d",
        rule_digest="r",
        awarding_body="org:kraft",
        ordinal=1,
        constituents=parts,
    )


def stacked(stack: str, *parts: Constituent) -> CredentialStacked:
    """Return an award by decision."""
    made = proposed(stack, *parts).model_dump()
    more = {"proof_digest": "p", "mode": "decision", "decision_ref": "dnr 1", "awarded_on": date(2026, 11, 20)}
    return CredentialStacked.read(made | more | {"recognition_level": "R3"})


def stack_suspended(stack: str, *lapsed: Lapsed, cause: str | None = None, ground: str | None = None) -> StackSuspended:
    """Return that an award is suspended: for what lapsed, or for `cause`."""
    return StackSuspended.read(
        _about(stack)
        | {
            "cause": cause or lapse_of(stack),
            "reason_code": "constituent_lapsed" if cause is None else "review",
            "lapsed": [part.model_dump() for part in lapsed],
            "ground": ground,
            "decision_ref": "dnr 2" if cause else None,
        }
    )


def stack_reinstated(stack: str, cause: str | None = None) -> StackReinstated:
    """Return that a cause is gone."""
    return StackReinstated.read(_about(stack) | {"cause": cause or lapse_of(stack)})


def stack_revoked(stack: str) -> StackRevoked:
    """Return that an award is over."""
    return StackRevoked.read(_about(stack) | {"reason_code": "fraud", "ground": "wrong_information"})


def review_opened(stack: str, credential: str) -> StackReviewOpened:
    """Return that an award is under review because of a part."""
    return StackReviewOpened(
        stack_id=id_of(stack),
        constituent_id=id_of(credential),
        reason_code="achievement_voided",
        deadline=NOON + timedelta(days=30),
    )


def invalidated(stack: str, credential: str, change: Change) -> ConstituentInvalidated:
    """Return that a part ceased to hold."""
    return ConstituentInvalidated(stack_id=id_of(stack), credential_id=id_of(credential), change=change)


def restored(stack: str, credential: str) -> ConstituentRestored:
    """Return that a part holds again."""
    return ConstituentRestored(stack_id=id_of(stack), credential_id=id_of(credential))


def lapsed(credential: str, definition_id: str, change: Change) -> Lapsed:
    """Return a part and what became of it."""
    return Lapsed(credential_id=id_of(credential), definition_id=definition_id, definition_version=1, change=change)


def progressed(stack: str, done: int, total: int, *missing: tuple[str, str]) -> PathwayProgressed:
    """Return how far the learner has come."""
    return PathwayProgressed.read(
        {
            "learner_ref": LEARNER,
            "pathway_id": PATHWAY_OF[stack],
            "pathway_version": 1,
            "outcome": "not_satisfied" if missing else "satisfied",
            "done": done,
            "total": total,
            "missing": [{"kind": kind, "id": id_} for kind, id_ in missing],
        }
    )


def superseded(credential: str, by: str) -> CredentialSuperseded:
    """Return that a newer merit took a credential's place."""
    return CredentialSuperseded(
        credential_id=id_of(credential),
        by_credential_id=id_of(by),
        learner_ref=LEARNER,
        definition_id="def-fall",
        issuer_org="org:kraft",
        cause="renewal",
    )


def mirrored(stack: str, *causes: str) -> CredentialSuspended:
    """Return what the registry says when it carries a suspension out."""
    return suspended(f"{stack} credential", *(causes or (lapse_of(stack),)))


def unmirrored(stack: str) -> CredentialReinstated:
    """Return what the registry says when it carries a reinstatement out."""
    return reinstated(f"{stack} credential", cause=lapse_of(stack))


def lapse_of(stack: str) -> str:
    """Return the cause by which an award lapses."""
    return f"lapse:{id_of(stack)}"


def _about(stack: str) -> dict[str, Any]:
    return {
        "stack_id": id_of(stack),
        "credential_id": id_of(f"{stack} credential"),
        "issuer_org": "org:kraft",
        "learner_ref": LEARNER,
        "pathway_id": PATHWAY_OF[stack],
        "pathway_version": 1,
    }


def names() -> list[tuple[str, Event]]:
    """Return what things are called."""
    legal_name = {"sv": "Skellefteå Kraft", "en": "Skellefteå Kraft"}
    body = OrganisationRegistered(
        org_id="org:kraft", legal_name=legal_name, slug="kraft", registration_no="2", country="SE"
    )
    return [
        ("org:kraft", body),
        ("def-lock", definition("def-lock", "Lås och bryt", "Lockout")),
        ("def-fall", definition("def-fall", "Fallskydd", "Fall protection")),
        (TECHNICIAN, pathway(TECHNICIAN, "Drifttekniker vattenkraft", "Hydropower technician")),
        (DUTY, pathway(DUTY, "Vakthavande", "On duty")),
    ]


def merits(account_id: UUID) -> list[tuple[str, Event]]:
    """Return two merits that the account holds."""
    return [
        ("cred-lock", issued("lock", "lock1", definition_id="def-lock", learner=LEARNER)),
        ("cred-fall", issued("fall", "fall1", definition_id="def-fall", learner=LEARNER)),
        (f"account-{account_id}", received(account_id, "lock1")),
    ]


def ladder(account_id: UUID) -> list[tuple[str, Event]]:
    """Return the whole life: merits, both awards, a lapse two hops deep and its end, a review, a renewal, the end."""
    tech_parts = constituent("lock", "def-lock"), constituent("fall", "def-fall")
    nested = constituent("tech credential", TECHNICIAN, award=True)
    down, up = lapsed("lock", "def-lock", "suspended"), lapsed("tech credential", TECHNICIAN, "suspended")
    return [
        *names(),
        *merits(account_id),
        ("progress-tech", progressed("tech", 1, 2, ("definition", "def-fall"))),
        ("progress-tech", progressed("tech", 2, 2)),
        ("stack-tech", proposed("tech", *tech_parts)),
        ("stack-tech", stacked("tech", *tech_parts)),
        ("cred-tech", issued("tech credential", "tech1", definition_id=TECHNICIAN, learner=LEARNER, stack="tech")),
        ("progress-duty", progressed("duty", 2, 2)),
        ("stack-duty", stacked("duty", nested)),
        ("status-lock", suspended("lock", "issuer")),
        ("stack-tech", invalidated("tech", "lock", "suspended")),
        ("stack-tech", stack_suspended("tech", down)),
        ("status-tech", mirrored("tech")),
        ("stack-duty", stack_suspended("duty", up)),
        ("status-duty", mirrored("duty")),
        ("status-lock", reinstated("lock")),
        ("stack-tech", restored("tech", "lock")),
        ("stack-tech", stack_reinstated("tech")),
        ("status-tech", unmirrored("tech")),
        ("stack-duty", restored("duty", "tech credential")),
        ("stack-duty", stack_reinstated("duty")),
        ("status-duty", unmirrored("duty")),
        ("stack-tech", invalidated("tech", "fall", "revoked")),
        ("stack-tech", review_opened("tech", "fall")),
        ("cred-new", issued("new fall", "new1", definition_id="def-fall", learner=LEARNER)),
        ("cred-fall", superseded("fall", "new fall")),
        ("status-fall", revoked("fall", "superseded")),
        ("stack-duty", stack_revoked("duty")),
        ("status-duty", revoked("duty credential")),
    ]
