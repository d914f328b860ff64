"""Nothing that names a learner reaches the public, or partners: walked over every type of event of every service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kompetenspass.core.ids import uuid7
from kompetenspass.events.base import AUDIENCES, Audience, Event
from kompetenspass.events.codec import EVENTS
from kompetenspass.events.envelope import Context, seal
from kompetenspass.log.api import Append
from kompetenspass.log.memory import MemoryLog
from kompetenspass.subscriptions.audience import PARTNER_ROLES, audience_of, types_for
from kompetenspass.subscriptions.journal import Asked, Journal
from kompetenspass.subscriptions.starts import At
from kompetenspass.testing.clock import FixedClock
from kompetenspass.testing.events import contexts, instances, texts
from kompetenspass.web.auth import Principal

OWNERS = sorted({event.owner() for event in EVENTS.values()})
OF_PERSONS = {"learner_ref", "assessor_ref", "achievement_id", "account_id", "credential_id", "stack_id", "vault_ref"}


def of_persons(value: Any) -> Iterator[str]:
    """Return every text that stands under a name that leads to a person."""
    if isinstance(value, dict):
        for name, held in value.items():
            yield from texts(held) if name in OF_PERSONS else of_persons(held)
    elif isinstance(value, list):
        for held in value:
            yield from of_persons(held)


async def sent(owner: str, stated: Event, context: Context, audience: Audience) -> str:
    """Return all that a page says of an event on the stream of a person."""
    log = MemoryLog(owner, FixedClock())
    draft = seal(uuid7(), stated, context)
    await log.append(Append("learner-person", 0, [draft]))
    journal = Journal(log, "https://service.example", asyncio.Event())
    page = await journal.page(At(0), Asked(audience, types_for(owner, audience)), 10)
    assert page.cursor.position == 1
    return json.dumps([json.loads(event.body) for event in page.events])


@pytest.mark.parametrize("name", sorted(EVENTS))
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_no_page_names_a_learner(name: str, data: st.DataObject) -> None:
    stated, context = data.draw(instances(EVENTS[name])), data.draw(contexts)
    secrets = {*of_persons(stated.model_dump(mode="json")), "learner-person", context.actor.org, context.correlation_id}
    for audience in ("public", "partner"):
        page = asyncio.run(sent(stated.owner(), stated, context, audience))
        assert [secret for secret in secrets if secret in page] == [], audience


@pytest.mark.parametrize("owner", OWNERS)
def test_each_audience_is_sent_what_those_before_it_are(owner: str) -> None:
    kinds = [types_for(owner, audience) for audience in AUDIENCES]
    assert kinds[0] <= kinds[1] <= kinds[2]
    assert kinds[2] == {name for name, event in EVENTS.items() if event.owner() == owner}


def test_no_role_makes_a_caller_internal() -> None:
    every = Principal("org:a", frozenset({*PARTNER_ROLES, "issuer", "operator", "admin", "internal"}), "client")
    assert audience_of(every) == "partner"
    assert audience_of(Principal("org:a", frozenset({"issuer", "provider"}), "client")) == "public"
    assert audience_of(None) == "public"
