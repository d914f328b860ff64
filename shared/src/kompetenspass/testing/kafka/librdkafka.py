"""The mock cluster of librdkafka, by ctypes on the library in confluent-kafka's wheel. Source: rdkafka_mock.h."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from kompetenspass.core.errors import Kind, Problem

_PRODUCER = 0
_MESSAGE_BYTES = 512
_ERRORS_ONLY = b"3"  # of syslog's levels
_POINTER, _TEXT, _INT, _SHORT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int16
_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "rd_kafka_conf_new": (_POINTER, ()),
    "rd_kafka_conf_set": (_INT, (_POINTER, _TEXT, _TEXT, _TEXT, ctypes.c_size_t)),
    "rd_kafka_new": (_POINTER, (_INT, _POINTER, _TEXT, ctypes.c_size_t)),
    "rd_kafka_err2name": (_TEXT, (_INT,)),
    "rd_kafka_mock_cluster_new": (_POINTER, (_POINTER, _INT)),
    "rd_kafka_mock_cluster_bootstraps": (_TEXT, (_POINTER,)),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, (_POINTER, ctypes.c_int32)),
    "rd_kafka_mock_topic_create": (_INT, (_POINTER, _TEXT, _INT, _INT)),
    "rd_kafka_mock_partition_set_leader": (_INT, (_POINTER, _TEXT, ctypes.c_int32, ctypes.c_int32)),
    "rd_kafka_mock_broker_set_down": (_INT, (_POINTER, ctypes.c_int32)),
    "rd_kafka_mock_broker_set_up": (_INT, (_POINTER, ctypes.c_int32)),
    "rd_kafka_mock_broker_set_rtt": (_INT, (_POINTER, ctypes.c_int32, _INT)),
    "rd_kafka_mock_push_request_errors_array": (None, (_POINTER, _SHORT, ctypes.c_size_t, ctypes.POINTER(_INT))),
    "rd_kafka_mock_clear_request_errors": (None, (_POINTER, _SHORT)),
}


class MockCluster:
    """A cluster in this process, on ports of 127.0.0.1, with a thread of its own; it lasts as long as the process."""

    def __init__(self, brokers: int) -> None:
        self._library = _library()
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        settings = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(settings, b"log_level", _ERRORS_ONLY, message, _MESSAGE_BYTES)
        client = self._library.rd_kafka_new(_PRODUCER, settings, message, _MESSAGE_BYTES)
        self._cluster = self._library.rd_kafka_mock_cluster_new(client, brokers) if client else None
        if not self._cluster:
            raise _refused(message.value.decode() or "the cluster was not made")
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    def bootstrap(self) -> str:
        """Return the brokers' addresses."""
        found: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return found.decode()

    def create_topic(self, name: str, partitions: int, copies: int) -> None:
        """Make a topic. Raises Problem `mock_kafka_refused` when it is there."""
        self._demand(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, copies))

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """Make a broker the leader of a partition."""
        self._demand(self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), partition, broker))

    def down(self, broker: int) -> None:
        """Close a broker's port and connections; what it holds is kept."""
        self._demand(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def up(self, broker: int) -> None:
        """Open a broker's port again."""
        self._demand(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def slow(self, broker: int, milliseconds: int) -> None:
        """Let a broker answer so much later; 0 ends it."""
        self._demand(self._library.rd_kafka_mock_broker_set_rtt(self._cluster, broker, milliseconds))

    def fail(self, request: int, errors: Sequence[int]) -> None:
        """Answer the next requests of one kind (Kafka's API key) with these errors (codes of Kafka), one each."""
        codes = (_INT * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(errors), codes)

    def forgive(self, request: int) -> None:
        """Forget the errors that are still to come for one kind of request."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, request)

    def _demand(self, code: int) -> None:
        if code:
            name: bytes = self._library.rd_kafka_err2name(code)
            raise _refused(name.decode())


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_library_path()))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    return library


def _library_path() -> Path:
    """Return the library's file; the package itself is not imported. Raises Problem `mock_kafka_missing`."""
    spec = find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise _missing("The package confluent-kafka is not installed.")
    package = Path(spec.origin).parent
    places = (package.with_name("confluent_kafka.libs").glob("librdkafka-*.so*"), package.glob(".dylibs/librdkafka*"))
    found = sorted(path for place in places for path in place)
    if not found:
        raise _missing("The package confluent-kafka was installed without its library.")
    return found[0]


def _missing(title: str) -> Problem:
    return Problem(
        "mock_kafka_missing", title, kind=Kind.UNAVAILABLE, remedy="Install the development packages: make setup."
    )


def _refused(why: str) -> Problem:
    return Problem("mock_kafka_refused", "The mock cluster refused.", kind=Kind.CONFLICT, detail=why)
