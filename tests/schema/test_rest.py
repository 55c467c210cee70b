"""REST for pages that exist already: the form they know, the same answers as GraphQL's, and each customer's own times."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from db.pool import Database
from resolvers import app as wiring
from resolvers import availability, importing, salon_file, tokens
from resolvers.app import Limits
from schema import errors, rest
from schema.rest import Rest
from tests.conftest import SALON, TOKENS, Client, Salon, away

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

NOBODY = "99999999-0000-4000-8000-000000000009"
KATHMANDU, LOS_ANGELES, AUCKLAND = "Asia/Kathmandu", "America/Los_Angeles", "Pacific/Auckland"
GRAPHQL = """
query ($stylist: ID!, $service: ID!, $date: Date!, $zone: String) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, timezone: $zone) {
    slots { startUtc endUtc startLocal endLocal display status isAvailable priceCents }
    cache { version computedAt }
  }
}
"""
HOLD = "mutation ($input: HoldPlaceInput!) { holdPlace(input: $input) { ... on Hold { id } } }"
BOOK = "mutation ($input: BookingCreateInput!) { bookingCreate(input: $input) { ... on Booking { id } } }"
OTHERS: dict[str, Any] = {
    **SALON,
    "tenant": {**SALON["tenant"], "slug": "others", "name": "Others"},
    "stylists": [{**SALON["stylists"][0], "id": "33333333-0000-4000-8000-000000000099"}],
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: JSON, unless the method has none."""

    status: int
    headers: Any
    json: Any


class Page:
    """A booking page of old, that asks for Asha's cuts on the salon's day unless said otherwise."""

    def __init__(self, client: Client, salon: Salon) -> None:
        self.client = client
        self.url = client.url.removesuffix("/graphql") + rest.AVAILABLE_SLOTS
        self.usual = {"stylistId": salon.asha, "serviceId": salon.cut, "targetDate": str(salon.day)}

    async def ask(
        self, *, method: str = "GET", query: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """query: the whole of it; more: over the usual parameters, None to leave one out."""
        params = query or {name: value for name, value in {**self.usual, **more}.items() if value is not None}
        async with self.client.http.request(method, self.url, params=params, headers=headers) as response:
            is_json = response.content_type == "application/json" and method != "HEAD"
            return Answer(response.status, response.headers, await response.json() if is_json else None)

    async def slots(self, **more: Any) -> Any:
        """The slots of an answer that must be one."""
        found = await self.ask(**more)
        assert found.status == 200, found.json
        return found.json


@pytest.fixture
def page(salon: Salon, client: Client) -> Page:
    """Asks a server that hears of changes, but began after the import: news of that would empty its cache at any moment."""
    return Page(client, salon)


@pytest.fixture
async def deaf(salon: Salon, client: Client, database: Database) -> AsyncIterator[Page]:
    """Asks a server that no notification reaches."""
    app = wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))
    application = web.Application()
    handlers = Rest(app, partial(tokens.authenticate, TOKENS))
    application.router.add_get(rest.AVAILABLE_SLOTS, handlers.available_slots)
    server = TestServer(application)
    await server.start_server()
    yield Page(Client(client.http, str(server.make_url("/graphql"))), salon)
    await server.close()


@pytest.fixture(params=["heard", "unheard"])
def either(request: pytest.FixtureRequest, page: Page, deaf: Page) -> Page:
    """Asks a server that hears of changes, and one that does not."""
    return page if request.param == "heard" else deaf


def sundays(month: int, nth: int) -> date:
    """The next time that this month has its nth Sunday, which is when clocks in Los Angeles change."""
    today = datetime.now(UTC).date()
    for year in (today.year, today.year + 1):
        first = date(year, month, 1)
        found = first + timedelta((6 - first.weekday()) % 7 + 7 * (nth - 1))
        if found > today + timedelta(2):
            return found
    raise AssertionError


# The form.


async def test_every_start_is_told_in_the_form_that_pages_know(page: Page, salon: Salon) -> None:
    found = await page.ask()

    start = datetime.combine(salon.day, datetime.min.time(), UTC) + timedelta(hours=9)
    assert (found.status, found.headers["Content-Type"]) == (200, "application/json")
    assert found.json[0] == {
        "slotStartUtc": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "slotEndUtc": f"{salon.day}T09:30:00Z",
        "slotStartLocal": f"{salon.day}T14:45:00+05:45",
        "slotEndLocal": f"{salon.day}T15:15:00+05:45",
        "slotDisplay": "2:45 PM",
        "status": "available",
        "isAvailable": True,
        "priceCents": 2000,
    }
    assert [slot["slotStartUtc"] for slot in found.json] == [
        salon.at(hour, minute) for hour in range(9, 17) for minute in (0, 30)
    ]
    assert {tuple(slot) for slot in found.json} == {tuple(found.json[0])}


async def test_a_start_is_available_booked_reserved_or_unavailable(page: Page, client: Client, salon: Salon) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut}
    await client.data(HOLD, {"input": {**start, "startUtc": salon.at(10)}}, session="holder")
    await client.data(BOOK, {"input": {**start, "startUtc": salon.at(15), "customer": {"name": "Cleo"}}})

    seen = [await page.slots(headers=who) for who in ({}, {"X-Session-Id": "holder"})]

    told = {slot["slotStartUtc"]: (slot["status"], slot["isAvailable"]) for slot in seen[0]}
    closed = {
        salon.at(10): "reserved",
        salon.at(12): "unavailable",
        salon.at(12, 30): "unavailable",
        salon.at(15): "booked",
    }
    assert told == {one: (closed.get(one, "available"), one not in closed) for one in told}
    assert set(closed) < set(told)
    assert seen[0] == seen[1]  # not even its holder is told whose a hold is


async def test_a_service_that_is_not_offered_and_a_day_without_hours_are_empty_lists(
    page: Page, salon: Salon, sql: Connection
) -> None:
    not_offered = await page.slots(stylistId=salon.bina, serviceId=salon.colour)
    await sql.execute("delete from schedule_hours where stylist_id = $1::text::uuid", salon.asha)
    no_hours = await page.slots()

    assert (not_offered, no_hours) == ([], [])


# Whose time it is.


async def test_two_customers_each_have_their_own_local_times_from_the_same_cached_days(
    page: Page, salon: Salon
) -> None:
    first = await page.ask(customerTimezone=KATHMANDU)
    await page.ask(targetDate=str(salon.day + timedelta(1)))  # the rest of what the day is in Los Angeles

    second = await page.ask(customerTimezone=LOS_ANGELES)
    third = await page.ask(customerTimezone=KATHMANDU)

    assert [one.headers["X-Cache-Hit"] for one in (first, second, third)] == ["false", "true", "true"]
    assert third.json == first.json
    for found, zone in ((first, ZoneInfo(KATHMANDU)), (second, ZoneInfo(LOS_ANGELES))):
        for slot in found.json:
            starts_at = datetime.fromisoformat(slot["slotStartUtc"])
            assert slot["slotStartLocal"] == starts_at.astimezone(zone).isoformat()
            assert slot["slotEndLocal"] == (starts_at + timedelta(minutes=30)).astimezone(zone).isoformat()
            assert slot["slotDisplay"] == starts_at.astimezone(zone).strftime("%I:%M %p").lstrip("0")
    assert [slot["slotStartUtc"] for slot in first.json] == [slot["slotStartUtc"] for slot in second.json]


@pytest.mark.parametrize("given", [None, ""])
async def test_a_customer_without_a_zone_is_in_kathmandu(page: Page, given: str | None) -> None:
    assert await page.slots(customerTimezone=given) == await page.slots(customerTimezone=KATHMANDU)


async def test_a_date_is_the_customers_and_may_touch_two_of_the_stylists_days(
    page: Page, salon: Salon, sql: Connection
) -> None:
    await page.ask(customerTimezone=AUCKLAND)
    await sql.execute("update schedule_hours set starts_minute = 0, ends_minute = 1440 where not is_break")

    found = await page.ask(stylistId=salon.bina, customerTimezone=AUCKLAND)

    midnight = datetime.combine(salon.day, datetime.min.time(), ZoneInfo(AUCKLAND)).astimezone(UTC)
    count = len(found.json)
    assert count in (46, 48, 50)
    assert midnight.date() == salon.day - timedelta(1)
    assert [datetime.fromisoformat(slot["slotStartUtc"]) for slot in found.json] == [
        midnight + timedelta(minutes=30 * n) for n in range(count)
    ]
    assert {slot["slotStartLocal"][:10] for slot in found.json} == {str(salon.day)}
    assert found.json[0]["slotDisplay"] == "12:00 AM"
    assert len(found.headers["X-Version"].split(".")) == 3  # of the rules and of two days


@pytest.mark.parametrize(
    ("day", "count", "around"),
    [
        pytest.param(
            sundays(3, 2), 46, ["1:00 AM -08:00", "1:30 AM -08:00", "3:00 AM -07:00", "3:30 AM -07:00"], id="an hour less"
        ),
        pytest.param(
            sundays(11, 1), 50, ["1:00 AM -07:00", "1:30 AM -07:00", "1:00 AM -08:00", "1:30 AM -08:00"], id="an hour more"
        ),
    ],
)  # fmt: skip
async def test_where_clocks_change_the_day_is_shorter_or_longer(
    page: Page, salon: Salon, sql: Connection, day: date, count: int, around: list[str]
) -> None:
    await sql.execute("update schedule_hours set starts_minute = 0, ends_minute = 1440 where not is_break")

    found = await page.slots(stylistId=salon.bina, targetDate=str(day), customerTimezone=LOS_ANGELES)

    shown = [f"{slot['slotDisplay']} {slot['slotStartLocal'][-6:]}" for slot in found]
    at = shown.index(around[0])
    assert len(found) == count
    assert shown[at : at + 4] == around


# The same truth as GraphQL's, as fresh.


@pytest.mark.parametrize("zone", [KATHMANDU, LOS_ANGELES, AUCKLAND, "Etc/UTC"])
async def test_graphql_answers_the_same_question_the_same(page: Page, client: Client, salon: Salon, zone: str) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.colour}
    await client.data(BOOK, {"input": {**start, "startUtc": salon.at(13), "customer": {"name": "Cleo"}}})
    wanted = {"stylist": salon.asha, "service": salon.colour, "date": str(salon.day), "zone": zone}

    here = await page.ask(serviceId=salon.colour, customerTimezone=zone)
    there = (await client.data(GRAPHQL, wanted))["availableSlots"]

    names = {"HELD": "reserved"}
    assert here.json == [
        {
            "slotStartUtc": slot["startUtc"],
            "slotEndUtc": slot["endUtc"],
            "slotStartLocal": slot["startLocal"],
            "slotEndLocal": slot["endLocal"],
            "slotDisplay": slot["display"],
            "status": names.get(slot["status"], slot["status"].lower()),
            "isAvailable": slot["isAvailable"],
            "priceCents": slot["priceCents"],
        }
        for slot in there["slots"]
    ]
    assert len(here.json) > 10
    assert here.headers["X-Version"] == there["cache"]["version"]
    assert here.headers["X-Computed-At"] == there["cache"]["computedAt"]


async def test_headers_say_where_an_answer_came_from(page: Page) -> None:
    first, second = await page.ask(), await page.ask()

    assert first.json == second.json
    assert [one.headers["X-Cache-Hit"] for one in (first, second)] == ["false", "true"]
    assert {
        (one.headers["X-Cached"], one.headers["X-Verified"], one.headers["Cache-Control"]) for one in (first, second)
    } == {("true", "true", "no-store")}
    assert first.headers["X-Computed-At"] == second.headers["X-Computed-At"]
    assert first.headers["X-Computed-At"].endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(first.headers["X-Computed-At"])) < timedelta(minutes=1)
    assert first.headers["X-Version"] == second.headers["X-Version"]


async def test_a_change_by_raw_sql_is_in_the_next_answer(either: Page, salon: Salon, sql: Connection) -> None:
    before = [await either.ask(), await either.ask()][1]
    await sql.execute(
        "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)"
        " select tenant_id, id, $2::text::uuid, home_location_id, 'CONFIRMED', $3, $4, tstzrange($3, $4), 1 from stylists"
        " where id = $1::text::uuid",
        *(salon.asha, salon.cut, *map(datetime.fromisoformat, (salon.at(10), salon.at(10, 30)))),
    )
    after = await either.ask()

    assert (before.headers["X-Cache-Hit"], after.headers["X-Cache-Hit"]) == ("true", "false")
    changed = [new for old, new in zip(before.json, after.json, strict=True) if old != new]
    assert [(slot["slotStartUtc"], slot["status"]) for slot in changed] == [(salon.at(10), "booked")]
    assert after.headers["X-Version"] != before.headers["X-Version"]


async def test_who_and_what_is_on_sale_is_as_fresh_as_the_slots(either: Page, salon: Salon, sql: Connection) -> None:
    usual = await either.slots()
    gone = "update stylists set active = $2 where id = $1::text::uuid"

    await sql.execute(gone, salon.asha, False)
    without = await either.ask()
    await sql.execute(gone, salon.asha, True)
    back = await either.ask()
    await sql.execute("update services set price_cents = 4242")
    dearer = await either.slots()

    assert (without.status, back.status, back.json) == (404, 200, usual)
    assert {slot["priceCents"] for slot in dearer} == {4242}


async def test_a_stylist_who_is_new_is_found_by_a_server_that_did_not_hear_of_them(
    deaf: Page, salon: Salon, sql: Connection
) -> None:
    await sql.execute("update stylists set active = false where id = $1::text::uuid", salon.bina)
    before = await deaf.ask(stylistId=salon.bina)
    await sql.execute("update stylists set active = true where id = $1::text::uuid", salon.bina)

    after = await deaf.ask(stylistId=salon.bina)

    assert (before.status, after.status, len(after.json)) == (404, 200, 16)


async def test_a_warm_answer_costs_one_statement(page: Page, statements: list[str]) -> None:
    await page.ask()
    statements.clear()

    found = await page.ask()

    assert found.headers["X-Cache-Hit"] == "true"
    assert len(statements) == 1


# What goes wrong.


@pytest.mark.parametrize(
    ("left_out", "names"),
    [
        (["stylistId"], "stylistId"),
        (["targetDate", "serviceId"], "serviceId, targetDate"),
        (["stylistId", "serviceId", "targetDate"], "stylistId, serviceId, targetDate"),
    ],
)
@pytest.mark.parametrize("how", [None, ""])
async def test_all_missing_parameters_are_named_at_once(
    page: Page, left_out: list[str], names: str, how: str | None
) -> None:
    found = await page.ask(**dict.fromkeys(left_out, how), customerTimezone=KATHMANDU)

    assert (found.status, found.json["parameter"], set(found.json)) == (400, names, {"error", "parameter"})
    assert all(f"{name} is missing, give" in found.json["error"] for name in left_out)
    assert found.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("stylistId", "42", "stylistId: '42' is not an id; ids are UUIDs"),
        ("serviceId", "haircut'; --", "ids are UUIDs"),
        ("targetDate", "tomorrow", "targetDate: 'tomorrow' is not a date; write YYYY-MM-DD"),
        ("targetDate", "2026-12-15T00:00:00Z", "write YYYY-MM-DD"),
        ("targetDate", "2026-02-30", "targetDate: '2026-02-30' is not a day of the calendar"),
        ("targetDate", "9999-12-31", "targetDate: 9999-12-31 lies outside the years 1970 to 2199"),
        ("customerTimezone", "Nepal", "customerTimezone: 'Nepal' is not an IANA time zone, as Asia/Kathmandu is"),
        ("customerTimezone", "../../etc/passwd", "is not an IANA time zone"),
        ("customerTimezone", "Asia/Kathmandu\x00", "is not an IANA time zone"),
    ],
)
async def test_a_malformed_parameter_is_named_with_what_would_be_right(
    page: Page, parameter: str, value: str, says: str
) -> None:
    found = await page.ask(**{parameter: value})

    assert (found.status, found.json["parameter"], set(found.json)) == (400, parameter, {"error", "parameter"})
    assert says in found.json["error"]


async def test_of_a_parameter_given_twice_the_first_counts_and_other_names_count_for_nothing(
    page: Page, salon: Salon
) -> None:
    twice = [*page.usual.items(), ("stylistId", NOBODY), ("targetDate", "x"), ("_", "1700000000")]

    found = await page.ask(query=twice)

    assert (found.status, found.json) == (200, await page.slots())


async def test_what_is_not_there_not_on_sale_or_another_tenants_is_not_found_alike(
    page: Page, salon: Salon, database: Database, sql: Connection
) -> None:
    await importing.import_salon(database, salon_file.parse(json.dumps(OTHERS)), lambda *_: None)
    theirs = OTHERS["stylists"][0]["id"]
    await sql.execute("update stylists set active = false where id = $1::text::uuid", salon.bina)

    refused = {one: await page.ask(stylistId=one) for one in (NOBODY, theirs, salon.bina)}
    no_service = await page.ask(serviceId=NOBODY)
    at_theirs = await page.ask(stylistId=theirs, headers={"X-Tenant": "others"})

    for stylist, answer in refused.items():
        assert (answer.status, answer.json) == (404, {"error": f"there is no stylist {stylist}"})
    assert (no_service.status, no_service.json) == (404, {"error": f"there is no service {NOBODY}"})
    assert (at_theirs.status, len(at_theirs.json)) == (200, 16)


async def test_who_asks_is_told_by_the_same_headers_as_to_graphql(page: Page, salon: Salon, staff_token: str) -> None:
    bearer = {"Authorization": f"Bearer {staff_token}"}

    welcome = await page.ask(headers=bearer)
    unknown = await page.ask(headers={"Authorization": "Bearer rubbish"})
    elsewhere = await page.ask(headers={**bearer, "X-Tenant": "others"})
    nowhere = await page.ask(headers={"X-Tenant": "nowhere"})
    session = await page.ask(headers={"X-Session-Id": "a b"})

    statuses = [one.status for one in (welcome, unknown, elsewhere, nowhere, session)]
    assert statuses == [200, 401, 403, 404, 400]
    assert unknown.headers["WWW-Authenticate"] == "Bearer"
    assert {tuple(one.json) for one in (unknown, elsewhere, nowhere, session)} == {("error",)}


async def test_without_postgres_memory_is_served_as_unverified_and_the_rest_asked_for_again(
    page: Page, salon: Salon, database: Database
) -> None:
    known = await page.ask()

    async with away(database):
        from_memory = await page.ask()
        cold = await page.ask(stylistId=salon.bina)

    assert known.headers["X-Verified"] == "true"
    assert (from_memory.json, from_memory.headers["X-Verified"]) == (known.json, "false")
    assert (cold.status, cold.headers["Retry-After"]) == (503, "1")
    assert cold.json == {"error": "The database is away; try again in a moment."}


async def test_what_is_our_fault_is_an_id_and_the_detail_is_in_the_log(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []

    class Log:
        def error(self, _event: str, **fields: Any) -> None:
            logged.append(fields)

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("password hunter2")

    monkeypatch.setattr(errors, "log", Log())
    with monkeypatch.context() as patched:
        patched.setattr(availability, "of_stylist", broken)
        found = await page.ask()

    (entry,) = logged
    assert (found.status, found.json) == (500, {"error": "Internal error", "errorId": entry["error_id"]})
    assert (entry["path"], str(entry["exc_info"])) == ([rest.AVAILABLE_SLOTS], "password hunter2")
    assert (await page.ask()).status == 200


async def test_head_answers_with_the_headers_alone_and_other_methods_not_at_all(page: Page) -> None:
    whole = await page.ask()

    head = await page.ask(method="HEAD")
    others = [await page.ask(method=method) for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")]

    assert (head.status, head.headers["X-Cache-Hit"]) == (200, "true")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    assert {(one.status, one.headers["Allow"]) for one in others} == {(405, "GET,HEAD,OPTIONS")}
