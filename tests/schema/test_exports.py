"""Exports and calendars over HTTP: who may have them, what they say of a wrong request, and what calendar programs read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from icalendar import Calendar

from resolvers import exporting, tokens
from resolvers.context import Role
from tests.conftest import SALON, TOKENS

if TYPE_CHECKING:
    import asyncpg

    from resolvers.app import App
    from tests.conftest import Client, Salon

BOOK = """
mutation ($input: BookingCreateInput!) { done: bookingCreate(input: $input) { __typename ... on Booking { id } } }
"""
FEED = """
mutation ($id: ID!) {
  done: %s(stylistId: $id) { __typename ... on CalendarFeed { token path stylist { name } } ... on Problem { message } }
}
"""
MAKE, REVOKE = FEED % "calendarFeedCreate", FEED % "calendarFeedRevoke"


async def book(client: Client, salon: Salon, at: str, name: str = "Cleo", **more: Any) -> str:
    wanted = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": at, "customer": {"name": name, **more}}
    return str((await client.data(BOOK, {"input": wanted}))["done"]["id"])


async def get(client: Client, path: str, token: str | None = None, **headers: str) -> tuple[int, Any, bytes]:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with client.http.get(client.url.replace("/graphql", path), headers=headers) as response:
        return response.status, response.headers, await response.read()


def dates(salon: Salon, first: int = 0, last: int = 0) -> str:
    return f"from={salon.day + timedelta(first)}&to={salon.day + timedelta(last)}"


async def test_bookings_of_some_dates_come_by_start(client: Client, salon: Salon, staff_token: str) -> None:
    late = await book(client, salon, salon.at(15))
    early = await book(client, salon, salon.at(9))
    await book(client, salon, salon.at(9, days=1))

    status, headers, body = await get(client, f"/export/bookings.ndjson?{dates(salon)}", staff_token)

    found = [orjson.loads(line) for line in body.splitlines()]
    assert (status, headers["Content-Type"]) == (200, "application/x-ndjson; charset=utf-8")
    assert [(one["id"], one["startUtc"]) for one in found] == [(early, salon.at(9)), (late, salon.at(15))]
    assert (found[0]["stylistName"], found[0]["customerName"], found[0]["status"]) == ("Asha", "Cleo", "CONFIRMED")
    others = await get(client, f"/export/bookings.ndjson?{dates(salon)}&stylistId={salon.bina}", staff_token)
    assert others[2] == b""


async def test_dates_are_those_of_the_place(
    client: Client, salon: Salon, staff_token: str, sql: asyncpg.Connection[Any]
) -> None:
    await book(client, salon, salon.at(15))
    await sql.execute("update locations set timezone = 'Pacific/Auckland'")

    same = await get(client, f"/export/bookings.ndjson?{dates(salon)}", staff_token)
    next_day = await get(client, f"/export/bookings.ndjson?{dates(salon, 1, 1)}", staff_token)

    assert same[2] == b""
    (found,) = [orjson.loads(line) for line in next_day[2].splitlines()]
    assert found["startLocal"].startswith(str(salon.day + timedelta(1)))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "＝"])
async def test_a_spreadsheet_takes_nothing_for_a_formula(
    client: Client, salon: Salon, staff_token: str, start: str, sql: asyncpg.Connection[Any]
) -> None:
    await book(client, salon, salon.at(9))
    await sql.execute("update customers set name = $1", f"{start}1+1")

    _, headers, body = await get(client, f"/export/bookings.csv?{dates(salon)}", staff_token)

    head, row, end = body.decode().split("\r\n")
    named = dict(zip(head.split(","), row.split(","), strict=True))
    assert named["customerName"] == f"'{start}1+1"
    assert (end, headers["Content-Type"]) == ("", "text/csv; charset=utf-8")
    assert headers["Content-Disposition"] == f'attachment; filename="bookings-testers-{salon.day}-{salon.day}.csv"'


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ("", 400, "from, to"),
        ("from=2026-01-01", 400, "to"),
        ("from=2026-01-01&to=soon", 400, "to"),
        ("from=2026-01-02&to=2026-01-01", 400, "to"),
        ("from=2000-01-01&to=2026-01-01", 400, "to"),
        ("from=2026-01-01&to=2026-01-01&stylistId=x", 400, "stylistId"),
        ("from=2026-01-01&to=2026-01-01&stylistId=99999999-0000-4000-8000-000000000001", 404, None),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(
    client: Client, salon: Salon, staff_token: str, query: str, status: int, parameter: str | None
) -> None:
    found, _, body = await get(client, f"/export/bookings.csv?{query}", staff_token)

    assert found == status
    assert orjson.loads(body).get("parameter") == parameter


async def test_exports_are_for_staff_of_the_business(client: Client, salon: Salon) -> None:
    customer = tokens.make(
        TOKENS,
        role=Role.CUSTOMER,
        tenant=SALON["tenant"]["slug"],
        subject="ann",
        expires_in=timedelta(hours=1),
    )

    statuses = [(await get(client, f"/export/bookings.csv?{dates(salon)}", who))[0] for who in (None, customer, "x")]

    assert statuses == [401, 403, 401]


async def test_exports_take_turns(client: Client, app: App, salon: Salon, staff_token: str) -> None:
    async with app.exporting, app.exporting:
        busy = await get(client, f"/export/bookings.csv?{dates(salon)}", staff_token)

    assert busy[0] == 429
    assert (await get(client, f"/export/bookings.csv?{dates(salon)}", staff_token))[0] == 200


async def feed(client: Client, mutation: str, stylist_id: str, token: str | None) -> Any:
    return (await client.data(mutation, {"id": stylist_id}, token=token))["done"]


async def test_a_calendar_is_read_by_its_address_alone(client: Client, salon: Salon, staff_token: str) -> None:
    name = "Zoë, “the; long” \\ name 🎉 " + "x" * 60
    booking = await book(client, salon, salon.at(9), name=name)
    await book(client, salon, salon.at(10, days=1))
    made = await feed(client, MAKE, salon.asha, staff_token)

    status, headers, body = await get(client, made["path"])

    calendar = Calendar.from_ical(body)
    first, second = calendar.walk("VEVENT")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (
        200,
        "text/calendar; charset=utf-8",
        "private, no-cache",
    )
    assert str(first["summary"]) == f"Cut: {name}"
    assert (first["dtstart"].dt, first["dtend"].dt) == (
        datetime.fromisoformat(salon.at(9)),
        datetime.fromisoformat(salon.at(9, 30)),
    )
    assert str(first["uid"]).startswith(booking)
    assert second["dtstart"].dt > first["dtstart"].dt
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))


async def test_a_calendar_that_has_not_changed_is_not_sent_again(
    client: Client, salon: Salon, staff_token: str
) -> None:
    booking = await book(client, salon, salon.at(9))
    path = (await feed(client, MAKE, salon.asha, staff_token))["path"]
    tag = (await get(client, path))[1]["ETag"]

    same = await get(client, path, **{"If-None-Match": tag})
    await client.data(f'mutation {{ bookingCancel(bookingId: "{booking}") {{ __typename }} }}')
    changed = await get(client, path, **{"If-None-Match": tag})

    assert (same[0], same[2]) == (304, b"")
    assert changed[0] == 200
    assert not Calendar.from_ical(changed[2]).walk("VEVENT")


async def test_an_address_opens_one_calendar_until_it_is_revoked(
    client: Client, salon: Salon, staff_token: str
) -> None:
    old = await feed(client, MAKE, salon.asha, staff_token)
    new = await feed(client, MAKE, salon.asha, staff_token)
    anothers = new["path"].replace(salon.asha, salon.bina)
    wrong = [
        old["path"],
        anothers,
        new["path"][:-1],
        new["path"].partition("?")[0],
        new["path"].replace(salon.asha, "x"),
    ]

    assert (await get(client, new["path"]))[0] == 200
    refused = [await get(client, path) for path in wrong]
    revoked = await feed(client, REVOKE, salon.asha, staff_token)

    assert {(status) for status, _, _ in refused[:-1]} == {404}
    assert refused[-1][0] == 400
    assert (revoked["token"], revoked["path"]) == (None, None)
    assert (await get(client, new["path"]))[0] == 404
    assert (await feed(client, MAKE, "99999999-0000-4000-8000-000000000001", staff_token))["__typename"] == "NotFound"


async def test_the_token_is_nowhere_but_at_whoever_made_it(
    client: Client, salon: Salon, staff_token: str, sql: asyncpg.Connection[Any]
) -> None:
    token = (await feed(client, MAKE, salon.asha, staff_token))["token"]

    kept = await sql.fetchval(
        "select json_agg(f)::text || (select json_agg(a)::text from audit_log a) from calendar_feeds f"
    )

    assert token[32:] not in kept
    assert '"calendarFeedCreate"' in kept
    assert len(token) > 32 + exporting.SECRET_BYTES
