"""Live changes over a real WebSocket, as a graphql-transport-ws client gets them. Nothing sleeps: it waits for messages."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
import asyncpg
import pytest

from cache.keys import DirectoryKey
from db import directory
from db.pool import Database, PoolSettings
from domain.errors import Unavailable
from domain.events import Change
from resolvers import importing, salon_file
from resolvers.app import App
from schema import errors
from tests.conftest import SALON, Client, Salon, on

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

WAIT_S = 10
NOBODY = "99999999-0000-4000-8000-000000000009"
counter = itertools.count(1)

CHANGES = """
subscription ($stylists: [ID!]!, $service: ID!, $from: Date!, $to: Date!, $zone: String, $since: String) {
  availabilityChanged(
    stylistIds: $stylists, serviceId: $service, from: $from, to: $to, timezone: $zone, sinceVersion: $since
  ) {
    snapshot version cursor at
    opened { ...Start } closed { ...Start }
    availability {
      date freeCount stylist { id name } service { name } slots { ...Start } cache { version verified }
    }
  }
}
fragment Start on Slot { startUtc startLocal status heldByYou priceCents location { name } }
"""
HOLD = (
    "mutation ($input: HoldPlaceInput!) { done: holdPlace(input: $input) { __typename ... on Hold { id expiresAt } } }"
)
RELEASE = "mutation ($id: ID!) { done: holdRelease(holdId: $id) { __typename } }"
BOOK = (
    "mutation ($input: BookingCreateInput!) { done: bookingCreate(input: $input) { __typename ... on Booking { id } } }"
)
MOVE = "mutation ($input: BookingRescheduleInput!) { done: bookingReschedule(input: $input) { __typename } }"
CANCEL = "mutation ($id: ID!) { done: bookingCancel(bookingId: $id) { __typename } }"

Message = dict[str, Any]


@pytest.fixture(scope="module")
async def furnished(server_url: str, template: str) -> tuple[str, str]:
    """A database with the salon in it that is only ever cloned, which is cheaper than importing it for each test."""
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database furnished_live template {template}")
    await connection.close()
    database = await Database.open(on(server_url, "furnished_live"), PoolSettings())
    salon = await importing.import_salon(database, salon_file.parse(json.dumps(SALON)), lambda *_: None)
    await database.close()
    return "furnished_live", salon.tenant_id


@pytest.fixture
async def database_url(server_url: str, furnished: tuple[str, str]) -> AsyncIterator[str]:
    """A furnished database of this test's own."""
    name = f"live_{next(counter)}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {furnished[0]}")
    yield on(server_url, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
def salon(furnished: tuple[str, str], database_url: str) -> Salon:
    """The salon, as it was imported."""
    return Salon(furnished[1])


@dataclass
class Socket:
    """A client of graphql-transport-ws with any number of operations under way."""

    ws: aiohttp.ClientWebSocketResponse
    inboxes: dict[str, asyncio.Queue[Message]] = field(default_factory=dict)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def start(self, query: str, variables: Message | None = None) -> Operation:
        """Sends an operation."""
        operation = Operation(self, f"op-{next(self.ids)}")
        self.inboxes[operation.id] = asyncio.Queue()
        payload = {"query": query, "variables": variables or {}}
        await self.ws.send_json({"type": "subscribe", "id": operation.id, "payload": payload})
        return operation

    async def read(self) -> None:
        """Puts what comes in where it belongs, until the socket closes."""
        async for message in self.ws:
            found = message.json()
            if found["type"] == "ping":
                await self.ws.send_json({"type": "pong"})
            elif "id" in found:
                self.inboxes[found["id"]].put_nowait(found)

    async def answer(self, query: str, variables: Message | None = None) -> Message:
        """The payload of a query or mutation, which must be followed by its end."""
        operation = await self.start(query, variables)
        found = await operation.message("next")
        await operation.message("complete")
        payload: Message = found["payload"]
        return payload


@dataclass
class Operation:
    """One operation of a socket. sent: all that came of it."""

    socket: Socket
    id: str
    versions: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    async def message(self, type_: str, *, within_s: float = WAIT_S) -> Message:
        """The next message, which must be of a type."""
        async with asyncio.timeout(within_s):
            found = await self.socket.inboxes[self.id].get()
        assert found["type"] == type_, found
        return found

    async def change(self, *, within_s: float = WAIT_S) -> Message:
        """The next change. Of no stylist-day do versions go down."""
        payload = (await self.message("next", within_s=within_s))["payload"]
        assert "errors" not in payload, payload
        change: Message = payload["data"]["availabilityChanged"]
        about = change["availability"]
        version = [int(number) for number in change["version"].split(".")]
        key = about["stylist"]["id"], about["date"]
        assert self.versions.get(key, []) <= version
        assert about["cache"]["version"] == change["version"]
        assert about["cache"]["verified"]
        assert about["freeCount"] == sum(slot["status"] == "AVAILABLE" for slot in about["slots"])
        self.versions[key] = version
        return change

    async def changes(self, count: int) -> dict[tuple[str, str], Message]:
        """The next so many, by stylist and date."""
        found = [await self.change() for _ in range(count)]
        return {(one["availability"]["stylist"]["id"], one["availability"]["date"]): one for one in found}

    async def refusal(self) -> str:
        """The code of the error that ends it."""
        async with asyncio.timeout(WAIT_S):
            found = await self.socket.inboxes[self.id].get()
        errors = found["payload"] if found["type"] == "error" else found["payload"]["errors"]
        if found["type"] == "next":
            await self.message("complete")
        code: str = errors[0]["extensions"]["code"]
        assert errors[0]["message"]
        return code

    async def stop(self) -> None:
        await self.socket.ws.send_json({"type": "complete", "id": self.id})

    def is_silent(self) -> bool:
        return self.socket.inboxes[self.id].empty()


@asynccontextmanager
async def connected(client: Client, payload: Message | None = None, **headers: str) -> AsyncIterator[Socket]:
    """A socket whose connection is acknowledged."""
    async with client.http.ws_connect(client.url, protocols=("graphql-transport-ws",), headers=headers) as ws:
        await ws.send_json({"type": "connection_init", **({} if payload is None else {"payload": payload})})
        assert (await ws.receive_json(timeout=WAIT_S))["type"] == "connection_ack"
        socket = Socket(ws)
        reading = asyncio.create_task(socket.read())
        yield socket
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@pytest.fixture
async def socket(client: Client, salon: Salon) -> AsyncIterator[Socket]:
    """A browser whose session is `tester`, as the client's."""
    async with connected(client, {"X-Session-Id": "tester"}) as socket:
        yield socket


def asha(salon: Salon, **more: Any) -> Message:
    """Asha's cuts of the salon's day, unless said otherwise."""
    day = str(salon.day)
    return {"stylists": [salon.asha], "service": salon.cut, "from": day, "to": day, **more}


async def watching(socket: Socket, wanted: Message) -> Operation:
    """A subscription whose snapshots have come."""
    operation = await socket.start(CHANGES, wanted)
    days = (datetime.fromisoformat(wanted["to"]) - datetime.fromisoformat(wanted["from"])).days + 1
    for _ in range(days * len(wanted["stylists"])):
        assert (await operation.change())["snapshot"]
    return operation


def starts(slots: list[Message]) -> list[str]:
    return [slot["startUtc"] for slot in slots]


async def book(client: Client, salon: Salon, start: str, **who: Any) -> str:
    wanted = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": start, "customer": {"name": "Cleo"}}
    booking: str = (await client.data(BOOK, {"input": wanted}, **who))["done"]["id"]
    return booking


async def hold(client: Client, salon: Salon, start: str, **who: Any) -> Message:
    wanted = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": start}
    done: Message = (await client.data(HOLD, {"input": wanted}, **who))["done"]
    return done


async def take(sql: Connection, stylist: str, starts_at: str, *, minutes: int = 30) -> None:
    """A booking by raw SQL."""
    start = datetime.fromisoformat(starts_at)
    await sql.execute(
        "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)"
        " select tenant_id, id, $2::text::uuid, home_location_id, 'CONFIRMED', $3, $4, tstzrange($3, $4), 1 from stylists"
        " where id = $1::text::uuid",
        *(stylist, SALON["services"][0]["id"], start, start + timedelta(minutes=minutes)),
    )


async def until(check: Any) -> None:
    """Waits for what sends no message."""
    async with asyncio.timeout(WAIT_S):
        while not check():
            await asyncio.sleep(0.005)


# What comes first.


async def test_first_comes_a_snapshot_of_each_stylist_and_day(client: Client, socket: Socket, salon: Salon) -> None:
    await book(client, salon, salon.at(10))
    last = str(salon.day + timedelta(1))
    operation = await socket.start(CHANGES, asha(salon, stylists=[salon.asha, salon.bina], to=last))

    found = await operation.changes(4)

    assert set(found) == {(stylist, day) for stylist in (salon.asha, salon.bina) for day in (str(salon.day), last)}
    assert all(one["snapshot"] and one["closed"] == [] for one in found.values())
    for one in found.values():
        free = [slot for slot in one["availability"]["slots"] if slot["status"] == "AVAILABLE"]
        assert one["opened"] == free
    assert [found[salon.asha, day]["availability"]["freeCount"] for day in (str(salon.day), last)] == [13, 14]
    assert found[salon.bina, last]["availability"]["freeCount"] == 16
    assert operation.is_silent()


async def test_a_service_that_a_stylist_does_not_offer_is_an_empty_snapshot(socket: Socket, salon: Salon) -> None:
    operation = await socket.start(CHANGES, asha(salon, stylists=[salon.bina], service=salon.colour))

    found = await operation.change()

    assert (found["snapshot"], found["opened"], found["availability"]["slots"]) == (True, [], [])


# What comes then.


async def test_a_booking_closes_its_start_and_its_end_opens_it(client: Client, socket: Socket, salon: Salon) -> None:
    operation = await watching(socket, asha(salon))

    booking = await book(client, salon, salon.at(10))
    closed = await operation.change(within_s=1)
    await client.data(CANCEL, {"id": booking})
    opened = await operation.change(within_s=1)

    assert (closed["snapshot"], opened["snapshot"]) == (False, False)
    assert (starts(closed["opened"]), starts(closed["closed"])) == ([], [salon.at(10)])
    assert closed["closed"][0]["status"] == "BOOKED"
    assert (starts(opened["opened"]), starts(opened["closed"])) == ([salon.at(10)], [])
    assert (closed["availability"]["freeCount"], opened["availability"]["freeCount"]) == (13, 14)
    assert closed["at"] < opened["at"]


async def test_raw_sql_of_another_program_is_seen_within_a_second(
    socket: Socket, salon: Salon, sql: Connection
) -> None:
    operation = await watching(socket, asha(salon))

    await take(sql, salon.asha, salon.at(9), minutes=90)
    closed = await operation.change(within_s=1)
    await sql.execute("delete from bookings")
    opened = await operation.change(within_s=1)

    assert starts(closed["closed"]) == starts(opened["opened"]) == [salon.at(9), salon.at(9, 30), salon.at(10)]


async def test_a_hold_that_ends_by_itself_opens_its_start(
    client: Client, socket: Socket, salon: Salon, sql: Connection
) -> None:
    await sql.execute("update tenants set hold_seconds = 1")
    operation = await watching(socket, asha(salon))

    held = await hold(client, salon, salon.at(10), session="other")
    closed = await operation.change()
    opened = await operation.change()

    assert [(slot["startUtc"], slot["status"]) for slot in closed["closed"]] == [(salon.at(10), "HELD")]
    assert starts(opened["opened"]) == [salon.at(10)]
    assert opened["version"] == closed["version"]  # time alone raises none
    expired_at = datetime.fromisoformat(held["expiresAt"])
    assert timedelta(0) <= datetime.fromisoformat(opened["at"]) - expired_at < timedelta(seconds=1)


async def test_a_hold_that_is_given_back_opens_its_start(client: Client, socket: Socket, salon: Salon) -> None:
    operation = await watching(socket, asha(salon))

    held = await hold(client, salon, salon.at(10))
    closed = await operation.change()
    await client.data(RELEASE, {"id": held["id"]})
    opened = await operation.change()

    assert starts(closed["closed"]) == starts(opened["opened"]) == [salon.at(10)]


async def test_hours_and_overrides_and_time_off_are_changes(socket: Socket, salon: Salon, sql: Connection) -> None:
    operation = await watching(socket, asha(salon))

    await sql.execute("update schedule_hours set ends_minute = 960 where not is_break")  # 16:00
    shorter = await operation.change(within_s=1)
    await sql.execute("delete from schedule_hours where is_break")
    no_break = await operation.change(within_s=1)
    await sql.execute(
        "insert into time_off (tenant_id, stylist_id, starts_at, ends_at) select tenant_id, id, $1, $2 from stylists",
        *(datetime.fromisoformat(salon.at(9)), datetime.fromisoformat(salon.at(10))),
    )
    off = await operation.change(within_s=1)
    await sql.execute(
        "insert into overrides (tenant_id, stylist_id, on_date, location_id)"
        " select tenant_id, id, $1, home_location_id from stylists",
        salon.day,
    )
    closed = await operation.change(within_s=1)

    assert starts(shorter["closed"]) == [salon.at(16), salon.at(16, 30)]
    assert {slot["status"] for slot in shorter["closed"]} == {"UNAVAILABLE"}
    assert starts(no_break["opened"]) == [salon.at(12), salon.at(12, 30)]
    assert starts(off["closed"]) == [salon.at(9), salon.at(9, 30)]
    assert (closed["availability"]["slots"], len(closed["closed"])) == ([], 12)


async def test_a_booking_moved_over_midnight_touches_both_days(
    client: Client, socket: Socket, salon: Salon, sql: Connection
) -> None:
    await sql.execute("update schedule_hours set starts_minute = 0, ends_minute = 1440 where not is_break")
    booking = await book(client, salon, salon.at(23))
    operation = await watching(socket, asha(salon, to=str(salon.day + timedelta(1))))

    wanted = {"bookingId": booking, "startUtc": salon.at(0, 30, days=1)}
    assert (await client.data(MOVE, {"input": wanted}))["done"]["__typename"] == "Booking"
    found = await operation.changes(2)

    left, right = (found[salon.asha, str(salon.day + timedelta(n))] for n in range(2))
    assert (starts(left["opened"]), starts(left["closed"])) == ([salon.at(23)], [])
    assert (starts(right["opened"]), starts(right["closed"])) == ([], [salon.at(0, 30, days=1)])


async def test_a_booking_moved_to_another_stylist_touches_both(client: Client, socket: Socket, salon: Salon) -> None:
    booking = await book(client, salon, salon.at(10))
    operation = await watching(socket, asha(salon, stylists=[salon.asha, salon.bina]))

    wanted = {"bookingId": booking, "startUtc": salon.at(11), "stylistId": salon.bina}
    await client.data(MOVE, {"input": wanted})
    found = await operation.changes(2)

    day = str(salon.day)
    assert starts(found[salon.asha, day]["opened"]) == [salon.at(10)]
    assert starts(found[salon.bina, day]["closed"]) == [salon.at(11)]


async def test_a_date_with_a_zone_hears_of_both_days_that_it_touches(
    socket: Socket, salon: Salon, sql: Connection
) -> None:
    await sql.execute("update schedule_hours set starts_minute = 0, ends_minute = 1440 where not is_break")
    operation = await watching(socket, asha(salon, zone="America/New_York"))

    await take(sql, salon.asha, salon.at(3, 30, days=1))  # still the salon's day in New York
    evening = await operation.change(within_s=1)
    await take(sql, salon.asha, salon.at(6))
    morning = await operation.change(within_s=1)
    await take(sql, salon.asha, salon.at(2))  # the day before there
    await take(sql, salon.asha, salon.at(7))
    next_one = await operation.change(within_s=1)

    assert starts(evening["closed"]) == [salon.at(3, 30, days=1)]
    assert evening["closed"][0]["startLocal"].startswith(f"{salon.day}T2")
    assert starts(morning["closed"]) == [salon.at(6)]
    assert starts(next_one["closed"]) == [salon.at(7)]
    assert len(evening["version"].split(".")) == 3


async def test_another_name_or_price_is_a_change(socket: Socket, salon: Salon, sql: Connection) -> None:
    operation = await watching(socket, asha(salon))

    await sql.execute("update services set name = 'Trim' where name = 'Cut'")
    service = await operation.change(within_s=1)
    await sql.execute("update stylists set name = 'Asha Rai' where name = 'Asha'")
    stylist = await operation.change(within_s=1)
    await sql.execute("update locations set name = 'There'")
    location = await operation.change(within_s=1)
    await sql.execute("update services set price_cents = 2500 where name = 'Trim'")
    price = await operation.change(within_s=1)

    for one in (service, stylist, location, price):
        assert (one["opened"], one["closed"], one["availability"]["freeCount"]) == ([], [], 14)
    assert service["availability"]["service"]["name"] == "Trim"
    assert stylist["availability"]["stylist"]["name"] == "Asha Rai"
    assert {slot["location"]["name"] for slot in location["availability"]["slots"]} == {"There"}
    assert {slot["priceCents"] for slot in price["availability"]["slots"]} == {2500}


async def test_what_does_not_alter_the_answer_sends_nothing(
    client: Client, socket: Socket, salon: Salon, sql: Connection
) -> None:
    booking = await book(client, salon, salon.at(10))
    operation = await watching(socket, asha(salon))

    await sql.execute("update bookings set notes = 'window seat'")
    await take(sql, salon.bina, salon.at(10))
    await take(sql, salon.asha, salon.at(10, days=2))
    await sql.execute("update services set name = 'Tint' where name = 'Colour'")
    await sql.execute("update stylists set name = 'Bina Rai' where name = 'Bina'")
    await sql.execute("begin; update stylists set name = 'X' where name = 'Asha'; rollback")
    await sql.execute("update schedule_hours set ends_minute = ends_minute")
    await client.data(CANCEL, {"id": booking})
    found = await operation.change()

    assert (starts(found["opened"]), found["closed"]) == ([salon.at(10)], [])
    assert operation.is_silent()


async def test_many_changes_leave_a_client_with_what_is_there(
    client: Client, socket: Socket, salon: Salon, sql: Connection
) -> None:
    operation = await watching(socket, asha(salon))
    free = 14
    for number in range(60):
        start = salon.at(13 + number % 4)
        if number % 8 < 4:
            await take(sql, salon.asha, start)
        else:
            await sql.execute("delete from bookings where starts_at = $1", datetime.fromisoformat(start))
    await take(sql, salon.asha, salon.at(9))

    known = set(
        itertools.chain.from_iterable((salon.at(hour), salon.at(hour, 30)) for hour in (*range(9, 12), *range(13, 17)))
    )
    while salon.at(9) in known:
        change = await operation.change()
        known = (known | set(starts(change["opened"]))) - set(starts(change["closed"]))
        free = change["availability"]["freeCount"]
        assert len(known) == free
    left = await sql.fetchval("select count(*) from bookings")
    assert free == 14 - left


# Who asks.


async def test_who_asks_is_told_in_the_payload_of_connection_init(client: Client, salon: Salon) -> None:
    async with (
        connected(client, {"X-Session-Id": "holder", "X-Tenant": "testers"}) as own,
        connected(client, {"X-Session-Id": None, "Authorization": None, "X-Tenant": None}) as nobodys,
        connected(client, {"x-session-id": "other"}, **{"X-Session-Id": "holder"}) as others,
        connected(client, None, **{"X-Session-Id": "holder"}) as by_header,
    ):
        watches = [await watching(one, asha(salon)) for one in (own, nobodys, others, by_header)]
        await hold(client, salon, salon.at(10), session="holder")
        await hold(client, salon, salon.at(11), session="None")
        found = []
        for watch in watches:
            changes = [await watch.change()]
            while len([slot for slot in changes[-1]["availability"]["slots"] if slot["status"] == "HELD"]) < 2:
                changes.append(await watch.change())
            found.append([slot["startUtc"] for slot in changes[-1]["availability"]["slots"] if slot["heldByYou"]])

    assert found == [[salon.at(10)], [], [], [salon.at(10)]]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"X-Tenant": "nowhere"}, "NOT_FOUND"),
        ({"X-Session-Id": "a b"}, "BAD_INPUT"),
        ({"X-Session-Id": {"a": "b"}}, "BAD_INPUT"),
    ],
)
async def test_who_asks_in_a_wrong_way_is_refused_each_operation(
    client: Client, salon: Salon, payload: Message, code: str
) -> None:
    async with connected(client, payload) as socket:
        assert await (await socket.start(CHANGES, asha(salon))).refusal() == code
        assert await (await socket.start("{ tenant { id } }")).refusal() == code


# What is wrong, and the socket lives on.


async def test_what_is_unknown_ends_the_operation_and_not_the_socket(socket: Socket, salon: Salon) -> None:
    for wrong in ({"stylists": [NOBODY]}, {"stylists": [salon.asha, NOBODY]}, {"service": NOBODY}):
        assert await (await socket.start(CHANGES, asha(salon, **wrong))).refusal() == "NOT_FOUND"

    assert (await (await socket.start(CHANGES, asha(salon))).change())["snapshot"]


async def test_what_is_malformed_ends_the_operation_and_not_the_socket(socket: Socket, salon: Salon, app: App) -> None:
    day = salon.day
    wrong: dict[str, tuple[Any, ...]] = {
        "stylists": ([], ["x"], [""], "x", 5, None, [None], [salon.asha] * 201, [[]], {}),
        "service": ("x", "", 5.5, None, [], {}, "\x00"),
        "from": ("2027-02-29", "", None, 5, "9999-12-31", str(day + timedelta(1))),
        "to": ("10000-01-01", str(day + timedelta(62)), str(day - timedelta(1)), "1970-01-01"),
        "zone": ("", "UTC+5", "../x", "\x00", "x" * 10_000, 5, "right/UTC"),
    }
    accepted = []
    for name, values in wrong.items():
        for value in values:
            operation = await socket.start(CHANGES, asha(salon, **{name: value}))
            if await operation.refusal() != "BAD_INPUT":
                accepted.append((name, value))

    assert accepted == []
    assert len(app.feed) == 0
    assert (await socket.answer("{ tenant { slug } }"))["data"]["tenant"]["slug"] == "testers"


async def test_documents_that_do_not_fit_are_refused(socket: Socket, salon: Salon) -> None:
    for query in (
        "{ nothing }",
        "subscription { availabilityChanged { version } }",
        "query ($a: Int!) { services(limit: $a) { id } }",
    ):
        assert await (await socket.start(query)).refusal() == "BAD_INPUT"

    assert (await socket.answer("{ tenant { slug } }"))["data"]["tenant"]["slug"] == "testers"


async def test_more_than_one_operation_may_ask_for_is_refused(socket: Socket, salon: Salon, sql: Connection) -> None:
    await sql.execute(
        "insert into stylists (tenant_id, name, home_location_id)"
        " select tenant_id, 'S' || n, id from locations, generate_series(1, 99) n"
    )
    ids = [str(row["id"]) for row in await sql.fetch("select id from stylists")]
    wanted = asha(salon, stylists=ids, to=str(salon.day + timedelta(61)))

    assert await (await socket.start(CHANGES, wanted)).refusal() == "TOO_COMPLEX"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("delete from stylists where name = 'Asha'", "NOT_FOUND"),
        ("update stylists set active = false where name = 'Asha'", "NOT_FOUND"),
        ("update services set active = false where name = 'Cut'", "NOT_FOUND"),
        ("delete from services where name = 'Cut'", "NOT_FOUND"),
        ("delete from tenants", "NOT_FOUND"),
    ],
)
async def test_what_is_taken_off_sale_ends_its_watches(
    socket: Socket, salon: Salon, sql: Connection, app: App, change: str, code: str
) -> None:
    operation = await watching(socket, asha(salon))

    await sql.execute(change)

    assert await operation.refusal() == code
    assert len(app.feed) == 0


async def test_what_is_our_fault_says_nothing_but_an_id(
    socket: Socket, salon: Salon, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("password=hunter2")

    logged: list[str] = []
    log = SimpleNamespace(error=lambda _, *, error_id, **_more: logged.append(error_id))
    monkeypatch.setattr(errors, "log", log)
    operation = await watching(socket, asha(salon))
    app.directories.drop(DirectoryKey(salon.tenant))
    monkeypatch.setattr(directory, "load", broken)
    app.hear(Change(salon.tenant, salon.asha, 1, None))
    async with asyncio.timeout(WAIT_S):
        ended = await socket.inboxes[operation.id].get()
    answer = await socket.answer("{ tenant { id } }")

    for payload in (ended["payload"], answer):
        (error,) = payload["errors"]
        assert (error["message"], error["extensions"]["code"]) == ("Internal error", "INTERNAL")
        assert error["extensions"]["errorId"] == logged.pop(0)
        assert "hunter2" not in json.dumps(payload)


# One socket, many operations.


async def test_two_watches_and_a_query_share_a_socket(client: Client, socket: Socket, salon: Salon) -> None:
    one = await watching(socket, asha(salon))
    other = await watching(socket, asha(salon, stylists=[salon.bina]))

    answer = await socket.answer("{ tenant { slug } stylists { name } }")
    wanted = {"stylistId": salon.bina, "serviceId": salon.cut, "startUtc": salon.at(10)}
    held = await socket.answer(HOLD, {"input": wanted})
    found = await other.change()
    await one.stop()
    await book(client, salon, salon.at(11))
    await client.data(HOLD, {"input": {**wanted, "startUtc": salon.at(12)}})
    after = await other.change()

    assert answer["data"] == {"tenant": {"slug": "testers"}, "stylists": [{"name": "Asha"}, {"name": "Bina"}]}
    assert held["data"]["done"]["__typename"] == "Hold"
    assert [(slot["startUtc"], slot["heldByYou"]) for slot in found["closed"]] == [(salon.at(10), True)]
    assert starts(after["closed"]) == [salon.at(12)]
    assert one.is_silent()


async def test_a_query_over_the_socket_sees_a_change_of_the_directory_at_once(
    socket: Socket, salon: Salon, sql: Connection
) -> None:
    names = "{ tenant { name } services { name } stylists { name } }"
    await socket.answer(names)

    for number in range(20):
        await sql.execute("update stylists set name = $1 where id = $2::text::uuid", f"Asha {number}", salon.asha)
        found = (await socket.answer(names))["data"]
        assert found["stylists"][0]["name"] == f"Asha {number}"


# Coming and going.


async def test_who_leaves_is_watched_for_no_more(client: Client, salon: Salon, app: App) -> None:
    async with connected(client) as socket:
        watches = [await watching(socket, asha(salon)) for _ in range(3)]
        assert (len(app.feed), len(app.feed.groups), len(app.feed.renderings)) == (1, 1, 1)
        (rendering,) = app.feed.renderings.values()
        await watches[0].stop()
        await until(lambda: len(rendering) == 2)
    await until(lambda: (len(app.feed), len(app.feed.groups), len(app.feed.renderings)) == (0, 0, 0))


async def test_who_leaves_in_the_middle_of_a_snapshot_is_watched_for_no_more(
    client: Client, salon: Salon, app: App
) -> None:
    wanted = asha(salon, stylists=[salon.asha, salon.bina], to=str(salon.day + timedelta(20)))
    async with connected(client) as socket:
        for _ in range(2):
            operation = await socket.start(CHANGES, wanted)
            await operation.change()
            await operation.stop()
    async with connected(client) as socket:
        operation = await socket.start(CHANGES, wanted)
        await operation.change()

    await until(lambda: len(app.feed) == 0)


async def test_what_happened_while_nobody_listened_comes_afterwards(
    socket: Socket, salon: Salon, app: App, sql: Connection
) -> None:
    operation = await watching(socket, asha(salon))

    killed = await sql.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        " and application_name = 'chairtime' and (query ilike 'listen%' or query = 'select 1')"
    )
    await take(sql, salon.asha, salon.at(10))
    found = await operation.change()

    assert len(killed) == 1
    assert starts(found["closed"]) == [salon.at(10)]
    await until(lambda: app.days.trusting)
    await take(sql, salon.asha, salon.at(11))
    assert starts((await operation.change(within_s=1))["closed"]) == [salon.at(11)]


async def test_who_comes_back_with_a_cursor_learns_what_happened_meanwhile(
    client: Client, salon: Salon, sql: Connection
) -> None:
    async with connected(client) as socket:
        operation = await socket.start(CHANGES, asha(salon))
        cursor = (await operation.change())["cursor"]
    await take(sql, salon.asha, salon.at(10))

    async with connected(client) as socket:
        operation = await socket.start(CHANGES, asha(salon, since=cursor))
        found = await operation.change()

    assert found["cursor"] != cursor
    assert (
        salon.at(10) in starts(found["closed"])
        if not found["snapshot"]
        else salon.at(10) not in starts(found["opened"])
    )
    assert found["availability"]["freeCount"] == 13


async def test_while_postgres_is_away_nothing_is_sent_and_then_what_happened(
    socket: Socket, salon: Salon, database: Database, sql: Connection
) -> None:
    operation = await watching(socket, asha(salon))

    @asynccontextmanager
    async def no_connection() -> AsyncIterator[None]:
        tried.set()
        raise Unavailable("the database does not answer")
        yield

    tried = asyncio.Event()
    database._acquired = no_connection  # type: ignore[method-assign]
    await take(sql, salon.asha, salon.at(10))
    async with asyncio.timeout(WAIT_S):
        await tried.wait()
    assert operation.is_silent()
    del database._acquired

    assert starts((await operation.change())["closed"]) == [salon.at(10)]


async def test_only_graphql_transport_ws_is_spoken(client: Client, salon: Salon) -> None:
    for protocols in ((), ("graphql-ws",)):
        async with client.http.ws_connect(client.url, protocols=protocols) as ws:
            assert (await ws.receive(timeout=WAIT_S)).type is aiohttp.WSMsgType.CLOSE
            assert ws.close_code == 4406


NO_MESSAGES = (
    *(
        "",
        "{",
        "5",
        "null",
        "[]",
        '"x"',
        "{}",
        '{"type": "nothing"}',
        '{"type": ["ping"]}',
        "[" * 10_000,
        '{"type": "\\ud800"}',
    ),
    *('{"type": "subscribe"}', '{"type": "subscribe", "id": "1"}', '{"type": "subscribe", "id": "1", "payload": 5}'),
    *(
        '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ a }"}}',
        '{"type": "complete"}',
        '{"type": "complete", "id": {}}',
    ),
)


async def test_what_is_no_message_closes_the_socket_and_says_so(client: Client, salon: Salon) -> None:
    for text in NO_MESSAGES:
        async with client.http.ws_connect(client.url, protocols=("graphql-transport-ws",)) as ws:
            await ws.send_json({"type": "connection_init"})
            await ws.receive_json(timeout=WAIT_S)
            await ws.send_str(text)

            assert (await ws.receive(timeout=WAIT_S)).type is aiohttp.WSMsgType.CLOSE, text[:100]
            assert ws.close_code == 4400, text[:100]


async def test_an_operation_that_is_none_is_refused_or_closes_the_socket(client: Client, salon: Salon) -> None:
    for payload in ({"query": 5}, {"query": None}, {"query": ""}, {"query": "{ tenant { id } }", "variables": [1]}, {}):
        async with connected(client) as socket:
            socket.inboxes["1"] = asyncio.Queue()
            await socket.ws.send_json({"type": "subscribe", "id": "1", "payload": payload})
            operation = Operation(socket, "1")
            await until(lambda socket=socket, operation=operation: socket.ws.closed or not operation.is_silent())

            assert socket.ws.close_code == 4400 if socket.ws.closed else await operation.refusal() == "BAD_INPUT", (
                payload
            )


async def test_a_page_of_another_site_gets_no_socket(client: Client, salon: Salon) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with client.http.ws_connect(
            client.url, protocols=("graphql-transport-ws",), headers={"Origin": "https://elsewhere.example"}
        ):
            pass

    assert refused.value.status == 403


async def test_instants_are_told_in_utc_and_in_the_zone_asked_for(socket: Socket, salon: Salon) -> None:
    operation = await socket.start(CHANGES, asha(salon, zone="Asia/Kathmandu"))

    found = await operation.change()

    assert found["opened"][0]["startLocal"].endswith("+05:45")
    assert abs(datetime.fromisoformat(found["at"]) - datetime.now(UTC)) < timedelta(seconds=WAIT_S)
