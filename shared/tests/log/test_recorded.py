"""Recorded: what a reader is given cannot be changed, is decoded once, and never shows its data."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from kompetenspass.events.envelope import SYSTEM, Context, seal
from kompetenspass.events.issuance import OfferWithdrawn
from kompetenspass.log.api import Recorded

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CONTEXT = Context(SYSTEM, NOON, "correlation")
EVENT = OfferWithdrawn(credential_id=UUID(int=1), offer_id=UUID(int=2), cause="issuer")


def recorded(data: str | None = None) -> Recorded:
    draft = seal(UUID(int=3), EVENT, CONTEXT)
    return Recorded(7, "cred-1", 1, draft.id, draft.type, NOON, data or draft.data)


def test_its_event_and_context_are_those_that_were_sealed() -> None:
    row = recorded()
    assert (row.event, row.context) == (EVENT, CONTEXT)
    assert (row.envelope.id, row.envelope.event, row.envelope.context) == (row.id, EVENT, CONTEXT)


def test_its_event_is_decoded_once() -> None:
    row = recorded()
    assert row.event is row.event is row.envelope.event


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        recorded().position = 8  # type: ignore[misc]


def test_it_does_not_show_its_data() -> None:
    shown = f"{recorded()!r} {recorded()} {recorded().envelope!r}"
    assert "cred-1" in shown
    assert "correlation" not in shown
    assert "data" not in shown


def test_broken_bytes_are_refused_each_time() -> None:
    row = recorded("{}")
    for _ in range(2):
        with pytest.raises(ValueError):
            _ = row.event
    with pytest.raises(ValueError):
        _ = row.context
