"""Limits over HTTP and WebSockets, by the stock path and by plans; and how long the heaviest that they allow holds the loop."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from db.pool import Connection, Database
from ops import running
from resolvers import app as wiring
from resolvers import availability, bookings
from resolvers.app import Limits
from resolvers.turns import TURN_S, Turns
from schema.frames import Frames
from schema.operation import in_turns
from schema.view import HEADER_MAX
from tests.conftest import TOKENS, Client, Salon

# As told to users, of a machine by itself; `make soak` holds to it. Beside other tests the same work takes up to twice as long.
SLOWER = 1.0 if os.environ.get("CHAIRTIME_SOAK") else 2.5
HOLD_MAX_S, REFUSED_MAX_S = 0.020 * SLOWER, 0.005 * SLOWER
TRIES = 15  # a machine that others use is at times slow
JSON = {"Content-Type": "application/json"}
TIMES = 4  # first sight, second sight, which makes the plan, made by it, kept


@asynccontextmanager
async def serving(database: Database, limits: Limits, *, plans: bool = True) -> AsyncIterator[Client]:
    """A server with limits of its own, and a client of it."""
    app = wiring.build(database, default_tenant="", limits=limits, entries_max=50_000, ttl=timedelta(minutes=15))
    app.trust(True)
    server = TestServer(running.application(app, TOKENS, plans=plans, checked_share=0))
    await server.start_server(max_field_size=HEADER_MAX)
    try:
        async with aiohttp.ClientSession() as http:
            yield Client(http, str(server.make_url("/graphql")))
    finally:
        await server.close()


async def error_of(client: Client, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """The one error of an answer without data."""
    answer = await client.post(query, variables)
    assert "data" not in answer
    (error,) = answer["errors"]
    return error  # type: ignore[no-any-return]


PAST: dict[str, tuple[str, Any]] = {
    "tokens": ("{ " + " ".join(f"a{n}:id" for n in range(10_000)) + " }", None),
    "characters": ('{ stylist(id: "' + "x" * 30_000 + '") { id } }', None),
    "depth": ("{ locations { stylists { " * 1 + "locations { stylists { " * 8 + "id" + " } }" * 9 + " }", None),
    "aliases": ("{ tenant { " + " ".join(f"a{n}: id" for n in range(101)) + " } }", None),
    "directives": ("{ tenant { " + "id @skip(if: false) " * 51 + " } }", None),
    "root_fields": ("{ " + "tenant { id } " * 51 + "}", None),
    "fields": (
        "{ ...A } fragment A on Query { ...B ...B ...B ...B } fragment B on Query { ...C ...C ...C ...C ...C ...C ...C ...C }"
        " fragment C on Query { tenant { " + "id " * 40 + "} }",
        None,
    ),
    "variables_depth": ("{ tenant { id } }", {"a": json.loads("[" * 300 + "]" * 300)}),
    "variables_values": ("{ tenant { id } }", {"a": {str(n): 1 for n in range(5_001)}}),
    "list_length": ("query ($ids: [ID!]) { stylists(ids: $ids) { id } }", {"ids": [1] * 3_000}),
    "merging": ("{ " + "tenant { id name } " * 45 + "}", None),
    "cost": (
        "{ stylists { services { stylist { services { stylist { services { stylist { services { service { id } } } } } } } } } }",
        None,
    ),
}


@pytest.mark.parametrize("limit", PAST)
async def test_each_limit_refuses_in_words_that_name_it(database: Database, salon: Salon, limit: str) -> None:
    query, variables = PAST[limit]
    async with serving(database, replace(Limits(), cost=10) if limit == "cost" else Limits()) as client:
        error = await error_of(client, query, variables)

    told = error["extensions"]
    assert (told["code"], told["limit"]) == ("TOO_COMPLEX", limit)
    assert told["figure"] > told["maximum"]
    assert error["message"].startswith(f"{limit}: {told['figure']:,}")
    assert error["message"].endswith(f"at most {told['maximum']:,}")


@pytest.mark.parametrize("limit", PAST)
async def test_over_a_websocket_too(database: Database, salon: Salon, limit: str) -> None:
    query, variables = PAST[limit]
    if len(query) > 60_000:
        query = query[:60_000]
    async with serving(database, replace(Limits(), cost=10) if limit == "cost" else Limits()) as client:
        message = await first_message(client, query, variables)

    (error,) = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"]["limit"] == limit


async def test_twenty_stylists_two_weeks_and_all_services_are_let_pass(database: Database, salon: Salon) -> None:
    fields = "id startUtc endUtc startLocal display status isAvailable priceCents"
    query = (
        "query ($from: Date!, $to: Date!) { stylists(limit: 20) { name services { service { name } } "
        + " ".join(
            f's{n}: availability(serviceId: "{salon.cut}", from: $from, to: $to) {{ date slots {{ {fields} }} }}'
            for n in range(5)
        )
        + " } }"
    )
    async with serving(database, Limits()) as client:
        assert await client.data(query, {"from": str(salon.day), "to": str(salon.day + timedelta(13))})


async def test_what_is_past_a_limit_is_not_begun(
    database: Database, salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(availability, "of_stylist", lambda *_, **more: begun.append(more))
    query = "query ($from: Date!, $to: Date!) { stylists { " + " ".join(
        f'a{n}: availability(serviceId: "{salon.cut}", from: $from, to: $to) {{ freeCount }}' for n in range(60)
    )
    async with serving(database, Limits()) as client:
        range_ = {"from": str(salon.day), "to": str(salon.day + timedelta(61))}
        error = await error_of(client, f"{query} }} }}", range_)

    assert error["message"] == "availabilities: 7,440 stylists x days x services; at most 6,000"
    assert begun == []


LISTED = "query ($limit: Int) { stylists(limit: $limit) { name services { priceCents service { name } } } }"


async def test_variables_that_cost_more_are_refused_where_there_is_a_plan(database: Database, salon: Salon) -> None:
    async with serving(database, replace(Limits(), cost=5)) as client:
        for _ in range(TIMES):
            assert await client.data(LISTED, {"limit": 1})

        for _ in range(TIMES):
            error = await error_of(client, LISTED, {"limit": 2})
            assert error["extensions"]["limit"] == "cost"


async def test_variables_that_are_deeper_are_refused_where_there_is_a_plan(client: Client, salon: Salon) -> None:
    for _ in range(TIMES):
        assert await client.data(LISTED, {"limit": 1})

    for _ in range(TIMES):
        deep = {"limit": 1, "unused": json.loads("[" * 100 + "]" * 100)}
        assert (await error_of(client, LISTED, deep))["extensions"]["limit"] == "variables_depth"


async def test_what_takes_too_long_is_ended(database: Database, salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(availability, "first_available", never)
    async with serving(database, replace(Limits(), seconds=0.05)) as client:
        error = await error_of(client, f'{{ firstAvailable(serviceId: "{salon.cut}") {{ id }} }}')

        assert error["extensions"]["code"] == "TOO_COMPLEX"
        assert error["message"] == "seconds: not answered within 0.05 s; ask for less at a time"
        assert await client.data("{ tenant { id } }")


async def test_a_write_that_takes_too_long_may_be_tried_again(
    database: Database, salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(bookings, "release", never)
    async with serving(database, replace(Limits(), seconds=0.05)) as client:
        error = await error_of(client, f'mutation {{ holdRelease(holdId: "{salon.cut}") {{ __typename }} }}')

        assert error["extensions"] == {"code": "UNAVAILABLE", "retryAfterSeconds": 1}


# WebSockets.


async def first_message(client: Client, query: str, variables: Any) -> Any:
    """What is said to an operation over a WebSocket."""
    async with opened(client) as socket:
        payload = {"query": query, "variables": variables}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        return await socket.receive_json(timeout=10)


@asynccontextmanager
async def opened(client: Client, session: str | None = None) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket that has said who asks, and has been let in or not."""
    async with client.http.ws_connect(client.url, protocols=("graphql-transport-ws",), autoping=False) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"X-Session-Id": session} if session else {}})
        first = await socket.receive(timeout=10)
        if first.type is aiohttp.WSMsgType.TEXT:
            assert json.loads(first.data)["type"] == "connection_ack"
        yield socket


WATCH = """subscription ($service: ID!, $stylist: ID!, $day: Date!) {
  availabilityChanged(stylistIds: [$stylist], serviceId: $service, from: $day, to: $day) { snapshot } }"""


async def test_a_websocket_has_so_many_operations(database: Database, salon: Salon) -> None:
    async with serving(database, replace(Limits(), socket_operations=3)) as client, opened(client) as socket:
        variables = {"service": salon.cut, "stylist": salon.asha, "day": str(salon.day)}
        for n in range(4):
            message = {"id": str(n), "type": "subscribe", "payload": {"query": WATCH, "variables": variables}}
            await socket.send_json(message)
        found = {(one := await socket.receive_json(timeout=10))["id"]: one for _ in range(4)}

        assert [found[str(n)]["type"] for n in range(4)] == ["next", "next", "next", "error"]
        (error,) = found["3"]["payload"]
        assert error["extensions"] == {"code": "TOO_COMPLEX", "limit": "socket_operations", "figure": 4, "maximum": 3}

        await socket.send_json({"id": "0", "type": "complete"})
        await socket.send_json({"id": "5", "type": "subscribe", "payload": {"query": WATCH, "variables": variables}})
        assert (await socket.receive_json(timeout=10))["type"] == "next"


async def test_a_caller_has_so_many_websockets(database: Database, salon: Salon) -> None:
    async with (
        serving(database, replace(Limits(), sockets=2)) as client,
        opened(client, "ann") as first,
        opened(client, "ann") as second,
    ):
        async with opened(client, "ann") as third, opened(client, "ben") as other, opened(client) as nobody:
            assert third.close_code == 4429
            assert [one.close_code for one in (first, second, other, nobody)] == [None] * 4
        await first.close()
        async with asyncio.timeout(5):
            while True:
                async with opened(client, "ann") as again:
                    if again.close_code is None:
                        break


@pytest.mark.parametrize(
    ("send", "code"),
    [
        pytest.param(lambda ws: ws.send_str("x" * 65_536), 4400, id="64 kB are read"),
        pytest.param(lambda ws: ws.send_str("x" * 65_537), 4413, id="more are not"),
        pytest.param(lambda ws: ws.send_str("x" * 10_000_000), 4413, id="nor ten megabytes"),
        pytest.param(lambda ws: ws.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT), 4400, id="text that is none"),
        pytest.param(lambda ws: ws.send_frame(b"x", aiohttp.WSMsgType.CONTINUATION), 4400, id="a frame out of place"),
        pytest.param(lambda ws: ws.send_str('{"type": "' + "é" * 500 + '"}'), 4400, id="a long word as type"),
    ],
)
async def test_a_message_that_is_none_closes_with_a_code(
    client: Client, salon: Salon, send: Callable[[Any], Awaitable[None]], code: int
) -> None:
    async with opened(client) as socket:
        await send(socket)
        message = await socket.receive(timeout=10)

        assert (message.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, code)


async def test_a_websocket_is_pinged_and_hung_up_on_if_it_does_not_answer(database: Database, salon: Salon) -> None:
    async with serving(database, replace(Limits(), ping_seconds=0.1)) as client, opened(client) as socket:
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.PING
        found = await socket.receive(timeout=5)
        assert found.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)


@pytest.mark.parametrize("is_ours", [True, False], ids=["closed by the server", "closed by the client"])
async def test_of_a_websocket_that_is_closed_nothing_stays(client: Client, salon: Salon, is_ours: bool) -> None:
    for _ in range(5):
        async with opened(client) as socket:
            if is_ours:
                await socket.send_str("x" * 10)
                await socket.receive(timeout=5)
    async with asyncio.timeout(5):
        while any(isinstance(one, Frames) for one in gc.get_objects()):
            await asyncio.sleep(0.1)
            gc.collect()


async def test_connection_init_comes_in_time_or_not_at_all(database: Database, salon: Salon) -> None:
    async with (
        serving(database, replace(Limits(), init_seconds=0.05)) as client,
        client.http.ws_connect(client.url, protocols=("graphql-transport-ws",)) as socket,
    ):
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4408


# How long the loop is held. In seconds of this thread's own time: others on the machine do not count.


@contextmanager
def pulse() -> Iterator[list[float]]:
    """The spans for which nothing else had its turn."""
    held: list[float] = []

    async def beat() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            held.append(now - last)
            last = now

    gc.collect()
    gc.disable()  # a look at all that the tests before have left would be counted too
    task = asyncio.get_running_loop().create_task(beat())
    try:
        yield held
    finally:
        task.cancel()
        gc.enable()


async def held_by(work: Callable[[int], Awaitable[Any]], most: float) -> float:
    """The longest span, in the best of some tries; the first that is short enough will do."""
    best = float("inf")
    for n in range(TRIES):
        with pulse() as held:
            await asyncio.sleep(0)
            await work(n)
        best = min(best, max(held))
        if best < most:
            break
    return best


def heavy(n: int) -> dict[str, tuple[str, Any]]:
    """Documents and variables at their limits; n makes each one of its own."""
    tail = f" # {n}"
    return {
        "tokens in lists": ("{ stylists(ids: [" + "1 " * 1_980 + "]) { id } }" + tail, None),
        "tokens in fields": (
            "{ tenant { " + "id " * 60 + "} services { " + "id name priceCents " * 25 + "} }" + tail,
            None,
        ),
        "tokens in arguments": (
            "{ "
            + " ".join(
                f"a{m}: services(limit: {m}, ids: [1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5]) {{ id }}"
                for m in range(50)
            )
            + " }"
            + tail,
            None,
        ),
        "characters": ('{ stylist(id: "' + "x" * 19_900 + '") { id } }' + tail, None),
        "white space": ("{ tenant { id } }" + " \n" * 45_000 + tail, None),
        "comments": ("{ tenant { id } }" + "# x\n" * 1_900 + tail, None),
        "depth": ("{ locations { stylists { " + "locations { stylists { " * 6 + "id" + " } }" * 7 + " }" + tail, None),
        "aliases": ("{ tenant { " + " ".join(f"a{m}: id" for m in range(100)) + " } }" + tail, None),
        "directives": ("{ tenant { " + " ".join(f"a{m}: id @skip(if: false)" for m in range(50)) + " } }" + tail, None),
        "root fields": ("{ " + " ".join(f"a{m}: tenant {{ id name slug }}" for m in range(50)) + " }" + tail, None),
        "merging": ("{ " + "tenant { id } " * 24 + "}" + tail, None),
        "unknown fields": ("{ " + " ".join(f"stylis{m}" for m in range(50)) + " }" + tail, None),
        "fragments": (
            "{ ...F0 } "
            + " ".join(f"fragment F{m} on Query {{ ...F{m + 1} tenant {{ id }} }}" for m in range(49))
            + " fragment F49 on Query { tenant { id } }"
            + tail,
            None,
        ),
        "deep variables": ("query ($a: ID) { tenant { id } }" + tail, {"a": json.loads("[" * 15 + "]" * 15)}),
        "long lists": ("query ($ids: [ID!]) { stylists(ids: $ids) { id } }" + tail, {"ids": list(range(2_000))}),
        "many values": ("{ tenant { id } }" + tail, {str(m): m for m in range(5_000)}),
    }


@pytest.mark.parametrize("name", heavy(0))
async def test_the_heaviest_document_holds_the_loop_for_20_ms_at_most(client: Client, salon: Salon, name: str) -> None:
    async def ask(n: int) -> None:
        query, variables = heavy(n)[name]
        for _ in range(TIMES):
            await client.post(query, variables)

    took = await held_by(ask, HOLD_MAX_S)

    print(f"\n{name}: {took * 1000:.1f} ms")
    assert took < HOLD_MAX_S


@pytest.mark.parametrize("limit", [one for one in PAST if one != "cost"])
async def test_what_is_refused_holds_it_for_5_ms_at_most(client: Client, salon: Salon, limit: str) -> None:
    query, variables = PAST[limit]
    body = json.dumps({"query": query, "variables": variables}).encode()

    async def ask(_: int) -> None:
        async with client.http.post(client.url, data=body, headers=JSON) as response:
            await response.read()

    took = await held_by(ask, REFUSED_MAX_S)

    print(f"\n{limit}: {took * 1000:.1f} ms")
    assert took < REFUSED_MAX_S


MANY_STYLISTS = """
with one as (select id from stylists order by id limit 1),
     made as (insert into stylists
              select (jsonb_populate_record(y, jsonb_build_object('id', gen_random_uuid(), 'name', 'Stylist ' || n))).*
                from stylists y join one using (id), generate_series(1, 20) n returning id),
     able as (insert into offerings
              select (jsonb_populate_record(o, jsonb_build_object('stylist_id', made.id))).*
                from offerings o join one on one.id = o.stylist_id, made)
insert into schedule_hours
select (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid(), 'stylist_id', made.id))).*
  from schedule_hours h join one on one.id = h.stylist_id, made
"""
WALL = """query ($ids: [ID!], $service: ID!, $from: Date!, $to: Date!) { stylists(ids: $ids, limit: 20) {
  availability(serviceId: $service, from: $from, to: $to) {
    date slots { id startUtc endUtc display status isAvailable } cache { ageSeconds } } } }"""


@pytest.mark.parametrize("plans", [True, False], ids=["planned", "stock"])
async def test_many_days_that_nobody_has_read_are_gone_through_in_turns(
    database: Database, salon: Salon, sql: Connection, plans: bool
) -> None:
    """840 stylist-days, with all that is done for them: read, made into facts and slots, completed, written and kept."""
    await sql.execute(MANY_STYLISTS)
    ids = [str(one["id"]) for one in await sql.fetch("select id from stylists where name like 'Stylist %'")]
    asked = {"service": salon.cut, "from": str(salon.day)}
    few = {**asked, "ids": ids[:1], "to": str(salon.day)}
    many = {**asked, "ids": ids, "to": str(salon.day + timedelta(41))}
    best = float("inf")
    for _ in range(TRIES // 3):
        async with serving(database, Limits(), plans=plans) as client:
            for _ in range(TIMES):
                await client.data(WALL, few)
            body = json.dumps({"query": WALL, "variables": many}).encode()
            with pulse() as held:
                await asyncio.sleep(0)
                async with client.http.post(client.url, data=body, headers=JSON) as response:
                    async for _chunk in response.content.iter_chunked(1 << 16):
                        pass
        best = min(best, max(held))
        if best < HOLD_MAX_S:
            break

    print(f"\n840 days of 16 slots, cold: {best * 1000:.1f} ms")
    assert best < HOLD_MAX_S


async def test_turns_are_taken_by_all_who_want_one() -> None:
    turns, done = Turns(), 0

    async def work() -> None:
        nonlocal done
        await turns.wait()
        until = time.thread_time() + 0.002
        while time.thread_time() < until:
            pass
        done += 1

    with in_turns(turns), pulse() as held:
        await asyncio.gather(*(work() for _ in range(50)))

    assert done == 50
    assert max(held) < HOLD_MAX_S


async def test_who_waits_gets_on_though_others_come_and_the_loop_is_never_free() -> None:
    turns, rounds, loop = Turns(), 0, asyncio.get_running_loop()

    async def come() -> None:
        await turns.wait()

    def hold() -> None:
        nonlocal rounds
        until = time.perf_counter() + 1.5 * TURN_S
        while time.perf_counter() < until:
            pass
        rounds += 1
        comers.append(loop.create_task(come()))
        if not done.done():
            loop.call_soon(hold)

    async def work() -> None:
        for _ in range(500):
            await turns.wait()

    comers: list[asyncio.Task[None]] = []
    done = loop.create_task(work())
    loop.call_soon(hold)
    async with asyncio.timeout(20):
        await done
        await asyncio.gather(*comers)

    assert rounds < 60


async def test_a_turn_that_nobody_waits_for_any_more_is_passed_on() -> None:
    turns = Turns()
    turns._began = 0.0
    first, second = asyncio.create_task(turns.wait()), asyncio.create_task(turns.wait())
    await asyncio.sleep(0)

    first.cancel()

    async with asyncio.timeout(5):
        await second
