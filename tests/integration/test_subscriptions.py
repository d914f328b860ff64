"""Who follows the five services over HTTP: the public learns of no learner, a partner of places in lists alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from kompetenspass.testing.events import texts
from kompetenspass.testing.waiting import until
from kompetenspass.testing.webhooks import receiving, verified
from tests.integration.parties import AWARDING_BODY, VERIFIER, Merit, Parties, fetched, offered, planned

LEARNER = {"given_name": "Prenumerantia", "family_name": "Följströmer"}
REVOKED = "registry.CredentialRevoked.v1"


@pytest.fixture(scope="module")
def revoked(parties: Parties) -> Merit:
    """A microcredential that was fetched and then revoked."""
    merit = planned(parties, LEARNER)
    offered(parties, merit, [90, 90])
    fetched(parties, merit)
    parties.reached("registry", f"issuance={len(asyncio.run(parties.platform.log_of('issuance')))}")
    path = f"/v1/credentials/{merit.credential_id}/revoke"
    parties.must("registry", path, parties.token(AWARDING_BODY, "issuer"), {"reason_code": "issued_in_error"})
    return merit


def followed(parties: Parties, service: str, token: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield every event of a service's log that the caller is shown, page by page."""
    following, ended = "/v1/events?limit=100", False
    while not ended:
        answer = parties.ask("get", service, following, token, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        yield from answer.json()["events"]
        following, ended = answer.json()["next"].removeprefix(parties.urls[service]), answer.json()["ended"]


def test_the_public_learns_of_no_learner(parties: Parties, revoked: Merit) -> None:
    secrets = {revoked.learner_ref, revoked.credential_id, revoked.achievement_id, *LEARNER.values()}
    for service in parties.urls:
        shown = list(followed(parties, service))
        assert bool(shown) == (service in ("catalog", "registry")), service
        said = [text for event in shown for text in texts(event)]
        assert [secret for secret in secrets if any(secret in text for text in said)] == []
        assert not any(event["type"] == REVOKED for event in shown)


def test_a_partner_learns_where_a_status_changed_and_not_whose(parties: Parties, revoked: Merit) -> None:
    shown = list(followed(parties, "registry", parties.token(VERIFIER, "relying_party")))
    changes = [event for event in shown if event["type"] == REVOKED]
    assert changes
    assert {tuple(sorted(change["data"])) for change in changes} == {("copies",)}
    secrets = {revoked.learner_ref, revoked.credential_id, revoked.achievement_id}
    assert [secret for secret in secrets if secret in json.dumps(shown)] == []


def test_every_event_names_a_schema_that_its_service_serves(parties: Parties, revoked: Merit) -> None:
    for service in ("catalog", "registry"):
        for place in {event["dataschema"] for event in followed(parties, service)}:
            assert parties.http.get(place).json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_stream_tells_what_happens(parties: Parties) -> None:
    url = f"{parties.urls['registry']}/v1/events"
    with parties.http.stream("GET", url, headers={"Accept": "text/event-stream"}) as answer:
        lines = answer.iter_lines()
        data = next(line for line in lines if line.startswith("data: "))
    assert json.loads(data.removeprefix("data: "))["type"].startswith("registry.")


async def test_a_partners_webhook_is_told_of_a_revocation(parties: Parties, revoked: Merit) -> None:
    token = parties.token(VERIFIER, "relying_party")
    async with receiving() as receiver:
        body = {"url": receiver.url, "types": [REVOKED], "audience": "partner", "from": 0}
        made = await asyncio.to_thread(parties.must, "registry", "/v1/subscriptions", token, body)

        async def told() -> bool:
            return bool(receiver.accepted)

        await until(told)
        first = receiver.accepted[0]
        assert verified(made["public_key"], first.headers, first.body)
        assert first.event["type"] == REVOKED
        path = f"/v1/subscriptions/{made['id']}"
        assert (await asyncio.to_thread(parties.ask, "delete", "registry", path, token)).status_code == 204
