"""A real Kafka for tests: one for a whole run, or three nodes for a test that breaks some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from kompetenspass.core.errors import Problem
from kompetenspass.embedded.kafka.broker import EmbeddedKafka

START_SECONDS = 300.0
"""After so long it is not slow but broken, however busy the machine is."""

_NOT_INSTALLED = {"java_missing", "maven_missing"}


class _Broker(BaseSettings):
    """The broker that is already there, if any: `KAFKA_BOOTSTRAP_SERVERS`."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, env_prefix="KAFKA_")

    bootstrap_servers: str | None = None


@contextmanager
def broker_in(folder: Path, skip: Callable[[str], object]) -> Iterator[str]:
    """Yield the addresses of the broker that `KAFKA_BOOTSTRAP_SERVERS` names, or of one that runs in `folder`.

    Calls `skip`, which raises, with what to install where Java or Maven is missing.
    """
    given = _Broker().bootstrap_servers
    if given:
        yield given
        return
    with running(EmbeddedKafka(folder, start_timeout_seconds=START_SECONDS), skip) as kafka:
        yield kafka.bootstrap


@contextmanager
def running(kafka: EmbeddedKafka, skip: Callable[[str], object]) -> Iterator[EmbeddedKafka]:
    """Run a Kafka for the length of a block; calls `skip` as `broker_in` does."""
    try:
        _run(kafka.start)
    except Problem as problem:
        if problem.code in _NOT_INSTALLED:
            skip(f"{problem.title} {problem.remedy}")
        raise
    try:
        yield kafka
    finally:
        _run(kafka.stop)


def _run(action: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a coroutine in a thread and loop of its own, so that sync and async tests may both ask for a broker."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(action())).result()
