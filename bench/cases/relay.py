"""The relay on a real broker: events a second from log to Kafka, beside clients that are given the records ready."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Protocol

from bench.of_relay.arrived import arrived
from bench.of_relay.ground import OWNER, SHAPE, SOURCE, TOPIC, Ground, ready
from bench.of_relay.process import relaying
from bench.peers.relay import ByConfluent, BySend
from bench.processes import family_seconds
from bench.report import Condition, Goal, Report, Series
from kompetenspass.core.ids import uuid7
from kompetenspass.log.kafka.headers import Message, internal_message
from kompetenspass.log.kafka.lease import rewind, sent_to
from kompetenspass.log.kafka.relay import Relay

EVENTS = 40_000
RATE = "events/s"
_RELAY, _SEND = "relay, from the log", "aiokafka send, records ready"
_TUNED, _CONFLUENT = "aiokafka send, large batches, records ready", "confluent produce, records ready"
_LOOK_SECONDS = 0.02
_MID_PAGE_SECONDS = 0.03
_GARBAGE = 20_000
_LONGEST_SECONDS = 600.0


class Client(Protocol):
    """What sends records that are ready."""

    async def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when all are confirmed."""


@dataclass
class Bench:
    """What the ways need, and what the rounds have shown."""

    here: Ground
    size: int
    messages: Sequence[Message]
    clients: dict[str, Client]
    series: Series = field(default_factory=Series)

    def note(self, name: str, seconds: float, here: float, there: float) -> None:
        """Note one way's rate, and the processor time for each event here and in the broker."""
        self.series.add(name, RATE, self.size / seconds)
        self.series.add(f"{name}: processor time here", "us/event", here / self.size * 1e6)
        self.series.add(f"{name}: of the broker", "us/event", there / self.size * 1e6)


async def measure(rounds: int, size: int | None) -> Report:
    """Return the figures. `size`: events in the log."""
    size = size or EVENTS
    gc.collect()
    gc.freeze()  # as the relay's own process does
    gc.set_threshold(_GARBAGE)
    async with ready(size) as here:
        conditions = await killed_in_mid_run(here, size)
        async with _bench(here, size) as bench:
            await one_round(bench)
            bench.series.clear()  # the first one warmed up
            for _ in range(rounds):
                await one_round(bench)
        return _report(bench, conditions)


async def killed_in_mid_run(here: Ground, size: int) -> list[Condition]:
    """Send the log by three relays of which two are killed, and return what must hold of what has arrived."""
    for share in (1 / 3, 2 / 3, 1):
        async with (
            relaying(here.cluster.dsn(OWNER), here.kafka.bootstrap) as process,
            asyncio.timeout(_LONGEST_SECONDS),
        ):
            await _sent(here, share * size, process)
            await asyncio.sleep(_MID_PAGE_SECONDS)
    return (await arrived(here.kafka.bootstrap)).conditions(size, "killed twice")


async def _sent(here: Ground, events: float, process: asyncio.subprocess.Process) -> None:
    while await sent_to(here.engine, OWNER) < events:
        if process.returncode is not None:
            raise RuntimeError("the relay has ended")
        await asyncio.sleep(_LOOK_SECONDS)


async def one_round(bench: Bench) -> None:
    """Measure each way once."""
    await by_relay(bench)
    for name, client in bench.clients.items():
        await by_client(bench, name, client)


async def by_relay(bench: Bench) -> None:
    """Send the whole log, from the moment at which the producer is there to the last confirmation."""
    here, began, stopping = bench.here, list[float](), asyncio.Event()
    await rewind(here.engine, OWNER)

    async def at(step: str) -> None:
        if step == "opened":
            began.extend((_of_broker(here), process_time(), perf_counter()))
        if step == "moved" and relay.lag == 0:
            seconds, mine = perf_counter() - began[2], process_time() - began[1]
            bench.note(_RELAY, seconds, mine, _of_broker(here) - began[0])
            stopping.set()

    relay = Relay(here.feed, here.engine, here.connecting, SHAPE, source=SOURCE, at=at)
    gc.collect()
    await relay.run(stopping)


async def by_client(bench: Bench, name: str, client: Client) -> None:
    """Send the same records by a client that is connected."""
    gc.collect()
    there, mine, began = _of_broker(bench.here), process_time(), perf_counter()
    await client.send(TOPIC, bench.messages)
    seconds, mine = perf_counter() - began, process_time() - mine
    bench.note(name, seconds, mine, _of_broker(bench.here) - there)


@asynccontextmanager
async def _bench(here: Ground, size: int) -> AsyncIterator[Bench]:
    rows, epoch = await here.feed.read(0, size), uuid7()  # another epoch, for it is not the relay that sends them
    messages = [internal_message(row, source=SOURCE, epoch=epoch, fence=1) for row in rows]
    clients: dict[str, Client] = {_CONFLUENT: ByConfluent(here.kafka.bootstrap)}
    async with AsyncExitStack() as stack:
        for name, tuned in ((_SEND, False), (_TUNED, True)):
            clients[name] = client = BySend(here.kafka.bootstrap, tuned=tuned)
            await client.start()
            stack.push_async_callback(client.stop)
        yield Bench(here, size, messages, clients)


def _of_broker(here: Ground) -> float:
    pid = here.kafka.node(1).pid
    assert pid is not None
    return family_seconds(pid)


def _report(bench: Bench, conditions: Sequence[Condition]) -> Report:
    relay, send, tuned, confluent = map(bench.series.figure, (_RELAY, _SEND, _TUNED, _CONFLUENT))
    faster = max(send, tuned, key=lambda figure: figure.median)
    goals = [
        Goal(relay.per(faster, "relay / aiokafka send, the faster way"), "at least", 4),
        Goal(relay.per(confluent, "relay / confluent produce"), "at least", 0.5),
    ]
    first = bench.messages[0]
    headers = sum(len(name) + len(value) for name, value in first.headers)
    setting = {
        "broker": "one node of Apache Kafka, a real one, on the same machine; acks=all, idempotent",
        "events": f"{bench.size:,} of {len(first.value)} bytes, {headers} of headers, {SHAPE.partitions} partitions",
        "the relay": "reads the log, makes the records and moves its cursor; the others are given the records",
    }
    return Report("relay", setting, bench.series.figures(), goals, [*conditions])
