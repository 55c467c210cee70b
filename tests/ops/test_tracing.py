"""Traces: a request's span with its statements in it, in its caller's trace; and what is logged of a slow one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from db import queries
from execution import asked
from ops import running
from ops.guard import Guard
from ops.tracing import Tracing
from schema.view import HEADER_MAX
from tests.conftest import TOKENS, Client, Salon, Served

if TYPE_CHECKING:
    from resolvers.app import App

NAMES = "query Names { services { name } }"
HOLD = "mutation Take($input: HoldPlaceInput!) { holdPlace(input: $input) { __typename } }"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
async def traced(app: App, salon: Salon) -> AsyncIterator[tuple[Client, InMemorySpanExporter]]:
    """A server, and the spans that it has ended."""
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracing = Tracing(provider)
    server = Served(running.application(app, TOKENS, plans=True, guard=Guard(tracing=tracing)))
    await server.start_server(max_field_size=HEADER_MAX)
    observers = [tracing.statement, asked.count_statement]
    queries.observers += observers
    async with aiohttp.ClientSession(headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}) as http:
        yield Client(http, str(server.make_url("/graphql"))), spans
    for one in observers:
        queries.observers.remove(one)
    await server.close()
    tracing.close()


def take(salon: Salon) -> dict[str, Any]:
    return {"input": {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(9)}}


async def test_a_request_is_a_span_and_its_statements_are_within(
    traced: tuple[Client, InMemorySpanExporter], salon: Salon
) -> None:
    client, spans = traced
    await client.data(HOLD, take(salon))

    *statements, request = spans.get_finished_spans()

    assert request.name == "POST /graphql"
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.attributes is not None
    assert request.attributes["graphql.operation.type"] == "mutation"
    assert request.attributes["graphql.operation.name"] == "Take"
    assert request.attributes["http.response.status_code"] == 200
    within = [one for one in statements if one.parent and one.parent.span_id == request.context.span_id]
    assert len(within) == request.attributes["chairtime.statements"] > 3
    assert all(request.start_time <= one.start_time <= one.end_time <= request.end_time for one in within)


async def test_no_span_says_what_is_secret(traced: tuple[Client, InMemorySpanExporter], salon: Salon) -> None:
    client, spans = traced
    await client.post(HOLD, take(salon), token="a-secret-token", session=None)
    await client.post(HOLD, take(salon), session="a-secret-session")

    assert "secret" not in " ".join(one.to_json() for one in spans.get_finished_spans())


async def test_what_takes_long_is_logged_with_its_statements(
    traced: tuple[Client, InMemorySpanExporter], salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, spans = traced
    monkeypatch.setattr(asked, "SLOW_S", 0.0)
    with structlog.testing.capture_logs([asked.add_id]) as lines:
        await client.data(HOLD, take(salon))

    (line,) = [one for one in lines if one["event"] == "slow"]
    request = spans.get_finished_spans()[-1]
    assert request.attributes is not None
    assert (line["kind"], line["operation"], line["ms"] >= 0) == ("mutation", "Take", True)
    assert line["statements"] == request.attributes["chairtime.statements"] > 3
    assert line["request_id"] == request.attributes["chairtime.request_id"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", line["request_id"])


async def test_what_a_websocket_asks_is_logged_by_itself(
    traced: tuple[Client, InMemorySpanExporter], salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = traced
    monkeypatch.setattr(asked, "SLOW_S", 0.0)
    with structlog.testing.capture_logs([asked.add_id]) as lines:
        async with client.http.ws_connect(client.url, protocols=["graphql-transport-ws"]) as ws:
            await ws.send_json({"type": "connection_init", "payload": {"X-Session-Id": "tester"}})
            await ws.receive_json(timeout=5)
            for name in ("1", "2"):
                payload = {"query": HOLD, "variables": take(salon)}
                await ws.send_json({"id": name, "type": "subscribe", "payload": payload})
                while (await ws.receive_json(timeout=5))["type"] != "complete":
                    pass

    slow = [one for one in lines if one["event"] == "slow"]
    assert [(one["kind"], one["operation"]) for one in slow] == 2 * [("mutation", "Take")]
    assert len({one["request_id"] for one in slow}) == 2
    assert all(one["statements"] > 3 for one in slow)


async def test_what_is_quick_is_not_logged(
    traced: tuple[Client, InMemorySpanExporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = traced
    monkeypatch.setattr(asked, "SLOW_S", 60.0)
    with structlog.testing.capture_logs() as lines:
        for _ in range(4):
            await client.data(NAMES)

    assert [one for one in lines if one["event"] == "slow"] == []
