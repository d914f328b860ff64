"""A Kafka that needs no Java: librdkafka's mock cluster in a small process of its own, and its faults on demand."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from enum import IntEnum
from types import TracebackType

from kompetenspass.core.errors import Kind, Problem

_END_SECONDS = 10


class Request(IntEnum):
    """Kinds of requests that may be made to fail. Source: Apache Kafka, protocol guide, API keys."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    INIT_PRODUCER_ID = 22


class Failure(IntEnum):
    """With what they may fail. Source: Apache Kafka, protocol guide, error codes."""

    NOT_LEADER = 6
    REQUEST_TIMED_OUT = 7
    NOT_ENOUGH_REPLICAS = 19
    TOPIC_AUTHORIZATION_FAILED = 29


class MockKafka:
    """A cluster of `brokers` (numbered from 1) on ports of 127.0.0.1; it ends with `stop`, or with this process.

    It is no Kafka. In memory only; beyond 5 MiB or 100,000 batches a partition drops its oldest. Topics are made by
    `create_topic`, since an admin client's request is refused; one that nobody made gets 4 partitions. Every record
    has the same timestamp. It does not wake a fetch that waits: give consumers `fetch_max_wait_ms=5`. After a
    transaction consumers need `check_crcs=False`. A second member of a group fails: assign partitions by hand.
    """

    def __init__(self, brokers: int = 1) -> None:
        self._brokers = brokers
        self._child: subprocess.Popen[str] | None = None
        self._asking = threading.Lock()
        self.bootstrap = ""

    def __enter__(self) -> MockKafka:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> MockKafka:
        """Start the process; afterwards `bootstrap` is what clients need. Raises Problem `mock_kafka_ended`."""
        command = [sys.executable, "-m", "kompetenspass.testing.kafka.mock_process", str(self._brokers)]
        self._child = subprocess.Popen(  # noqa: S603  the command is ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            self.bootstrap = str(self._ask("bootstrap"))
        except Problem:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the process, and everything that was stored. Does nothing when it does not run."""
        child, self._child = self._child, None
        if child is None:
            return
        with child:
            assert child.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it was killed, with a question on its way
                child.stdin.close()
            try:
                child.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()

    @property
    def pid(self) -> int | None:
        """The process id, None when it does not run."""
        return self._child.pid if self._child else None

    def create_topic(self, name: str, partitions: int, copies: int = 1) -> None:
        """Make a topic. Raises Problem `mock_kafka_refused` when it is there."""
        self._ask("create_topic", name, partitions, copies)

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """Make a broker the leader of a partition. Raises Problem `mock_kafka_refused` when either is not there."""
        self._ask("lead", topic, partition, broker)

    def down(self, broker: int = 1) -> None:
        """Close a broker's port and connections; what it holds is kept."""
        self._ask("down", broker)

    def up(self, broker: int = 1) -> None:
        """Open a broker's port again."""
        self._ask("up", broker)

    def slow(self, milliseconds: int, broker: int = 1) -> None:
        """Let a broker answer so much later; 0 ends it."""
        self._ask("slow", broker, milliseconds)

    def fail(self, request: Request, *errors: Failure) -> None:
        """Answer the next requests of a kind with these errors, one each; later ones succeed again."""
        self._ask("fail", request, list(errors))

    def forgive(self, request: Request) -> None:
        """Forget the errors that are still to come for a kind of request."""
        self._ask("forgive", request)

    def _ask(self, name: str, *arguments: object) -> object:
        with self._asking:
            answer = json.loads(self._line(json.dumps([name, *arguments])))
        if isinstance(answer, dict):
            raise Problem(
                "mock_kafka_refused", "The mock cluster refused.", kind=Kind.CONFLICT, detail=str(answer["error"])
            )
        return answer

    def _line(self, question: str) -> str:
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            raise Problem("not_running", "The mock cluster is not running.", kind=Kind.UNAVAILABLE)
        try:
            print(question, file=child.stdin, flush=True)
            line = child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Problem(
                "mock_kafka_ended",
                "The process of the mock cluster has ended.",
                kind=Kind.UNAVAILABLE,
                remedy="What it said stands on the standard error.",
            )
        return line
