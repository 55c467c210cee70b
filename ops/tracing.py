"""OpenTelemetry traces of requests over HTTP and their statements. The SDK is an extra, asked for only by who wants traces."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span

from execution import asked

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def provider(endpoint: str) -> TracerProvider:
    """Sends spans to an OTLP collector over HTTP, in batches from a thread. Sampling and names by OTEL_* variables."""
    found = TracerProvider(resource=Resource.create({"service.name": "chairtime"}))
    found.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return found


class Tracing:
    """Spans of one provider: one a request, which continues its caller's trace, and within it one a statement."""

    def __init__(self, spans: TracerProvider) -> None:
        self._spans = spans
        self._tracer = spans.get_tracer("chairtime")

    def around(self, handler: Handler) -> Handler:
        """A handler with a span around it; a WebSocket has none, for it lasts as long as its page."""

        @wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            if "Upgrade" in request.headers:
                return await handler(request)
            name, about = f"{request.method} {request.path}", {"http.request.method": request.method}
            parent = extract(request.headers)
            with self._tracer.start_as_current_span(name, parent, SpanKind.SERVER, attributes=about) as span:
                response = await handler(request)
                span.set_attribute("http.response.status_code", response.status)
                if response.status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                known = asked.current.get()
                if known is not None:
                    span.set_attribute("chairtime.request_id", known.id)
                    span.set_attribute("chairtime.statements", known.statements)
                    span.set_attribute("graphql.operation.type", known.kind or "query")
                    span.set_attribute("graphql.operation.name", known.operation)
            return response

        return handle

    def statement(self, name: str, seconds: float) -> None:
        """For db.queries.observers: a statement that has just ended, within a span that is sampled."""
        if get_current_span().is_recording():
            now = time.time_ns()
            about = {"db.system.name": "postgresql", "db.query.summary": name}
            began = now - int(seconds * 1e9)
            self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=about, start_time=began).end(now)

    def close(self) -> None:
        """Sends what is left."""
        self._spans.shutdown()
