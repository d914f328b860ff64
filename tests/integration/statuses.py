"""What a published status list says, read without the platform's own library. Source: Token Status List, section 4."""

from __future__ import annotations

import base64
import zlib

import httpx2

from tests.integration.parties import Parties
from tests.integration.stranger import JSON, Held, Stranger, eventually, opened_by_leaf

MEDIA_TYPE = "application/statuslist+jwt"
VALID, INVALID, SUSPENDED = 0, 1, 2


def fetched(parties: Parties, uri: str, **headers: str) -> httpx2.Response:
    """Return what the list's address answers."""
    return parties.http.get(uri, headers={"Accept": MEDIA_TYPE, **headers})


def token_of(parties: Parties, held: Held) -> JSON:
    """Return the payload of the Status List Token that a credential points to; its signature is checked."""
    return opened_by_leaf(fetched(parties, held.status["uri"]).raise_for_status().text)


def values_of(status_list: JSON) -> bytes:
    """Return the decompressed bytes of a list."""
    text = status_list["lst"]
    return zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def value_of(parties: Parties, held: Held) -> int:
    """Return the status of a credential: entries stand least significant bits first."""
    status_list = token_of(parties, held)["status_list"]
    bits, index = int(status_list["bits"]), int(held.status["idx"])
    byte = values_of(status_list)[index * bits // 8]
    return byte >> (index * bits % 8) & (1 << bits) - 1


def becomes(parties: Parties, held: Held, value: int) -> bool:
    """Return whether a credential gets a status."""
    return eventually(lambda: value_of(parties, held) == value)


def stays_valid(stranger: Stranger, held: Held) -> bool:
    """Return whether a credential is valid on a list that already shows a change made after all that was asked for."""
    other = stranger.received()
    assert other.status["uri"] == held.status["uri"]
    assert stranger.change(other, "suspend", "under_review").status_code == 200
    assert becomes(stranger.parties, other, SUSPENDED)
    return value_of(stranger.parties, held) == VALID
