"""What an account holds, in a list."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.wallet.domain.summary import Summary, summarise
from services.wallet.service.ports import Vault


class Holding:
    """Looks into the vault of an account."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def list(self, account_id: UUID) -> Sequence[Summary]:
        """Return a summary of each credential, the oldest first."""
        return [
            summarise(h.compact, digest=h.digest, issuer=h.issuer, vct=h.vct, received_at=h.received_at)
            for h in await self._vault.held(account_id)
        ]
