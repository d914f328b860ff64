"""Signatures of webhooks: HMAC-SHA256 under a shared secret, or Ed25519. Source: Standard Webhooks 1.0.0."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kompetenspass.core.ids import random_bytes

Scheme = Literal["ed25519", "hmac"]
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """What webhooks are signed with: 32 bytes, the shared secret or the seed of an Ed25519 key (RFC 8032)."""

    scheme: Scheme
    secret: bytes = field(repr=False)

    def sign(self, message: bytes) -> str:
        """Return the signature with its version in front: `v1,` or `v1a,` and base64."""
        if self.scheme == "hmac":
            return f"v1,{_base64(hmac.digest(self.secret, message, hashlib.sha256))}"
        return f"v1a,{_base64(Ed25519PrivateKey.from_private_bytes(self.secret).sign(message))}"

    def handed_out(self) -> str:
        """Return what the receiver needs: the shared secret (`whsec_`), or the public key (`whpk_`)."""
        if self.scheme == "hmac":
            return f"whsec_{_base64(self.secret)}"
        return f"whpk_{_base64(Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw())}"


def new_secret() -> bytes:
    """Return the secret of a new key."""
    return random_bytes(_SECRET_BYTES)


def signed_headers(event_id: str, at: datetime, body: bytes, keys: Sequence[WebhookKey]) -> dict[str, str]:
    """Return the headers of one attempt, signed with each key: while a secret is rotated there are two.

    `event_id` holds no full stop. Raises ValueError if it does: it would move the border between id and time.
    """
    if "." in event_id:
        raise ValueError("an id with a full stop")
    timestamp = str(int(at.timestamp()))
    message = f"{event_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(key.sign(message) for key in keys),
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
