"""The fact that some learner's credential was issued: as large as a real one, of a credential of its own each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kompetenspass.core.ids import random_token, uuid7
from kompetenspass.events.issuance import CredentialIssued
from kompetenspass.events.registry import StatusRef

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def credential_issued(**said: Any) -> CredentialIssued:
    """Return the event, with the members that a caller says in place of these."""
    of_merit = {} if "stack_id" in said else {"achievement_id": uuid7()}
    usual: dict[str, Any] = {
        **of_merit,
        "credential_id": uuid7(),
        "learner_ref": str(uuid7()),
        "definition_id": "def:skelleftea:sko-ys-01",
        "definition_version": 1,
        "definition_digest": random_token(32),
        "issuer_org": "org:skelleftea-kommun",
        "issuer": "https://issuance.example/issuers/skelleftea-kommun",
        "format": "dc+sd-jwt",
        "vct": "https://catalog.example/vct/mikromerit/1",
        "kid": random_token(32),
        "copies": (copy_at("https://registry.example/status/1", 524_287),),
        "recognition_level": "R4",
        "valid_from": NOON,
        "valid_to": NOON + timedelta(days=1095),
    }
    return CredentialIssued(**{**usual, **said})


def copy_at(status_uri: str, index: int) -> StatusRef:
    """Return one copy of a credential, with its place in a status list."""
    return StatusRef(digest=random_token(32), status_uri=status_uri, index=index)
