"""A line of the log says what failed and where, and quotes nothing."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from kompetenspass.web.telemetry import configure_logging, logger


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the process would print."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logging()
    output = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(output)
    yield output
    root.handlers[:], root.level = before, level


def fail() -> None:
    try:
        int("Zebulonia")
    except ValueError as error:
        raise RuntimeError("a row of Zebulonia") from error


def test_a_failure_is_told_without_its_message(lines: io.StringIO) -> None:
    try:
        fail()
    except RuntimeError:
        logger().exception("request_failed")
        logging.getLogger("a.library").exception("it failed")
    ours, theirs = (json.loads(line) for line in lines.getvalue().splitlines())
    for line in (ours, theirs):
        assert line["exception"].startswith("RuntimeError\n")
        assert "ValueError" in line["exception"]
        assert "test_telemetry.py" in line["exception"]
    assert "Zebulonia" not in lines.getvalue()


def test_a_line_without_a_failure_has_none(lines: io.StringIO) -> None:
    logger().warning("something", exc_info=False)
    assert "exception" not in json.loads(lines.getvalue())
