"""Server-sent events over a real server: resumed, alive, bounded, and ended when they should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from kompetenspass.testing.subscribed import Rig, Start, granted, revoked
from kompetenspass.testing.waiting import PATIENCE_SECONDS, until

STREAM = {"Accept": "text/event-stream"}


class Stream:
    """A stream as a browser reads it: blocks, the last id, and the events."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._lines = answer.aiter_lines()
        self.last_id = ""
        self.comments = 0
        self.retry = ""

    async def event(self) -> dict[str, Any] | None:
        """Return the next event, None at the end. What is between is noted."""
        data = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if not line and data:
                    event: dict[str, Any] = json.loads(data)
                    return event
                self._note(name, value)
                data += value if name == "data" else ""
        return None

    def _note(self, name: str, value: str) -> None:
        if name == "id":
            self.last_id = value
        elif name == "retry":
            self.retry = value
        elif name == "" and value:
            self.comments += 1


@asynccontextmanager
async def streaming(rig: Rig, headers: dict[str, str] | None = None, **asked: Any) -> AsyncIterator[Stream]:
    async with rig.client.stream("GET", "/v1/events", params=asked, headers=STREAM | (headers or {})) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer)


async def test_events_come_as_they_happen_and_a_lost_stream_goes_on(rig: Rig) -> None:
    await rig.state("org-a", granted("org:a"))
    async with streaming(rig) as stream:
        first = await stream.event()
        await rig.state("org-a", granted("org:a", "provider"))
        second = await stream.event()
        assert first
        assert second
        epoch = (await rig.runtime.log.epoch()).hex
        assert [first["position"], second["position"], stream.last_id] == ["1", "2", f"2.{epoch}"]
        assert stream.retry == "3000"
    await rig.state("org-a", granted("org:a", "creator"))
    async with streaming(rig, {"Last-Event-ID": stream.last_id}, since="2020-01-01T00:00:00Z") as again:
        third = await again.event()
        assert third
        assert third["position"] == "3"


async def test_a_quiet_stream_says_that_it_lives_and_how_far_it_is(rig: Rig) -> None:
    async with streaming(rig) as stream:
        await rig.state("status-1", revoked())

        async def reading() -> None:
            await stream.event()

        task = asyncio.create_task(reading())

        async def moved() -> bool:
            return stream.comments > 0 and stream.last_id.startswith("1.")

        await until(moved)
        await rig.state("org-a", granted("org:a"))
        await task
        assert stream.last_id.startswith("2.")


async def test_a_partners_stream_ends_with_its_token(rig: Rig) -> None:
    await rig.state("status-1", revoked())
    async with streaming(rig, rig.by("org:a", "observer")) as stream:
        event = await stream.event()
        assert event
        assert event["data"]["copies"][0]["index"] == 7
        rig.clock.advance(seconds=10**7)
        assert await stream.event() is None


async def test_a_last_id_that_is_none_is_refused(rig: Rig) -> None:
    answer = await rig.client.get("/v1/events", headers=STREAM | {"Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_a_stream_that_would_begin_beyond_the_log_is_refused(rig: Rig) -> None:
    answer = await rig.client.get("/v1/events", headers=STREAM | {"Last-Event-ID": "7"})
    assert (answer.status_code, answer.json()["code"], answer.json()["head"]) == (409, "cursor_ahead", 0)
    former = {"Last-Event-ID": f"0.{'0' * 32}"}
    answer = await rig.client.get("/v1/events", headers=STREAM | former)
    assert (answer.status_code, answer.json()["code"]) == (409, "log_restored")


async def test_streams_are_few_for_those_without_a_token(rig: Rig) -> None:
    async with asyncio.TaskGroup() as group:
        enough = asyncio.Event()

        async def held(started: asyncio.Event) -> None:
            async with streaming(rig):
                started.set()
                await enough.wait()

        starts = [asyncio.Event() for _ in range(16)]
        for start in starts:
            group.create_task(held(start))
        await asyncio.gather(*(start.wait() for start in starts))
        answer = await rig.client.get("/v1/events", headers=STREAM)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_connections")
        enough.set()

    async def free() -> bool:
        async with rig.client.stream("GET", "/v1/events", headers=STREAM) as answer:
            return answer.status_code == 200

    await until(free)


async def test_a_stream_ends_when_the_service_stops(start: Start) -> None:
    async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        async with start() as rig:
            await rig.state("org-a", granted("org:a"))
            request = client.build_request("GET", f"{rig.client.base_url}/v1/events", headers=STREAM)
            answer = await client.send(request, stream=True)
            stream = Stream(answer)
            assert await stream.event()
            ended = asyncio.create_task(stream.event())
        assert await ended is None  # and was not cut off, which would raise
        await answer.aclose()


async def test_a_client_that_does_not_read_is_dropped(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.runtime.settings.port, limit=1024)
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    long = granted("org:" + "a" * 50_000)
    assert rig.places.held == 1

    async def dropped() -> bool:
        for number in range(20):
            await rig.state(f"org-{number}", long)
        return rig.places.held == 0

    await until(dropped)
    writer.transport.abort()
