"""Spans in the shape of OpenTelemetry's JSON (OTLP), for tools that read it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from workflowkit.runtime.spans import Span, SpanKind

#: OTLP's numbers for a span inside of a process, for one that ended well, and for one that did not.
_INTERNAL, _OK, _ERROR = 1, 1, 2
_FAILED = frozenset({"failed", "lost", "retry"})
_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8


def document(spans: Sequence[Span]) -> dict[str, Any]:
    """Return a trace; the first span is that of the run. Equal spans have equal ids."""
    run_id = spans[0].key
    service = {"key": "service.name", "value": {"stringValue": "workflowkit"}}
    scope = {"scope": {"name": "workflowkit"}, "spans": [_span(run_id, span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [scope]}]}


def _span(run_id: str, span: Span) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "traceId": _hex(_TRACE_ID_BYTES, run_id),
        "spanId": _hex(_SPAN_ID_BYTES, run_id, span.key),
        "parentSpanId": "" if span.parent is None else _hex(_SPAN_ID_BYTES, run_id, span.parent),
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(span.started_at_ms),
        "attributes": list(_attributes(span)),
        "status": _status(span),
    }
    # A span that goes on has no end; tools that want one take it for a later time.
    return shown if span.ended_at_ms is None else shown | {"endTimeUnixNano": _nanoseconds(span.ended_at_ms)}


def _status(span: Span) -> dict[str, Any]:
    if span.status in _FAILED:
        return {"code": _ERROR, "message": "" if span.error is None else span.error.message}
    return {"code": _OK} if span.ended_at_ms is not None else {}


def _attributes(span: Span) -> Iterator[dict[str, Any]]:
    own = {"span": span.kind.value, "id": span.key.partition("#")[0]} | ({"status": span.status} if span.status else {})
    if span.kind is SpanKind.RUN:
        own["id"] = span.key
    if span.error is not None:
        own |= {"error.name": span.error.name, "error.code": span.error.code}
    for name, value in (own | span.details).items():
        if value is not None:
            yield {"key": f"workflowkit.{name}", "value": _value(value)}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    # Protobuf's JSON writes whole numbers of 64 bits as text.
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}


def _nanoseconds(at_ms: int) -> str:
    return str(at_ms * 1_000_000)


def _hex(size_bytes: int, *parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=size_bytes).hexdigest()
