"""The only source of ids and of randomness, and the types that keep one id from being taken for another."""

from __future__ import annotations

import base64
import secrets
import time
from typing import NewType
from uuid import UUID, uuid5

OrgId = NewType("OrgId", str)
DefinitionId = NewType("DefinitionId", str)
PathwayId = NewType("PathwayId", str)
AssessorRef = NewType("AssessorRef", str)
LearnerRef = NewType("LearnerRef", str)
AchievementId = NewType("AchievementId", UUID)
CredentialId = NewType("CredentialId", UUID)
AccountId = NewType("AccountId", UUID)
RequestId = NewType("RequestId", UUID)

_CREDENTIALS = UUID("5a8d1f0e-6f0c-5c39-9f0e-0c6f2a5b7d11")


def uuid7() -> UUID:
    """Return a new time-ordered UUID. Source: RFC 9562, section 5.7."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def credential_id_of(source: UUID) -> CredentialId:
    """Return the id of the one credential that an achievement or an award leads to, whatever is offered again."""
    return CredentialId(uuid5(_CREDENTIALS, str(source)))


def derived_event_id(cause: UUID, reaction: str, stream: str, event_type: str) -> UUID:
    """Return the id of the event that a reaction writes because of `cause`: the same each time it is tried."""
    return uuid5(cause, f"{reaction}\n{stream}\n{event_type}")


def random_bytes(size: int) -> bytes:
    """Return `size` unpredictable bytes."""
    return secrets.token_bytes(size)


def random_token(size: int = 16) -> str:
    """Return `size` unpredictable bytes as base64url without padding: 16 bytes are 128 bits in 22 characters."""
    return base64.urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()


def random_fraction() -> float:
    """Return an unpredictable number in [0, 1), for delays that shall not fall together."""
    return secrets.randbelow(2**32) / 2**32


def random_digits(length: int) -> str:
    """Return `length` unpredictable decimal digits, for transaction codes that a person types."""
    return f"{secrets.randbelow(10**length):0{length}d}"
