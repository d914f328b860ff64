"""Snapshots of every aggregate: a fold that goes on from one is the fold from the first event."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.values import example_of
from kompetenspass.events.base import Event
from kompetenspass.events.codec import EVENTS
from kompetenspass.log.snapshots import Aggregate
from services.catalog.service.aggregates import AGGREGATES as CATALOG
from services.issuance.service.aggregates import AGGREGATES as ISSUANCE
from services.registry.service.aggregates import AGGREGATES as REGISTRY
from services.verification.service.aggregates import AGGREGATES as VERIFICATION
from services.wallet.service.aggregates import AGGREGATES as WALLET

OF = {"catalog": CATALOG, "issuance": ISSUANCE, "registry": REGISTRY, "verification": VERIFICATION, "wallet": WALLET}
EACH = [(owner, aggregate) for owner, aggregates in OF.items() for aggregate in aggregates]
_EXAMPLES = {owner: [example_of(event) for event in EVENTS.values() if event.owner() == owner] for owner in OF}


def _varied(event: Event, number: int) -> Event:
    """Return an event about others of the same kind: another id here, another text there."""
    shallow = {name: getattr(event, name) for name in type(event).model_fields}
    others: dict[str, object] = {name: UUID(int=number) for name, value in shallow.items() if isinstance(value, UUID)}
    others |= {
        name: f"{value}-{number}" for name, value in shallow.items() if name in ("kid", "assessor_ref", "digest")
    }
    return event.model_copy(update=others)


def _events(owner: str) -> st.SearchStrategy[list[Event]]:
    return st.lists(st.builds(_varied, st.sampled_from(_EXAMPLES[owner]), st.integers(1, 3)), max_size=12)


def _moved(aggregate: Aggregate[Any], state: Any, event: Event) -> Any:
    """Return the state after an event, and the same where no stream has such an order of events."""
    try:
        return aggregate.evolve(state, event)
    except (KeyError, ValueError, TypeError, AttributeError):
        return state


@pytest.mark.parametrize(("owner", "aggregate"), EACH, ids=[one.prefix for _, one in EACH])
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_fold_from_a_snapshot_is_the_fold_from_the_first_event(
    owner: str, aggregate: Aggregate[Any], data: st.DataObject
) -> None:
    before, after = data.draw(_events(owner)), data.draw(_events(owner))

    moved = partial(_moved, aggregate)
    kept = reduce(moved, before, aggregate.initial)
    written = aggregate.written(kept)
    assert written is not None
    again = aggregate.read(written)
    assert again == kept
    assert reduce(moved, after, again) == reduce(moved, [*before, *after], aggregate.initial)


def test_there_is_no_aggregate_that_nothing_changes() -> None:
    """The property above would hold of aggregates that nothing ever changes."""
    for owner, aggregate in EACH:
        moved = [_moved(aggregate, aggregate.initial, event) for event in _EXAMPLES[owner]]
        assert any(state != aggregate.initial for state in moved), aggregate.prefix


def test_streams_are_told_apart_by_their_prefixes() -> None:
    for aggregates in OF.values():
        prefixes = [one.prefix for one in aggregates]
        assert [other for one in prefixes for other in prefixes if one != other and other.startswith(one)] == []
