"""Logs and traces: one JSON object a line, the trace id on each, and a span per request."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, cast

import structlog
from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanContext, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_TRACE: ContextVar[SpanContext | None] = ContextVar("kompetenspass_trace", default=None)
PROPAGATOR = TraceContextTextMapPropagator()
_IDS = RandomIdGenerator()


def configure_logging(level: str = "INFO") -> None:
    """Send every log line of the process, ours and the libraries', to standard error as one JSON object."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _failure_without_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    renderers: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(),
    ]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=renderers))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx2", "httpcore2", "httpx", "httpcore", "alembic", "asyncio", "uvicorn.error", "aiokafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _failure_without_values(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put what failed and where on the line, cause by cause, but no message: those quote what was sent or stored."""
    info = line.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info if isinstance(info, BaseException) else sys.exc_info()[1]
    places: list[str] = []
    while info and error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        places += [type(error).__qualname__, *(f"  {f.filename}:{f.lineno} {f.name}" for f in reversed(frames))]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if places:
        line["exception"] = "\n".join(places)
    return line


def logger() -> structlog.stdlib.BoundLogger:
    """Return the logger of the platform; what the context bound (service, trace id) is on each line."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger("kompetenspass"))


def tracer_of(service: str, endpoint: str | None) -> Tracer | None:
    """Return the tracer of one service, None without an endpoint: then nothing is recorded, see `unrecorded`."""
    if endpoint is None:
        return None
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(_exporter(endpoint)))
    return provider.get_tracer("kompetenspass.web")


def parent_of(traceparent: str | None) -> OtelContext | None:
    """Return the context that a `traceparent` header names, None without one. Source: W3C Trace Context."""
    return PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None


def unrecorded(parent: OtelContext | None) -> SpanContext:
    """Return the ids of a span that nobody records: a new one in the caller's trace, or in a trace of its own."""
    callers = trace.get_current_span(parent).get_span_context() if parent else trace.INVALID_SPAN_CONTEXT
    trace_id = callers.trace_id if callers.is_valid else _IDS.generate_trace_id()
    return SpanContext(trace_id, _IDS.generate_span_id(), is_remote=False)


def enter_trace(span: SpanContext) -> None:
    """Make `span` the one that log lines, answers and events of this task name."""
    _TRACE.set(span)


def current_trace_id() -> str | None:
    """Return the trace id of the request at hand, 32 hexadecimal characters, or None outside of one."""
    span = _TRACE.get()
    return f"{span.trace_id:032x}" if span else None


def current_traceparent() -> str | None:
    """Return the W3C traceparent of the request at hand, or None outside of one. Source: W3C Trace Context."""
    span = _TRACE.get()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}" if span else None


def _exporter(endpoint: str) -> Any:
    try:
        module = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ModuleNotFoundError as error:
        raise SystemExit(
            "traces_endpoint is set, but the exporter is missing: install opentelemetry-exporter-otlp-proto-http."
        ) from error
    return module.OTLPSpanExporter(endpoint=endpoint)
