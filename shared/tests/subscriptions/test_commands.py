"""What is refused, and what another organisation sees of a subscription: nothing."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from sqlalchemy import text

from kompetenspass.core.clock import rfc3339
from kompetenspass.subscriptions.keeping import MOST_SUBSCRIPTIONS
from kompetenspass.testing.subscribed import Rig, granted
from kompetenspass.testing.waiting import until
from kompetenspass.testing.webhooks import Receiver


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"url": "http://receiver.example/"}, 400, "address_refused"),
        ({"url": "https://127.0.0.1.example@localhost/"}, 400, "address_refused"),
        ({"url": "https://10.0.0.1/"}, 400, "address_refused"),
        ({"url": "https://169.254.169.254/latest"}, 400, "address_refused"),
        ({"types": ["catalog.DefinitionPublished.v1"]}, 400, "unknown_event_type"),
        ({"types": ["registry.CredentialRevoked.v1"]}, 400, "unknown_event_type"),
        ({"types": []}, 400, "invalid_request"),
        ({"audience": "internal"}, 400, "invalid_request"),
        ({"from": -1}, 400, "invalid_request"),
        ({"from": "yesterday"}, 400, "invalid_request"),
        ({"from": 7}, 409, "cursor_ahead"),
        ({"signature": "none"}, 400, "invalid_request"),
        ({"surprise": 1}, 400, "invalid_request"),
        ({"url": f"https://{'a' * 64}.example/"}, 503, "upstream_unavailable"),
        ({"url": "https://[64:ff9b::a00:1]/"}, 400, "address_refused"),
    ],
)
async def test_a_subscription_that_is_refused_says_why(
    said: dict[str, Any], status: int, code: str, rig: Rig, receiver: Receiver
) -> None:
    body = {"url": receiver.url} | said
    answer = await rig.client.post("/v1/subscriptions", json=body, headers=rig.by("org:a", "observer"))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_partner_events_need_the_role(rig: Rig, receiver: Receiver) -> None:
    body = {"url": receiver.url, "audience": "partner"}
    answer = await rig.client.post("/v1/subscriptions", json=body, headers=rig.by("org:a", "provider"))
    assert (answer.status_code, answer.json()["code"]) == (403, "audience_forbidden")
    assert (await rig.client.post("/v1/subscriptions", json=body)).status_code == 401


async def test_learners_who_share_one_name_have_no_subscriptions(rig: Rig, receiver: Receiver) -> None:
    answer = await rig.client.post(
        "/v1/subscriptions", json={"url": receiver.url}, headers=rig.by("learner", "learner")
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "organisation_needed")


async def test_a_cursor_that_a_page_gave_is_where_a_subscription_begins(rig: Rig, receiver: Receiver) -> None:
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"))
    page = await rig.client.get("/v1/events", params={"limit": 1}, headers={"Accept": "application/json"})
    assert (await rig.subscribe(receiver, **{"from": page.json()["cursor"]}))["position"] == 1
    body = {"url": receiver.url, "from": f"1.{'0' * 32}"}
    answer = await rig.client.post("/v1/subscriptions", json=body, headers=rig.by())
    assert (answer.status_code, answer.json()["code"]) == (409, "log_restored")
    assert await receiver.until_accepted(1) == [2]


async def test_another_organisations_subscription_is_not_there(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver)
    path = f"/v1/subscriptions/{made['id']}"
    other = rig.by("org:b", "observer")
    for method, rest, body in [
        ("GET", "", None),
        ("PATCH", "", {"state": "paused"}),
        ("DELETE", "", None),
        ("POST", "/secret", {}),
        ("POST", "/test", None),
        ("POST", "/replay", {"from": 0}),
        ("POST", "/redeliver", {}),
        ("GET", "/deliveries", None),
    ]:
        answer = await rig.client.request(method, path + rest, json=body, headers=other)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), rest
    assert (await rig.client.get("/v1/subscriptions", headers=other)).json() == {"subscriptions": []}


async def test_a_deleted_subscription_is_gone(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver)
    assert [one["id"] for one in (await rig.send("GET", "/v1/subscriptions"))["subscriptions"]] == [made["id"]]
    await rig.send("DELETE", f"/v1/subscriptions/{made['id']}")
    assert (await rig.send("GET", "/v1/subscriptions"))["subscriptions"] == []


async def test_an_organisation_has_only_so_many(rig: Rig, receiver: Receiver) -> None:
    for _ in range(MOST_SUBSCRIPTIONS):
        await rig.subscribe(receiver)
    answer = await rig.client.post("/v1/subscriptions", json={"url": receiver.url}, headers=rig.by())
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_subscriptions")


async def test_no_secret_lies_open_in_the_database(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver, signature="hmac")
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    async with rig.runtime.engine.connect() as connection:
        kept = await connection.scalar(text("SELECT secret FROM webhook_subscription"))
    assert secret not in kept


async def test_an_organisation_tests_one_at_a_time(rig: Rig, receiver: Receiver) -> None:
    receiver.block = asyncio.Event()
    made = await rig.subscribe(receiver)
    path = f"/v1/subscriptions/{made['id']}/test"
    first = asyncio.create_task(rig.send("POST", path))

    async def under_way() -> bool:
        return bool(receiver.received)

    await until(under_way)
    second = await rig.client.post(path, headers=rig.by())
    assert (second.status_code, second.json()["code"]) == (429, "too_many_connections")
    receiver.block.set()
    assert (await first)["outcome"] == "delivered"


async def test_a_test_that_reaches_nobody_says_so(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver, url="http://localhost:9/")
    tried = await rig.send("POST", f"/v1/subscriptions/{made['id']}/test")
    assert (tried["outcome"], tried["status"]) == ("upstream_unavailable", None)


async def test_a_moment_is_written_alike_wherever_it_stands(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver)
    await rig.state("org-a", granted("org:a"))
    (delivered,) = await rig.until_deliveries(made, "done", 1)
    tested = await rig.send("POST", f"/v1/subscriptions/{made['id']}/test")
    said = {made["created_at"], delivered["ended_at"], delivered["tries"][0]["at"], tested["at"]}
    assert said == {rfc3339(rig.clock())}


async def test_the_scheme_owner_may_end_what_another_organisation_follows(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver, audience="partner")
    owner, other = rig.by("org:rise", "scheme_owner"), rig.by("org:b", "observer")
    refused = await rig.client.get("/v1/subscriptions", params={"org": "org:a"}, headers=other)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    found = (await rig.client.get("/v1/subscriptions", params={"org": "org:a"}, headers=owner)).json()
    assert [one["id"] for one in found["subscriptions"]] == [made["id"]]
    assert (await rig.client.delete(f"/v1/subscriptions/{made['id']}", headers=owner)).status_code == 204
    assert (await rig.send("GET", "/v1/subscriptions"))["subscriptions"] == []
