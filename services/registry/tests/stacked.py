"""One stack award as issuance states it, for the tests of what the registry makes of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from kompetenspass.core.ids import AchievementId, credential_id_of
from kompetenspass.events.base import Event
from kompetenspass.events.envelope import seal
from kompetenspass.events.stacking import (
    CredentialStacked,
    CredentialSuperseded,
    Lapsed,
    StackReinstated,
    StackRevoked,
    StackSuspended,
)
from kompetenspass.log.api import Recorded
from kompetenspass.testing.clock import NOON
from services.registry.tests.conftest import context

STACK = UUID("0190f7a0-0000-7000-8000-0000000000a1")
AWARD = credential_id_of(AchievementId(STACK))
CONSTITUENT = UUID("0190f7a0-0000-7000-8000-0000000000c1")
LAPSE = f"lapse:{STACK}"
_NAMES = UUID("0190f7a0-0000-7000-8000-0000000000fe")
_ABOUT: dict[str, Any] = {
    "stack_id": STACK,
    "credential_id": AWARD,
    "issuer_org": "org:alfa",
    "learner_ref": "learner:1",
    "pathway_id": "path-1",
    "pathway_version": 1,
}

STACKED = CredentialStacked(
    stack_id=STACK,
    credential_id=AWARD,
    learner_ref="learner:1",
    pathway_id="path-1",
    pathway_version=1,
    pathway_digest="digest",
    rule_digest="rule",
    awarding_body="org:alfa",
    ordinal=1,
    constituents=(),
    proof_digest="proof",
    mode="automatic",
    awarded_on=NOON.date(),
    recognition_level="R3",
)


def suspended(cause: str = LAPSE, **changes: Any) -> StackSuspended:
    lapsed = Lapsed(credential_id=CONSTITUENT, definition_id="def-1", definition_version=1, change="expired")
    values = {"cause": cause, "reason_code": "constituent_lapsed", "lapsed": (lapsed,)}
    return StackSuspended(**(_ABOUT | values | changes))


def reinstated(cause: str = LAPSE, **changes: Any) -> StackReinstated:
    return StackReinstated(**(_ABOUT | {"cause": cause} | changes))


def revoked(**changes: Any) -> StackRevoked:
    return StackRevoked(**(_ABOUT | {"reason_code": "fraud", "void_ab_initio": True} | changes))


def superseded(credential_id: UUID = AWARD, **changes: Any) -> CredentialSuperseded:
    values: dict[str, Any] = {
        "credential_id": credential_id,
        "by_credential_id": CONSTITUENT,
        "learner_ref": "learner:1",
        "definition_id": "def-1",
        "issuer_org": "org:alfa",
        "cause": "renewal",
    }
    return CredentialSuperseded(**(values | changes))


def recorded(position: int, event: Event) -> Recorded:
    """Return the event as issuance's log would hold it."""
    event_id = uuid5(_NAMES, str(position))
    draft = seal(event_id, event, context())
    return Recorded(position, f"stack-{STACK}", position, event_id, event.type, NOON, draft.data)
