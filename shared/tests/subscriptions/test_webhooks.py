"""Webhooks on PostgreSQL with a real receiver: order, retries, secrets, dead letters, replay."""

from __future__ import annotations

import json
from datetime import timedelta

from starlette.responses import Response

from kompetenspass.core.ids import uuid7
from kompetenspass.events.envelope import Draft
from kompetenspass.log.api import Append
from kompetenspass.testing.subscribed import Rig, granted, revoked
from kompetenspass.testing.waiting import until
from kompetenspass.testing.webhooks import Answers, Received, Receiver, verified


def refusing(status: int, *positions: int, **headers: str) -> Answers:
    """Return what refuses events at these positions; all if there are none."""

    def answer(came: Received) -> Response:
        refused = not positions or came.position in positions
        return Response(status_code=status, headers=headers) if refused else Response(status_code=204)

    return answer


def accepting(_came: Received) -> Response:
    return Response(status_code=200)


async def test_what_happened_and_what_happens_comes_signed_and_in_order(rig: Rig, receiver: Receiver) -> None:
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"))
    made = await rig.subscribe(receiver)
    await receiver.until_accepted(2)
    await rig.state("org-a", granted("org:a", "creator"))
    assert await receiver.until_accepted(3) == [1, 2, 3]
    for came in receiver.received:
        assert verified(made["public_key"], came.headers, came.body)
        assert came.headers["content-type"] == "application/cloudevents+json"
        assert came.headers["webhook-id"] == came.event["id"]
        assert int(came.headers["webhook-timestamp"]) == int(rig.clock().timestamp())
        assert came.body == json.dumps(came.event, separators=(",", ":"), sort_keys=True).encode()


async def test_a_failing_stream_holds_back_only_what_comes_after_in_it(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = refusing(500, 1)
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"))
    await rig.state("org-b", granted("org:b"), granted("org:b", "provider"))
    made = await rig.subscribe(receiver)
    assert await receiver.until_accepted(2) == [3, 4]
    receiver.answers = accepting
    rig.clock.advance(seconds=60)
    assert await receiver.until_accepted(4) == [3, 4, 1, 2]
    await rig.until_deliveries(made, "done", 4)
    first = (await rig.deliveries(made))[0]
    assert [tried["status"] for tried in first["tries"]] == [500, 200]
    assert [tried["outcome"] for tried in first["tries"]] == ["refused", "delivered"]


async def test_what_waits_is_bounded_and_the_rest_stays_in_the_log(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = refusing(500)
    for number in range(30):
        await rig.state(f"org-{number}", granted(f"org:{number}"))
    made = await rig.subscribe(receiver)
    await receiver.until_received(12)
    assert len(await rig.deliveries(made, state="pending")) == 12
    read = await rig.send("GET", f"/v1/subscriptions/{made['id']}")
    assert (read["waiting"], read["dead"], read["position"], read["head"]) == (12, 0, 12, 30)
    receiver.answers = accepting
    rig.clock.advance(seconds=60)
    assert sorted(await receiver.until_accepted(30)) == list(range(1, 31))


async def test_retry_after_holds_everything_back_for_as_long(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = refusing(429, 1, **{"Retry-After": "600"})
    await rig.state("org-a", granted("org:a"))
    made = await rig.subscribe(receiver)

    async def held() -> bool:
        return (await rig.send("GET", f"/v1/subscriptions/{made['id']}"))["not_before"] is not None

    await until(held)
    await rig.state("org-b", granted("org:b"))
    await rig.until_deliveries(made, "pending", 2)
    assert len(receiver.received) == 1
    receiver.answers = accepting
    rig.clock.advance(seconds=599)
    await rig.state("org-c", granted("org:c"))
    await rig.until_deliveries(made, "pending", 3)
    assert len(receiver.received) == 1
    rig.clock.advance(seconds=2)
    assert sorted(await receiver.until_accepted(3)) == [1, 2, 3]


async def test_who_is_gone_is_called_no_more_and_misses_nothing_when_back(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = refusing(410)
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"))
    made = await rig.subscribe(receiver)
    assert (await rig.until_state(made, "disabled"))["reason"] == "gone"
    assert len(receiver.received) == 1
    receiver.answers = accepting
    resumed = await rig.send("PATCH", f"/v1/subscriptions/{made['id']}", {"state": "active"})
    assert resumed["state"] == "active"
    assert await receiver.until_accepted(2) == [1, 2]


async def test_after_three_days_a_letter_is_dead_and_can_be_sent_again(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = refusing(500, 1)
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"))
    made = await rig.subscribe(receiver)
    await rig.until_failing(made)
    await rig.state("org-b", granted("org:b"))
    await rig.until_deliveries(made, "done", 1)  # it takes others: the fault is the letter's
    rig.clock.advance(timedelta(days=3))
    dead = await rig.until_deliveries(made, "dead", 1)
    assert dead[0]["position"] == 1
    assert await receiver.until_accepted(2) == [3, 2]
    receiver.answers = accepting
    path = f"/v1/subscriptions/{made['id']}/redeliver"
    assert await rig.send("POST", path, {}) == {"redelivering": 1}
    assert await receiver.until_accepted(3) == [3, 2, 1]
    await rig.until_deliveries(made, "done", 3)
    assert await rig.send("POST", path, {"position": 3}) == {"redelivering": 1}
    assert await receiver.until_accepted(4) == [3, 2, 1, 3]
    unknown = await rig.client.post(path, json={"position": 99}, headers=rig.by())
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_a_receiver_that_took_nothing_for_three_days_is_disabled(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = refusing(500)
    await rig.state("org-a", granted("org:a"))
    made = await rig.subscribe(receiver)
    await rig.until_failing(made)
    rig.clock.advance(timedelta(days=3, seconds=60))
    assert (await rig.until_state(made, "disabled"))["reason"] == "failing"
    assert [one["state"] for one in await rig.deliveries(made)] == ["dead"]


async def test_while_a_secret_is_rotated_both_sign(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver, signature="hmac")
    assert "secret" not in await rig.send("GET", f"/v1/subscriptions/{made['id']}")
    path = f"/v1/subscriptions/{made['id']}/secret"
    rotated = await rig.send("POST", path, {"overlap_seconds": 3600})
    await rig.state("org-a", granted("org:a"))
    await receiver.until_accepted(1)
    both = receiver.accepted[0]
    assert all(verified(one["secret"], both.headers, both.body) for one in (made, rotated))
    rig.clock.advance(seconds=3600)
    await rig.state("org-a", granted("org:a", "provider"))
    await receiver.until_accepted(2)
    later = receiver.accepted[1]
    assert [verified(one["secret"], later.headers, later.body) for one in (made, rotated)] == [False, True]


async def test_it_is_sent_again_from_any_position_or_time(rig: Rig, receiver: Receiver) -> None:
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"))
    await rig.state("org-a", granted("org:a", "creator"))
    made = await rig.subscribe(receiver)
    assert await receiver.until_accepted(3) == [1, 2, 3]
    await rig.until_deliveries(made, "done", 3)
    path = f"/v1/subscriptions/{made['id']}/replay"
    assert (await rig.send("POST", path, {"from": 1}))["position"] == 1
    assert await receiver.until_accepted(5) == [1, 2, 3, 2, 3]
    await rig.until_deliveries(made, "done", 3)
    at = receiver.accepted[2].event["recordedtime"]
    assert (await rig.send("POST", path, {"from": at}))["position"] == 2
    assert await receiver.until_accepted(6) == [1, 2, 3, 2, 3, 3]


async def test_a_paused_one_rests_and_goes_on_where_it_was(rig: Rig, receiver: Receiver) -> None:
    made = await rig.subscribe(receiver)
    path = f"/v1/subscriptions/{made['id']}"
    assert (await rig.send("PATCH", path, {"state": "paused"}))["state"] == "paused"
    await rig.state("org-a", granted("org:a"))
    tested = await rig.send("POST", f"{path}/test")
    assert (tested["status"], tested["outcome"]) == (204, "delivered")
    assert [came.event["type"] for came in receiver.received] == ["kompetenspass.Test.v1"]
    assert verified(made["public_key"], receiver.received[0].headers, receiver.received[0].body)
    await rig.send("PATCH", path, {"state": "active"})
    assert await receiver.until_accepted(2) == [1]


async def test_types_and_audience_are_chosen(rig: Rig, receiver: Receiver) -> None:
    await rig.state("org-a", granted("org:a"))
    await rig.state("status-1", revoked())
    made = await rig.subscribe(receiver, audience="partner", types=["registry.CredentialRevoked.v1"])
    assert await receiver.until_accepted(1) == [2]
    event = receiver.accepted[0].event
    assert event["data"] == {"copies": [{"index": 7, "status_uri": "https://registry.example/status/1"}]}
    assert "subject" not in event
    await rig.until_deliveries(made, "done", 1)


async def test_an_event_that_cannot_be_read_becomes_a_dead_letter_and_holds_nobody_up(
    rig: Rig, receiver: Receiver
) -> None:
    await rig.runtime.log.append(Append("org-x", 0, [Draft(uuid7(), "registry.RoleGranted.v1", "{}")]))
    await rig.state("org-a", granted("org:a"))
    made = await rig.subscribe(receiver)
    assert await receiver.until_accepted(1) == [2]
    dead = await rig.until_deliveries(made, "dead", 1)
    assert [tried["outcome"] for tried in dead[0]["tries"]] == ["event_unreadable"]
