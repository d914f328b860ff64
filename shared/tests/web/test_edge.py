"""The edge on bare ASGI, and what stands on a log line."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from fastapi import FastAPI
from starlette.types import Message

from kompetenspass.web.telemetry import configure_logging, logger, tracer_of


async def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(app: FastAPI) -> None:
    sent: list[Message] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"a=1", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"trial.example")]
    scope = {"type": "http", "method": "POST", "path": "/token", "headers": headers, "query_string": b""}
    await app(scope, receive, send)
    assert sent == []


@pytest.mark.usefixtures("logging_as_it_was")
def test_a_log_line_is_json_with_what_the_request_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.contextvars.bind_contextvars(service="trial", trace_id="4bf9")
    logger().info("offer_made", offers=1)
    logging.getLogger("library").warning("a plain line")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["trace_id"], ours["service"], ours["offers"]) == ("offer_made", "4bf9", "trial", 1)
    assert (theirs["event"], theirs["trace_id"], theirs["level"]) == ("a plain line", "4bf9", "warning")


def test_traces_that_have_nowhere_to_go_name_what_is_missing() -> None:
    with pytest.raises(SystemExit, match="opentelemetry-exporter-otlp-proto-http"):
        tracer_of("trial", "https://traces.example/v1/traces")
