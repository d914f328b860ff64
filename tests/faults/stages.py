"""A relay and a reader as processes that come to a stand at a step: `python -m tests.faults.stages` makes them by fork.

Each line on its standard input asks for one (`Play` as JSON); a line with a process id answers, and another one once
that process stands at its step, where it stays until it is killed. All of them end with the standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from uuid import UUID

from kompetenspass.core.clock import system_clock
from kompetenspass.core.ids import derived_event_id
from kompetenspass.events.envelope import SYSTEM, Context
from kompetenspass.events.verification import PresentationJudged
from kompetenspass.events.wallet import CredentialReceived
from kompetenspass.log.api import Recorded
from kompetenspass.log.execute import execute
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.kafka.relay import Relay
from kompetenspass.log.kafka.shape import Shape
from kompetenspass.log.postgres import PostgresFeed, PostgresLog
from kompetenspass.log.project import Projection, Reaction
from kompetenspass.log.readers import Readers
from kompetenspass.log.steps import At, nothing_at
from kompetenspass.testing.waiting import until
from kompetenspass.web.migrate import engine_of
from kompetenspass.web.telemetry import configure_logging
from tests.faults.trial import TABLES, see

OWNER, READER = "wallet", "verification"
PARTITIONS = 3
SHAPE = Shape(partitions=PARTITIONS, replication=1, min_insync_replicas=1)
ANSWERING = "answering"
PROJECTION = Projection("seeing", 1, (OWNER,), TABLES, {CredentialReceived: see})


@dataclass(frozen=True)
class Play:
    """What a process is to be: `role` is relay, projection or reaction; `past`: what a reader is to have passed."""

    role: str
    step: str
    owner_dsn: str
    reader_dsn: str
    bootstrap: str
    past: int = 0

    @property
    def connecting(self) -> Connecting:
        """How one comes to Kafka."""
        return Connecting(bootstrap_servers=self.bootstrap, security="PLAINTEXT", request_timeout_seconds=5)


def answer_id(cause: Recorded) -> UUID:
    """Return the id of the event that the reaction states because of another."""
    return derived_event_id(cause.id, ANSWERING, answer_stream(cause), PresentationJudged.type)


def answer_stream(cause: Recorded) -> str:
    """Return the stream on which the reaction answers."""
    return f"answer-{cause.stream}"


def reaction(log: PostgresLog) -> Reaction:
    """Return the reaction: one event of its own for each that it reads."""

    async def answer(cause: Recorded) -> None:
        event = cause.event
        assert isinstance(event, CredentialReceived)
        await execute(
            log,
            answer_stream(cause),
            initial=None,
            evolve=lambda state, _event: state,
            decide=lambda _state: [PresentationJudged(request_id=event.account_id, outcome="verified")],
            context=Context(SYSTEM, system_clock(), "faults"),
            event_ids=lambda _n: derived_event_id(cause.id, ANSWERING, answer_stream(cause), PresentationJudged.type),
        )

    return Reaction(ANSWERING, (OWNER,), {CredentialReceived: answer})


@asynccontextmanager
async def reading(play: Play, *roles: str, at: At = nothing_at) -> AsyncIterator[Readers]:
    """Run the readers of some roles, over Kafka, for the length of a block."""
    engine, log = engine_of(play.reader_dsn, READER), PostgresLog(READER, play.reader_dsn)
    feed = KafkaFeed(OWNER, play.connecting, PARTITIONS, wait_milliseconds=5)
    readers = Readers(READER, engine, {OWNER: feed, READER: log}, system_clock, at=at)
    if "projection" in roles:
        readers.project(PROJECTION)
    if "reaction" in roles:
        readers.react(reaction(log))
    try:
        await log.start()
        await readers.start()
        yield readers
    finally:
        await readers.stop()
        await feed.stop()
        await log.stop()
        await engine.dispose()


@asynccontextmanager
async def relaying(play: Play, at: At = nothing_at) -> AsyncIterator[Relay]:
    """Run a relay for the length of a block."""
    engine, feed, stopping = engine_of(play.owner_dsn, OWNER), PostgresFeed(OWNER, play.owner_dsn), asyncio.Event()
    relay = Relay(feed, engine, play.connecting, SHAPE, source="https://owner.example", at=at)
    running = asyncio.create_task(relay.run(stopping))
    try:
        yield relay
    finally:
        stopping.set()
        await running
        await feed.stop()
        await engine.dispose()


def say(what: dict[str, object]) -> None:
    """Write a line at once: others write to the same pipe."""
    os.write(sys.stdout.fileno(), json.dumps(what).encode() + b"\n")


async def has_passed(readers: Readers, position: int) -> bool:
    """Return whether all of the readers have come to a position: the end of the log, or not, while no relay says so."""
    lags = await readers.lags()
    return bool(lags) and all(lag.position >= position and not lag.halted for lag in lags)


async def played(play: Play) -> None:
    """Play until it stands at the step, and stand there."""
    standing, for_ever = asyncio.Event(), asyncio.Event()

    async def at(step: str) -> None:
        if step == play.step:
            if not standing.is_set():
                say({"pid": os.getpid(), "at": step})
            standing.set()
            await for_ever.wait()

    if play.role == "relay":
        async with relaying(play, at):
            await standing.wait()
            await for_ever.wait()
    async with reading(play, play.role, at=at) as readers:
        if play.step != "released":  # which comes when it is told to end
            await for_ever.wait()
        await until(lambda: has_passed(readers, play.past))


def main() -> None:
    """Make a process for each line."""
    configure_logging("CRITICAL")  # elsewhere than the answers, and an alarm only
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    made = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(played(Play(**json.loads(line))))
            os._exit(1)
        made.append(pid)
        say({"pid": pid})
    for pid in made:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def asked(play: Play) -> bytes:
    """Return the line that asks for a process."""
    return json.dumps(asdict(play)).encode() + b"\n"


if __name__ == "__main__":
    main()
