"""What the wallet states: that an account holds or showed a credential. These facts are the learner's alone."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from kompetenspass.events.base import Event


class CredentialReceived(Event):
    """An account holds the copy with this digest; so it learns under which reference its issuer knows the learner."""

    type: ClassVar[str] = "wallet.CredentialReceived.v1"
    account_id: UUID
    digest: str
    issuer: str


class CredentialPresented(Event):
    """An account showed the copy with this digest to a verifier; for the learner's own log."""

    type: ClassVar[str] = "wallet.CredentialPresented.v1"
    account_id: UUID
    digest: str
    verifier: str
