"""What verification states: that it asked, and how it judged; never what it was shown."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from kompetenspass.events.base import Event


class PresentationRequested(Event):
    """A verifier asked a wallet for credentials."""

    type: ClassVar[str] = "verification.PresentationRequested.v1"
    request_id: UUID
    verifier_org: str
    definitions: tuple[str, ...]
    expires_at: datetime


class PresentationJudged(Event):
    """An answer was judged. `failed_checks` are the codes of the checks that did not hold."""

    type: ClassVar[str] = "verification.PresentationJudged.v1"
    request_id: UUID
    outcome: Literal["verified", "refused", "declined"]
    failed_checks: tuple[str, ...] = ()
