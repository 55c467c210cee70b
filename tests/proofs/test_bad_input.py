"""Whatever is sent, as a body or over a WebSocket: a 4xx, a GraphQL error or a close of 4400 to 4429, and nothing in the log.

With CHAIRTIME_SOAK=1 (`make soak`): 100,000 bodies and 10,000 messages, and memory comes back afterwards.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from aiohttp import WSMsgType
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from execution import door, engine
from schema import errors
from tests.conftest import Client, Salon
from tests.proofs import nasty

IS_SOAK = bool(os.environ.get("CHAIRTIME_SOAK"))
BODIES, MESSAGES = (100_000, 10_000) if IS_SOAK else (1_500, 300)
AT_ONCE = 50
OPERATIONS_MIN, EXAMPLES = 40, 100 if IS_SOAK else 3
WARM_UP = 2  # one part of so many goes first: what is remembered of requests has to fill
PAGE = os.sysconf("SC_PAGE_SIZE")
OURS = {"INTERNAL", "UNAVAILABLE"}
LAST = json.dumps({"id": "last", "type": "subscribe", "payload": {"query": "{ tenant { slug } }"}})


class Log(logging.Handler):
    """What aiohttp, asyncio and Strawberry have to complain of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Any:
    handler = Log()
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(
        errors.log, "error", lambda event, **more: handler.lines.append(f"{event} {more}"), raising=False
    )
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture(autouse=True)
def little_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of answers and heads: so little that it has filled before memory is looked at for the first time."""
    monkeypatch.setattr(engine, "SIZE_MAX", 1_000_000)
    monkeypatch.setattr(door, "HEADS_SIZE_MAX", 1_000_000)


async def body_is_answered(client: Client, body: bytes) -> str:
    """How: its status; and for 200, whether with errors."""
    async with client.http.post(client.url, data=body, headers={"Content-Type": "application/json"}) as response:
        text = await response.read()
    assert 200 <= response.status < 500, (response.status, body[:500])
    if response.status == 413:
        return "413"
    codes = {error["extensions"]["code"] for error in json.loads(text).get("errors", ())}
    assert not codes & OURS, (text[:500], body[:500])
    return f"{response.status} {' '.join(sorted(codes))}"


async def message_is_answered(client: Client, message: bytes | str) -> str:
    """How: the code of the close, or that the socket is as it was: it answers what comes next."""
    async with client.http.ws_connect(client.url, protocols=("graphql-transport-ws",)) as socket:
        await socket.send_json({"type": "connection_init", "payload": {}})
        await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
        await socket.send_str(LAST)
        async with asyncio.timeout(20):
            async for got in socket:
                assert got.type is WSMsgType.TEXT
                found = json.loads(got.data)
                codes = {one.get("extensions", {}).get("code") for one in _errors(found)}
                assert not codes & OURS, (got.data[:500], message[:500])
                if found.get("id") == "last" and found["type"] == "complete":
                    return "open"
    assert socket.close_code is not None
    assert 4400 <= socket.close_code <= 4429, (socket.close_code, message[:500])
    return str(socket.close_code)


def _errors(message: dict[str, Any]) -> list[dict[str, Any]]:
    payload = message.get("payload")
    if message["type"] == "error":
        return payload  # type: ignore[no-any-return]
    return (payload or {}).get("errors", ()) if message["type"] == "next" else []  # type: ignore[no-any-return]


async def tried(
    ask: Callable[[Client, Any], Awaitable[str]], client: Client, make: Callable[[int], Any], seeds: range
) -> Counter[str]:
    """How often each answer came."""
    found: Counter[str] = Counter()
    left = iter(seeds)

    async def work() -> None:
        for seed in left:
            try:
                found[await ask(client, make(seed))] += 1
            except Exception as error:
                raise AssertionError(f"seed {seed}: {error!r}") from error

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE if make is nasty.body else 10):
            group.create_task(work())
    return found


def resident() -> int:
    """Bytes of memory that this process, client and server, has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.mark.parametrize(
    ("ask", "make", "count"),
    [
        pytest.param(body_is_answered, nasty.body, BODIES, id="bodies"),
        pytest.param(message_is_answered, nasty.message, MESSAGES, id="messages"),
    ],
)
async def test_nothing_that_can_be_sent_breaks_it(
    client: Client, salon: Salon, log: Log, ask: Any, make: Callable[[int], Any], count: int
) -> None:
    first = await tried(ask, client, make, range(count // WARM_UP))
    before = resident()
    found = first + await tried(ask, client, make, range(count // WARM_UP, count))
    after = resident()

    print(f"\n{found.total():,}: {dict(found.most_common())}; memory {before / 1e6:.0f} MB, then {after / 1e6:.0f} MB")
    assert found.total() == count
    assert log.lines == []
    assert (await client.data("{ tenant { slug } }"))["tenant"]["slug"] == "testers"
    if IS_SOAK and sys.platform == "linux":
        assert after <= before * 1.05


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10) | st.sampled_from(nasty.MEMBERS), inner, max_size=4)
    ),
    max_leaves=20,
)
bodies = st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode())
SHORT = settings(
    max_examples=1_000 if IS_SOAK else 60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SHORT
@given(body=bodies)
async def test_no_bytes_and_no_json_break_it(client: Client, salon: Salon, log: Log, body: bytes) -> None:
    await body_is_answered(client, body)
    await message_is_answered(client, body)

    assert log.lines == []


async def test_nothing_that_schemathesis_makes_of_the_schema_breaks_it(
    client: Client, salon: Salon, log: Log, staff_token: str
) -> None:
    asked = await asyncio.to_thread(asked_by_schemathesis, client.url, {"Authorization": f"Bearer {staff_token}"})

    print(f"\n{asked.total():,} by Schemathesis: {dict(asked.most_common())}")
    assert asked.total() > OPERATIONS_MIN * EXAMPLES / 2
    assert log.lines == []


schemathesis.graphql.scalar("JSON", st.sampled_from(("", "{}", "[", '{"tenant": {"slug": "x"}}')).map(nodes.String))


def asked_by_schemathesis(url: str, headers: dict[str, str]) -> Counter[str]:
    """Operations of every field of the schema, with arguments that are right by it: how often each answer came."""
    found: Counter[str] = Counter()
    for operation in schemathesis.graphql.from_url(url, headers=headers).get_all_operations():

        @settings(SHORT, max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.ok().as_strategy())
        def ask(case: schemathesis.Case) -> None:
            response = case.call(headers=headers)
            codes = {error["extensions"]["code"] for error in response.json().get("errors", ())}
            assert response.status_code < 500, case.body
            assert not codes & OURS, (codes, case.body)
            found[f"{response.status_code} {' '.join(sorted(codes))}"] += 1

        ask()
    return found
