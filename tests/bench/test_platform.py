"""The platform that is measured: a wait for its readers ends at once when a process has died, and says who is late."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from bench import platform
from bench.platform import Platform

BEHIND = {"reader": "facts", "log": "issuance", "lag": 3}


async def test_a_process_that_has_died_is_named_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (tmp_path / "bench.log").write_text('{"event": "appender_failed", "alarm": true}\n' + "later\n" * 30)
    died = await asyncio.create_subprocess_exec("false")
    await died.wait()
    with pytest.raises(RuntimeError, match=r"issuance projections ended with 1:\n.*appender_failed"):
        await Platform(folder, {}, "", started={"issuance projections": died}).caught_up()


async def test_who_does_not_catch_up_is_named_of_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "_CAUGHT_UP_SECONDS", 0)

    tasks: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        body = json.dumps({"cursors": [BEHIND, {**BEHIND, "reader": "overview", "lag": 0}]})
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        nowhere = "http://127.0.0.1:9"
        with pytest.raises(RuntimeError, match="does not catch up") as failed:
            await Platform(tmp_path / "run", {}, "", health=[url, nowhere]).caught_up()
        await asyncio.gather(*(task for task in tasks if task))
    assert "facts" in str(failed.value)
    assert "overview" not in str(failed.value)
    assert f'"{nowhere}": "no connection' in str(failed.value)
