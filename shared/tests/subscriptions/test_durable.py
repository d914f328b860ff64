"""What a crash, a second process and a restored log do to deliveries: nothing is lost, nothing is out of order."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.responses import Response

from kompetenspass.embedded.provision import connected
from kompetenspass.log.partitions import renew_epoch
from kompetenspass.subscriptions.delivery_log import Deliveries
from kompetenspass.subscriptions.tables import Due, Held, Try
from kompetenspass.testing import subscribed
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.subscribed import Rig, Start, granted
from kompetenspass.testing.webhooks import Receiver

PROCESS = Path(__file__).with_name("process.py")


async def test_what_was_sent_and_not_recorded_is_sent_again(start: Start, receiver: Receiver) -> None:
    receiver.block = asyncio.Event()
    async with start() as rig:
        await rig.state("org-a", granted("org:a"), granted("org:a", "provider"))
        await rig.subscribe(receiver)
        await receiver.until_received(1)
    receiver.block.set()
    async with start() as rig:
        await receiver.until_received(3)
    ids = [came.headers["webhook-id"] for came in receiver.received]
    assert [came.position for came in receiver.received] == [1, 1, 2]
    assert ids[0] == ids[1] != ids[2]


async def test_a_killed_process_loses_nothing(
    start: Start, receiver: Receiver, database: Database, tmp_path: Path, package: str
) -> None:
    async with start() as rig:
        made = await rig.subscribe(receiver)
        await rig.send("PATCH", f"/v1/subscriptions/{made['id']}", {"state": "paused"})
        await rig.state("org-a", *(granted("org:a", role) for role in ("issuer", "provider", "creator")))
    async with connected(database.admin_dsn) as admin:
        await admin.execute("UPDATE registry.webhook_subscription SET state = 'active'")
    receiver.block = asyncio.Event()
    said = {"dsn": database.dsn("registry"), "folder": str(tmp_path), "package": package, "path": str(tmp_path)}
    killed = await asyncio.create_subprocess_exec(sys.executable, str(PROCESS), json.dumps(said))
    try:
        await receiver.until_received(1)
    finally:
        killed.kill()
        await killed.wait()
    receiver.block.set()
    async with start():
        await receiver.until_received(4)
    assert [came.position for came in receiver.received] == [1, 1, 2, 3]


async def test_of_two_processes_one_delivers_and_the_other_takes_over(start: Start, receiver: Receiver) -> None:
    async with start("two") as two:
        async with start("one") as one:
            made = await one.subscribe(receiver)
            for number in range(10):
                await one.state("org-a", granted(f"org:{number}"))
            assert await receiver.until_accepted(10) == list(range(1, 11))
            await one.until_deliveries(made, "done", 10)  # else it is sent again, as it should be
        await two.state("org-a", granted("org:b"))
        await receiver.until_accepted(11)
        await two.until_deliveries(made, "done", 11)
    async with start("one") as one:
        await one.state("org-a", granted("org:c"))
        assert await receiver.until_accepted(12) == list(range(1, 13))
    assert len(receiver.received) == 12


async def test_a_restored_log_stops_a_subscription_until_its_owner_says_where_to_go_on(
    rig: Rig, receiver: Receiver, database: Database
) -> None:
    await rig.state("org-a", granted("org:a"))
    made = await rig.subscribe(receiver)
    await receiver.until_accepted(1)
    async with rig.runtime.engine.begin() as connection:
        await connection.execute(text("UPDATE webhook_subscription SET position = 50"))
    assert (await rig.until_state(made, "disabled"))["reason"] == "log_restored"
    path = f"/v1/subscriptions/{made['id']}"
    refused = await rig.client.patch(path, json={"state": "active"}, headers=rig.by())
    assert (refused.status_code, refused.json()["code"]) == (409, "replay_needed")
    assert (await rig.send("POST", f"/v1/subscriptions/{made['id']}/replay", {"from": 0}))["position"] == 0
    await rig.send("PATCH", f"/v1/subscriptions/{made['id']}", {"state": "active"})
    assert await receiver.until_accepted(2) == [1, 1]


async def test_another_epoch_stops_a_subscription_too(start: Start, receiver: Receiver, database: Database) -> None:
    async with start() as rig:
        made = await rig.subscribe(receiver)
    async with connected(database.admin_dsn) as admin:
        await renew_epoch(admin, "registry")
    async with start() as rig:
        assert (await rig.until_state(made, "disabled"))["reason"] == "log_restored"


async def test_of_two_that_hold_themselves_for_the_one_that_delivers_one_makes_the_attempt(
    start: Start, receiver: Receiver, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribed, "QUICK", replace(subscribed.QUICK, hold_seconds=600))
    receiver.block = asyncio.Event()
    async with start() as rig:
        await rig.state("org-a", granted("org:a"))
        await rig.subscribe(receiver)
        await receiver.until_received(1)
        deliveries = Deliveries(rig.runtime.engine)
        assert await deliveries.due(rig.clock(), 10) == []  # another process sees nothing that it may send
        async with connected(database.admin_dsn) as admin:
            row = await admin.fetchrow("SELECT * FROM registry.webhook_delivery")
            (subscription, _waiting), *_ = await deliveries.active()
            due = Due(subscription, row["position"], row["event_id"], row["key"], row["since"], 0)
            assert await deliveries.hold([due], 30) == []
            await admin.execute("UPDATE registry.webhook_delivery SET held_until = now() - interval '1 second'")
            (held,) = await deliveries.hold([due], 30)  # the first one did not come back in time
            now = rig.clock()
            late = Held(due, held.until - timedelta(seconds=1))
            await deliveries.failed(late, Try(now, "refused", 500, 1), None, now=now, not_before=None)
            assert await admin.fetchval("SELECT state FROM registry.webhook_delivery") == "pending"
        receiver.block.set()
        await receiver.until_accepted(1)


async def test_an_event_that_another_stands_in_for_since_a_restore_is_not_sent_under_its_id(
    start: Start, receiver: Receiver, database: Database
) -> None:
    receiver.answers = lambda _: Response(status_code=500)
    async with start() as rig:
        await rig.state("org-a", granted("org:a"))
        made = await rig.subscribe(receiver)
        await rig.until_failing(made)
    async with connected(database.admin_dsn) as admin:
        await admin.execute("UPDATE registry.webhook_delivery SET event_id = gen_random_uuid()")
    receiver.received.clear()
    async with start() as rig:
        rig.clock.advance(seconds=60)
        dead = await rig.until_deliveries(made, "dead", 1)
        assert dead[0]["tries"][-1]["outcome"] == "event_unreadable"
        assert receiver.received == []
        receiver.answers = lambda _: Response(status_code=204)
        await rig.send("POST", f"/v1/subscriptions/{made['id']}/replay", {"from": 0})
        assert await receiver.until_accepted(1) == [1]


async def test_a_delivery_that_never_gets_an_answer_holds_back_nobody_else(rig: Rig, receiver: Receiver) -> None:
    receiver.block = asyncio.Event()
    await rig.state("org-a", granted("org:a"))
    await rig.subscribe(receiver)
    await receiver.until_received(1)
    await rig.state("org-b", granted("org:b"))
    await receiver.until_received(2)
    receiver.block.set()
    assert sorted(await receiver.until_accepted(2)) == [1, 2]


async def test_connections_that_are_cut_only_delay_a_delivery(rig: Rig, receiver: Receiver, database: Database) -> None:
    made = await rig.subscribe(receiver)
    await rig.state("org-a", granted("org:a"))
    await receiver.until_accepted(1)
    await rig.until_deliveries(made, "done", 1)  # else it is sent again, as it should be
    async with connected(database.admin_dsn) as admin:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'registry'"
        await admin.execute(cut)  # all but the log's own
    await rig.state("org-a", granted("org:b"))
    await receiver.until_received(2)
    assert [came.position for came in receiver.received][-1] == 2
