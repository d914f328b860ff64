"""The secrets of webhooks: sealed in the database under a key of this service that lies in a file.

A copy of the database alone gives no secret away; who has that file and the database, or this process, has them all.
There is no hardware module behind it. If the file is lost, every secret has to be rotated.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

from kompetenspass.core.errors import Problem
from kompetenspass.keys.sealing import kept_secret, seal, unseal
from kompetenspass.subscriptions.signing import WebhookKey
from kompetenspass.subscriptions.tables import Subscription
from kompetenspass.web.telemetry import logger


class Secrets:
    """Seals and opens the secrets of subscriptions; each is bound to its subscription."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key = b""

    async def open(self) -> None:
        """Read the key, made at the first start. Raises Problem `key_unusable`."""
        self._key = kept_secret(self._path)

    def sealed(self, subscription_id: UUID, secret: bytes) -> bytes:
        """Return a secret as it is kept."""
        return seal(self._key, secret, _place(subscription_id))

    def keys(self, subscription: Subscription, now: datetime) -> tuple[WebhookKey, ...]:
        """Return what to sign with now: the present key, and the former one while both are in force.

        A former one that does not open is left out. Raises Problem `vault_unreadable` for a present one.
        """
        keys = [self._opened(subscription, subscription.secret)]
        if subscription.former_secret and subscription.former_until and now < subscription.former_until:
            with suppress(Problem):
                keys.append(self._opened(subscription, subscription.former_secret))
        return tuple(keys)

    def _opened(self, subscription: Subscription, sealed: bytes) -> WebhookKey:
        try:
            return WebhookKey(subscription.scheme, unseal(self._key, sealed, _place(subscription.id)))
        except Problem:
            logger().error("webhook_secret_unreadable", subscription=str(subscription.id), alarm=True)
            raise


def _place(subscription_id: UUID) -> str:
    return f"webhook:{subscription_id}"
