"""Receivers that answer badly: each costs itself, and nobody else; and what is nowhere to be read."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import Response

from kompetenspass.embedded.provision import connected
from kompetenspass.testing import subscribed
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.subscribed import Rig, Start, granted
from kompetenspass.testing.waiting import until
from kompetenspass.testing.webhooks import Received, Receiver, receiving, verified


async def outcome_of(rig: Rig, receiver: Receiver, answer: Response) -> tuple[str, int | None]:
    receiver.answers = lambda _: answer
    made = await rig.subscribe(receiver, **{"from": "now"})
    tried = await rig.send("POST", f"/v1/subscriptions/{made['id']}/test")
    return tried["outcome"], tried["status"]


async def test_any_2xx_is_success_whatever_its_body(rig: Rig, receiver: Receiver) -> None:
    for answer in (Response(b"x" * 200_000), Response(b"no gzip", headers={"Content-Encoding": "gzip"})):
        assert await outcome_of(rig, receiver, answer) == ("delivered", 200)


async def test_a_redirect_is_a_failure_with_its_status_and_is_not_followed(rig: Rig, receiver: Receiver) -> None:
    there = Response(status_code=302, headers={"Location": receiver.url + "/other"})
    assert await outcome_of(rig, receiver, there) == ("refused", 302)
    assert len(receiver.received) == 1


async def test_an_address_that_became_a_private_one_is_refused_when_it_is_sent_to(rig: Rig, receiver: Receiver) -> None:
    await rig.state("org-a", granted("org:a"))
    receiver.answers = lambda _: Response(status_code=500)
    made = await rig.subscribe(receiver)
    await rig.until_failing(made)

    async def private(_host: str, _port: int) -> Sequence[str]:
        return ["10.0.0.1"]

    rig.runtime.http._resolve = private
    rig.clock.advance(seconds=60)

    async def refused() -> bool:
        tries = (await rig.deliveries(made))[0]["tries"]
        return bool(tries[-1]["outcome"] == "address_refused")

    await until(refused)
    assert len(receiver.received) == 1


async def test_one_receiver_that_leads_to_a_bug_holds_up_no_other(
    rig: Rig, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as other:
        resolve = rig.runtime.http._resolve

        async def broken(host: str, port: int) -> Sequence[str]:
            if port == int(other.url.split(":")[2].partition("/")[0]):
                raise RuntimeError("a bug")
            return await resolve(host, port)

        spoilt = await rig.subscribe(other)
        monkeypatch.setattr(rig.runtime.http, "_resolve", broken)
        await rig.subscribe(receiver)
        for number in range(5):
            await rig.state(f"org-{number}", granted(f"org:{number}"))
        await receiver.until_accepted(5)
        assert other.received == []

        async def noted() -> bool:
            found = await rig.deliveries(spoilt)
            return bool(found and found[0]["tries"] and found[0]["tries"][0]["outcome"] == "internal_error")

        await until(noted)


async def test_a_receiver_that_took_nothing_has_one_attempt_at_a_time(rig: Rig, receiver: Receiver) -> None:
    receiver.answers = lambda _: Response(status_code=500)
    await rig.state("org-a", granted("org:a"))
    await rig.until_failing(await rig.subscribe(receiver))
    receiver.block = asyncio.Event()
    async with receiving() as other:
        await rig.subscribe(other)
        for number in range(4):
            await rig.state(f"org-{number}", granted(f"org:{number}"))
        await other.until_accepted(5)
        await receiver.until_received(2)
        assert len(receiver.received) == 2
    receiver.block.set()


async def test_who_takes_nothing_is_served_after_all_who_do(
    start: Start, receiver: Receiver, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although what waits for those stands earlier in the log, and there is room for one attempt alone."""
    monkeypatch.setattr(subscribed, "QUICK", replace(subscribed.QUICK, total=1))
    receiver.answers = lambda _: Response(status_code=500)
    async with receiving() as well:
        async with start(only="api") as rig:
            await rig.subscribe(receiver)
            for number in range(8):
                await rig.state(f"org-{number}", granted(f"org:{number}"))
            await rig.subscribe(well, **{"from": "now"})
            await rig.state("org-last", granted("org:last"), granted("org:last", "provider"))
        async with connected(database.admin_dsn) as admin:
            await admin.execute("UPDATE registry.webhook_subscription SET failing_since = now() WHERE position = 0")
        before: list[int] = []

        def taken(_came: Received) -> Response:
            before.append(len(receiver.received))
            return Response(status_code=204)

        well.answers = taken
        async with start():
            await well.until_accepted(2)
            await receiver.until_received(8)
        assert before[0] == 0
        assert before[1] <= 1


async def test_no_log_line_event_or_answer_holds_a_secret(
    rig: Rig, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "kompetenspass")  # those of the HTTP client are never switched on, see telemetry
    made = await rig.subscribe(receiver, signature="hmac", url=receiver.url + "?token=hidden-in-the-address")
    path = f"/v1/subscriptions/{made['id']}"
    rotated = await rig.send("POST", f"{path}/secret", {})
    receiver.answers = lambda _: Response(status_code=500)
    await rig.state("org-a", granted("org:a"))
    await rig.until_deliveries(made, "pending", 1)
    await receiver.until_received(1)
    await rig.send("POST", f"{path}/test")
    reads = [await rig.send("GET", place) for place in ("/v1/subscriptions", path, f"{path}/deliveries")]
    secrets = [one["secret"].removeprefix("whsec_") for one in (made, rotated)]
    lines = " ".join(line.getMessage() for line in caplog.records if line.name == "kompetenspass")
    said = lines + json.dumps(reads) + "".join(came.body.decode() for came in receiver.received)
    assert [secret for secret in secrets if secret in said] == []
    assert "hidden-in-the-address" not in lines


async def test_without_the_key_file_a_new_secret_brings_deliveries_back(
    rig: Rig, receiver: Receiver, tmp_path: Path
) -> None:
    made = await rig.subscribe(receiver)
    await rig.state("org-a", granted("org:a"))
    await receiver.until_accepted(1)
    assert (tmp_path / "registry-webhooks.key").stat().st_mode & 0o077 == 0
    async with rig.runtime.engine.begin() as connection:  # as if it were sealed under another key
        await connection.exec_driver_sql("UPDATE webhook_subscription SET secret = substr(secret, 2)")
    path = f"/v1/subscriptions/{made['id']}"
    assert (await rig.send("POST", f"{path}/test"))["outcome"] == "vault_unreadable"
    rotated = await rig.send("POST", f"{path}/secret", {"overlap_seconds": 3600})
    assert (await rig.send("POST", f"{path}/test"))["outcome"] == "delivered"
    last = receiver.received[-1]
    assert verified(rotated["public_key"], last.headers, last.body)
