"""One node of Kafka: its files, and the process that can be stopped, killed and frozen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from kompetenspass.core.errors import Kind, Problem
from kompetenspass.embedded.kafka.asking import brokers_seen_by
from kompetenspass.embedded.kafka.programs import Java
from kompetenspass.embedded.kafka.properties import Place, as_file

_POLL_SECONDS = 0.05
_STOP_SECONDS = 30
_FORMAT_HEAP, _HEAP = 128, 256  # megabytes


class Node:
    """A broker that is a controller too, in a folder of its own; another start finds its data again."""

    def __init__(self, place: Place, properties: dict[str, str], java: Java, timeout_seconds: float) -> None:
        self.place = place
        self._properties = properties
        self._java = java
        self._timeout_seconds = timeout_seconds
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None when it does not run."""
        return self._child.pid if self._child and self._child.poll() is None else None

    @property
    def log_path(self) -> Path:
        """The file of the node's warnings and errors; that of the run before ends in `.old`."""
        return self.place.folder / "kafka.log"

    def format(self, options: Sequence[str]) -> None:
        """Make the data folder, unless it is there. Raises Problem `kafka_failed`."""
        self.place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.place.data.exists():
            return
        fresh = self.place.data.with_name("data.new")  # renamed when it is whole: a killed format leaves nothing
        shutil.rmtree(fresh, ignore_errors=True)
        told = self._told("format.properties", self._properties | {"log.dirs": str(fresh)})
        command = self._command("kafka.tools.StorageTool", "format", "-c", str(told), *options, heap=_FORMAT_HEAP)
        try:
            done = self._java.run(command, self._timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise self._failed("took too long to make its data folder", "") from error
        if done.returncode != 0:
            raise self._failed("could not make its data folder", _last_lines(done.stdout + done.stderr))
        fresh.rename(self.place.data)

    async def start(self) -> None:
        """Start this node among others that run, and return when it serves. Raises Problem `kafka_failed`."""
        await asyncio.to_thread(self.spawn)
        await self.serving(frozenset({self.place.number}))

    def spawn(self) -> None:
        """Start the process, after the end of one that an earlier parent left behind. Returns at once."""
        if self.pid is not None:
            return
        self._end_orphan()
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_suffix(".log.old"))
        told = self._told("server.properties", self._properties)
        self._child = self._java.spawn(self._command("kafka.Kafka", str(told), heap=_HEAP), self.log_path)
        self._pid_path.write_text(f"{self._child.pid}\n")

    async def serving(self, expected: frozenset[int]) -> None:
        """Return when the node's own Metadata names all brokers of `expected`. Raises Problem `kafka_failed`."""
        deadline = time.monotonic() + self._timeout_seconds
        while not expected <= await brokers_seen_by(self.place.port):
            if self.pid is None:
                raise self._failed("ended while it started", self._log_end())
            if time.monotonic() > deadline:
                raise self._failed(f"was not ready after {self._timeout_seconds:.0f} s", self._log_end())
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """End the node by SIGTERM, after which its data is whole; does nothing when it does not run."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """End the process and wait for it, as `stop` does; by SIGKILL when it has not ended after 30 s."""
        child, self._child = self._child, None
        if child is None:
            return
        for name in (signal.SIGTERM, signal.SIGCONT):  # a frozen one ends when it thaws
            child.send_signal(name)
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def kill(self) -> None:
        """End the process by SIGKILL, as a crash of the machine's process would."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()

    def freeze(self) -> None:
        """Stop the process in its tracks (SIGSTOP): its connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _signal(self, name: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(name)

    @property
    def _pid_path(self) -> Path:
        return self.place.folder / "node.pid"

    def _told(self, name: str, properties: dict[str, str]) -> Path:
        path = self.place.folder / name
        path.write_text(as_file(properties), encoding="ascii")
        return path

    def _command(self, main: str, *arguments: str, heap: int) -> list[str]:
        scratch = self.place.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        return self._java.command(main, *arguments, heap_megabytes=heap, scratch=scratch)

    def _end_orphan(self) -> None:
        """Kill what an earlier parent left behind where the system does not end children with their parent."""
        deadline = time.monotonic() + _STOP_SECONDS
        while (orphan := self._orphan()) is not None and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)

    def _orphan(self) -> int | None:
        """Return the process id of the living node of an earlier parent: a zombie or a stranger's process is none."""
        try:
            pid = int(self._pid_path.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.place.folder / "server.properties") in words else None

    def _log_end(self) -> str:
        return _last_lines(self.log_path.read_text(encoding="utf-8", errors="replace"))

    def _failed(self, what: str, detail: str) -> Problem:
        return Problem(
            "kafka_failed",
            f"Node {self.place.number} of the embedded Kafka {what}.",
            kind=Kind.UNAVAILABLE,
            remedy=f"Kafka 4 needs Java 17 or newer. Its last words are in the detail, all of them in {self.log_path}.",
            detail=detail,
        )


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-20:])[-4000:]
