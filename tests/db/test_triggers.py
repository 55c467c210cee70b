"""Raw SQL by another program raises the right versions, no others, and notifies of just those."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.db.conftest import Salon

WAIT_S = 20

FACT_TABLES = (
    *("tenants", "locations", "closures", "travel_times", "services", "stylists", "offerings", "schedule_hours"),
    *("overrides", "override_hours", "time_off", "busy_sources", "busy_times", "price_rules", "preferences"),
    *("avoided_services", "bookings"),
)
# What has a tenant and yet cannot change a slot or a list.
OTHER_TABLES = {
    *("customers", "idempotency_keys", "audit_log"),
    *("directory_versions", "stylist_versions", "day_versions"),
    *("waitlist", "webhooks", "outbox"),
    *("summaries", "offered_lists", "offers", "demand", "calendar_feeds"),
    *("nights", "asked"),
}
EVERYBODY = {"ana", "ben", "cleo"}


def january(who: str, *days: int) -> set[str]:
    """The keys of somebody's days in January 2030. The 16th is a Wednesday; neither zone changes its clocks nearby."""
    return {f"{who} 2030-01-{day:02}" for day in days}


def dates(who: str, first: str, last: str) -> set[str]:
    """The keys of somebody's days from one date to another, both in."""
    day, end, keys = date.fromisoformat(first), date.fromisoformat(last), set()
    while day <= end:
        keys.add(f"{who} {day}")
        day += timedelta(1)
    return keys


def at(local: str) -> str:
    """An instant by Berlin's clock: `16 09:00` in January 2030, or with its whole date."""
    return f"timestamptz '{local if '-' in local else f'2030-01-{local}'} Europe/Berlin'"


def booking(
    starts: str,
    ends: str,
    *,
    who: str = "ana",
    row: str = "row",
    status: str = "CONFIRMED",
    occupied: tuple[str, str] | None = None,
    tenant: str = "salon",
) -> str:
    """A claim, by Berlin's clock."""
    begin, end = occupied or (starts, ends)
    return (
        "insert into bookings (tenant_id, id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied,"
        f" price_cents, holder, expires_at, customer_id) values (${tenant}, ${row}, ${who}, $cut, $here, '{status}',"
        f" {at(starts)}, {at(ends)}, tstzrange({at(begin)}, {at(end)}), 4000, 'session:1', {at('20 12:00')},"
        f" {'$client' if tenant == 'salon' else 'null'});"
    )


def move(starts: str, ends: str, **also: str) -> str:
    """A claim's new time, by Berlin's clock, and whatever else is set."""
    others = "".join(f", {column} = {value}" for column, value in also.items())
    return (
        f"update bookings set starts_at = {at(starts)}, ends_at = {at(ends)},"
        f" occupied = tstzrange({at(starts)}, {at(ends)}){others} where id = $row;"
    )


def time_off(starts: str, ends: str, *, who: str = "ana", row: str = "row") -> str:
    """A span taken out of somebody's hours, by Berlin's clock."""
    return (
        "insert into time_off (tenant_id, id, stylist_id, starts_at, ends_at)"
        f" values ($salon, ${row}, ${who}, {at(starts)}, {at(ends)});"
    )


def busy(starts: str, ends: str) -> str:
    """Ana's external appointment, by Berlin's clock."""
    return (
        "insert into busy_times (tenant_id, id, stylist_id, source, starts_at, ends_at)"
        f" values ($salon, $row, $ana, 'google', {at(starts)}, {at(ends)});"
    )


def override(day: int, *, location: str = "here", who: str = "ana") -> str:
    """A date's own hours in January 2030: none yet."""
    return (
        "insert into overrides (tenant_id, stylist_id, on_date, location_id)"
        f" values ($salon, ${who}, '2030-01-{day:02}', ${location});"
    )


def override_hours(day: int) -> str:
    """Ana's hours on a date that has an override."""
    return (
        "insert into override_hours (tenant_id, stylist_id, on_date, starts_minute, ends_minute)"
        f" values ($salon, $ana, '2030-01-{day:02}', 600, 900);"
    )


def hours(who: str, location: str, row: str) -> str:
    """Thursdays from nine to five."""
    return (
        "insert into schedule_hours (tenant_id, id, stylist_id, location_id, weekday, starts_minute, ends_minute)"
        f" values ($salon, ${row}, ${who}, ${location}, 4, 540, 1020);"
    )


def closure(day: int, location: str = "here") -> str:
    """A place shut on a date in January 2030."""
    return f"insert into closures (tenant_id, location_id, closed_on) values ($salon, ${location}, '2030-01-{day:02}');"


def offering(who: str, service: str, *, minutes: str = "null") -> str:
    """A service as somebody gives it."""
    return (
        "insert into offerings (tenant_id, stylist_id, service_id, duration_minutes)"
        f" values ($salon, ${who}, ${service}, {minutes});"
    )


def way(minutes: int, start: str = "here", end: str = "annex") -> str:
    """The minutes between two places."""
    return (
        "insert into travel_times (tenant_id, from_location_id, to_location_id, minutes)"
        f" values ($salon, ${start}, ${end}, {minutes});"
    )


def price_rule(*, row: str = "rule", position: int = 1, service: str = "null") -> str:
    """Twenty percent more, always."""
    return (
        "insert into price_rules (tenant_id, id, position, name, basis_points, service_id)"
        f" values ($salon, ${row}, {position}, 'Weekend', 2000, {service});"
    )


def wishes(*, who: str = "ana", run: str = "null", pause: int = 15, most: str = "null") -> str:
    """What somebody rather not does: runs in minutes, bookings a day."""
    return (
        "insert into preferences (tenant_id, stylist_id, run_minutes_max, pause_minutes, bookings_a_day_max)"
        f" values ($salon, ${who}, {run}, {pause}, {most});"
    )


def avoided(*, who: str = "ana", service: str = "cut") -> str:
    """A service that somebody rather not gives on Wednesday mornings."""
    return (
        "insert into avoided_services (tenant_id, id, stylist_id, service_id, weekdays, from_minute, to_minute)"
        f" values ($salon, $row, ${who}, ${service}, '{{3}}', 540, 720);"
    )


def calendar(who: str, source: str = "google") -> str:
    """An external calendar of somebody's, heard of at New Year."""
    return (
        "insert into busy_sources (tenant_id, stylist_id, source, as_of)"
        f" values ($salon, ${who}, '{source}', '2030-01-01');"
    )


DORA = "insert into stylists (tenant_id, id, name, home_location_id) values ($salon, $dora, 'Dora', $here);"
MORNING = booking("16 09:00", "16 10:00")
EVENING = booking("16 21:00", "16 22:30")
LATE = booking("16 00:30", "16 01:30")
LONGER_CUT = "update services set duration_minutes = 240 where tenant_id = $salon and id = $cut;"
HEARD = "update busy_sources set as_of = now() where stylist_id = $ana and source = 'google';"
STALE_CLOSES = "update tenants set busy_stale_seconds = 3600, busy_stale_closes = true where id = $salon;"
FAR_MOVES = "update locations set timezone = 'Pacific/Apia' where id = $far;"


# One row at least in each table.
EVERY_FACT = (
    booking("16 09:00", "16 10:00", occupied=("16 08:50", "16 10:10"))
    + booking("16 12:00", "16 13:00", who="ben", row="second_row")
    + time_off("17 09:00", "17 10:00")
    + busy("18 09:00", "18 10:00")
    + override(23)
    + override(25)
    + override(25, who="ben")
    + override_hours(25)
    + closure(30, "far")
    + way(20, "annex", "far")
    + price_rule(service="$cut")
    + wishes(run="240", most="8")
    + avoided()
    + STALE_CLOSES
)


def case(told: str, act: str, *raises: set[str], given: str = "") -> Any:
    """One row of a table: what happens, what was there before, and the keys it raises."""
    return pytest.param(given, act, set().union(*raises), id=told)


BOOKINGS = [
    case("a booking is inserted", MORNING, january("ana", 16)),
    case("a booking of the rival's", booking("16 09:00", "16 10:00", tenant="rival"), january("rival ana", 16)),
    case("a hold is placed", booking("16 09:00", "16 10:00", status="HELD"), january("ana", 16)),
    case(
        "a hold's expiry is put off",
        "update bookings set expires_at = expires_at + interval '1 minute';",
        january("ana", 16),
        given=booking("16 09:00", "16 10:00", status="HELD"),
    ),
    case(
        "a hold changes hands",
        "update bookings set holder = 'session:2';",
        january("ana", 16),
        given=booking("16 09:00", "16 10:00", status="HELD"),
    ),
    case(
        "a hold is released",
        "update bookings set status = 'RELEASED';",
        january("ana", 16),
        given=booking("16 09:00", "16 10:00", status="HELD"),
    ),
    case("a booking is cancelled", "update bookings set status = 'CANCELLED';", january("ana", 16), given=MORNING),
    case("a booking is completed", "update bookings set status = 'COMPLETED';", january("ana", 16), given=MORNING),
    case("a customer does not come", "update bookings set status = 'NO_SHOW';", january("ana", 16), given=MORNING),
    case("a cancelled booking is inserted", booking("16 09:00", "16 10:00", status="CANCELLED")),
    case(
        "a cancelled booking is moved",
        move("17 09:00", "17 10:00"),
        given=booking("16 09:00", "16 10:00", status="CANCELLED"),
    ),
    case(
        "a cancelled booking is deleted",
        "delete from bookings;",
        given=booking("16 09:00", "16 10:00", status="CANCELLED"),
    ),
    case(
        "a cancelled booking comes back",
        "update bookings set status = 'CONFIRMED';",
        january("ana", 16),
        given=booking("16 09:00", "16 10:00", status="CANCELLED"),
    ),
    case("a booking is deleted", "delete from bookings;", january("ana", 16), given=MORNING),
    case(
        "a booking's customer is deleted, and the booking with them",
        "delete from customers;",
        january("ana", 16),
        given=MORNING,
    ),
    case(
        "a booking is moved to another stylist",
        "update bookings set stylist_id = $ben;",
        january("ana", 16),
        january("ben", 16),
        given=MORNING,
    ),
    case("a booking is moved over midnight", move("17 01:00", "17 02:00"), january("ana", 16, 17), given=EVENING),
    case(
        "a booking is moved to a much later day",
        move("2030-06-12 09:00", "2030-06-12 10:00"),
        january("ana", 16),
        {"ana 2030-06-12"},
        given=MORNING,
    ),
    case(
        "a booking is moved to another stylist and day",
        move("18 09:00", "18 10:00", stylist_id="$ben"),
        january("ana", 16),
        january("ben", 18),
        given=MORNING,
    ),
    case("a booking is moved within its day", move("16 11:00", "16 12:00"), january("ana", 16), given=MORNING),
    case(
        "a booking is moved to another place",
        "update bookings set location_id = $annex;",
        january("ana", 16),
        given=MORNING,
    ),
    case(
        "a booking's notes, price, customer, service and end are written",
        "update bookings set notes = 'allergic', cancel_reason = 'ill', price_cents = 1, customer_id = null,"
        " service_id = $color, created_at = now(), ended_at = now();",
        given=MORNING,
    ),
    case(
        "a booking is to be paid for",
        f"update bookings set payment_required = true, payment_due_at = {at('14 12:00')};",
        january("ana", 16),
        given=MORNING,
    ),
    case(
        "a booking is paid for",
        "update bookings set payment_due_at = null, paid_at = now();",
        january("ana", 16),
        given=MORNING + f"update bookings set payment_due_at = {at('14 12:00')};",
    ),
    case(
        "what a booking's price was made of, and when it was paid, are written",
        "update bookings set price_trace = '[]', payment_required = true, paid_at = now();",
        given=MORNING,
    ),
    case("a booking is written as it is", "update bookings set status = status, occupied = occupied;", given=MORNING),
    case("an update finds no booking", "update bookings set status = 'CANCELLED' where id = $rule;", given=MORNING),
    case(
        "a booking's buffers are widened over midnight",
        f"update bookings set occupied = tstzrange({at('16 21:00')}, {at('17 00:30')});",
        january("ana", 16, 17),
        given=EVENING,
    ),
    case("a booking at 00:30 closes starts of the evening before", LATE, january("ana", 15, 16)),
    case(
        "a booking at 01:30 may by other zone rules close starts of the evening before",
        booking("16 01:30", "16 02:00"),
        january("ana", 15, 16),
    ),
    case(
        "a booking until 23:30 may by other zone rules reach into the next day",
        booking("16 22:00", "16 23:30"),
        january("ana", 16, 17),
    ),
    case(
        "a booking at 02:30 lies beyond the longest service of the evening before",
        booking("16 02:30", "16 03:00"),
        january("ana", 16),
    ),
    case(
        "a longer service reaches further over midnight",
        booking("16 02:30", "16 03:00"),
        january("ana", 15, 16),
        given=offering("ana", "color"),
    ),
    case(
        "a stylist's own longer time for a service reaches further over midnight",
        booking("16 02:30", "16 03:00"),
        january("ana", 15, 16),
        given="update offerings set duration_minutes = 180 where stylist_id = $ana;",
    ),
    case(
        "another stylist's longer service does not reach further",
        booking("16 02:30", "16 03:00"),
        january("ana", 16),
        given=offering("ben", "color", minutes="300"),
    ),
    case(
        "the largest buffer after reaches further back",
        booking("16 02:20", "16 03:00"),
        january("ana", 15, 16),
        given="update services set buffer_after_minutes = 30 where id = $wax;" + offering("ana", "wax"),
    ),
    case(
        "the largest buffer before reaches further on",
        booking("16 21:00", "16 22:40"),
        january("ana", 16, 17),
        given="update services set buffer_before_minutes = 30 where id = $wax;" + offering("ana", "wax"),
    ),
    case(
        "the longest way reaches further back",
        booking("16 02:20", "16 03:00"),
        january("ana", 15, 16),
        given=way(5, end="far") + way(30),
    ),
    case(
        "the longest way reaches further on",
        booking("16 21:00", "16 22:40"),
        january("ana", 16, 17),
        given=way(5, end="far") + way(30),
    ),
    case(
        "a stretch of work reaches further back",
        booking("16 04:00", "16 05:00"),
        january("ana", 15, 16),
        given=wishes(run="120"),
    ),
    case(
        "a stretch of work reaches further on",
        booking("16 20:00", "16 20:50"),
        january("ana", 16, 17),
        given=wishes(run="120"),
    ),
    case(
        "a stretch of work reaches no further than a run and a pause",
        booking("16 04:30", "16 05:00"),
        january("ana", 16),
        given=wishes(run="120"),
    ),
    case(
        "a longer pause reaches further back",
        booking("16 04:30", "16 05:00"),
        january("ana", 15, 16),
        given=wishes(run="120", pause=60),
    ),
    case(
        "a pause without a longest run reaches no further",
        booking("16 04:00", "16 05:00"),
        january("ana", 16),
        given=wishes(pause=240, most="3"),
    ),
    case(
        "another stylist's wish for pauses does not reach further",
        booking("16 04:00", "16 05:00"),
        january("ana", 16),
        given=wishes(who="ben", run="720"),
    ),
    case(
        "a stylist with hours in two zones has days in both",
        booking("16 15:00", "16 16:00", who="cleo"),
        january("cleo", 16, 17),
    ),
    case(
        "a stylist with one override in another zone has days in both",
        booking("16 15:00", "16 16:00"),
        january("ana", 16, 17),
        given=override(30, location="far"),
    ),
    case(
        "a stylist whose home is in another zone has days in both",
        booking("16 15:00", "16 16:00"),
        january("ana", 16, 17),
        given="update stylists set home_location_id = $far where tenant_id = $salon and id = $ana;",
    ),
    case(
        "a booking in the hour that comes twice",
        booking("2030-10-27 02:30", "2030-10-27 03:30"),
        {"ana 2030-10-27"},
    ),
    case(
        "three bookings of two stylists in one statement",
        booking("16 09:00", "16 10:00").rstrip(";")
        + f", ($salon, $second_row, $ana, $cut, $here, 'CONFIRMED', {at('18 09:00')}, {at('18 10:00')},"
        f" tstzrange({at('18 09:00')}, {at('18 10:00')}), 1, null, null, null)"
        f", ($salon, $third_row, $ben, $cut, $here, 'CONFIRMED', {at('17 09:00')}, {at('17 10:00')},"
        f" tstzrange({at('17 09:00')}, {at('17 10:00')}), 1, null, null, null);",
        january("ana", 16, 18),
        january("ben", 17),
    ),
    case(
        "every booking is moved by a day, and one stays",
        "update bookings set starts_at = starts_at + d, ends_at = ends_at + d,"
        " occupied = tstzrange(lower(occupied) + d, upper(occupied) + d)"
        " from (select id as moved, interval '24 hours' * (id <> $third_row)::int as d from bookings) m"
        " where id = moved;",
        january("ana", 16, 17),
        january("ben", 20, 21),
        given=MORNING
        + booking("20 09:00", "20 10:00", who="ben", row="second_row")
        + booking("25 09:00", "25 10:00", row="third_row"),
    ),
    case(
        "an upsert moves a booking",
        booking("18 09:00", "18 10:00").rstrip(";")
        + " on conflict (tenant_id, id) do update set starts_at = excluded.starts_at, ends_at = excluded.ends_at,"
        " occupied = excluded.occupied;",
        january("ana", 16, 18),
        given=MORNING,
    ),
    case("an insert does nothing on conflict", MORNING.rstrip(";") + " on conflict do nothing;", given=MORNING),
    case(
        "a merge deletes one booking and inserts another",
        "merge into bookings b using (values ($row::uuid), ($second_row::uuid)) n (id) on b.id = n.id"
        " when matched then delete when not matched then "
        + booking("18 09:00", "18 10:00", row="second_row").removesuffix(";").replace("into bookings ", "")
        + ";",
        january("ana", 16, 18),
        given=MORNING,
    ),
    case(
        "one statement cancels a booking and makes another",
        "with gone as (update bookings set status = 'CANCELLED' where id = $row)"
        + booking("18 09:00", "18 10:00", who="ben", row="second_row"),
        january("ana", 16),
        january("ben", 18),
        given=MORNING,
    ),
    case(
        "the writer has other dates and another time zone",
        "set datestyle = 'German'; set timezone = 'Pacific/Honolulu'; set intervalstyle = 'iso_8601';" + LATE,
        january("ana", 15, 16),
    ),
    case(
        "the writer has a table of its own with the name of one of ours",
        "create temporary table offerings (like public.offerings);" + LATE,
        january("ana", 15, 16),
    ),
    case(
        "the writer has no search_path",
        "set search_path = '';" + LATE.replace("into bookings", "into public.bookings"),
        january("ana", 15, 16),
    ),
]

SPANS = [
    case("an hour off", time_off("16 09:00", "16 10:00"), january("ana", 16)),
    case("an hour off after midnight", time_off("16 00:30", "16 01:00"), january("ana", 15, 16)),
    case("three weeks off", time_off("07 09:00", "28 09:00"), january("ana", *range(7, 29))),
    case(
        "sixty-two days off",
        time_off("02 09:00", "2030-03-05 09:00"),
        dates("ana", "2030-01-02", "2030-03-05"),
    ),
    case("a year off is every day", time_off("16 09:00", "2031-01-16 09:00"), {"ana"}),
    case(
        "a year off and an hour off in one statement",
        time_off("16 09:00", "2031-01-16 09:00").rstrip(";")
        + f", ($salon, $second_row, $ben, {at('16 09:00')}, {at('16 10:00')});",
        {"ana"},
        january("ben", 16),
    ),
    case(
        "time off is moved to another day",
        f"update time_off set starts_at = {at('18 09:00')}, ends_at = {at('18 10:00')};",
        january("ana", 16, 18),
        given=time_off("16 09:00", "16 10:00"),
    ),
    case(
        "time off is given to another stylist",
        "update time_off set stylist_id = $ben;",
        january("ana", 16),
        january("ben", 16),
        given=time_off("16 09:00", "16 10:00"),
    ),
    case(
        "a week off becomes a year",
        "update time_off set ends_at = ends_at + interval '1 year';",
        {"ana"},
        january("ana", 7, 8, 9),
        given=time_off("07 09:00", "09 10:00"),
    ),
    case("time off's reason is written", "update time_off set reason = 'x';", given=time_off("16 09:00", "16 10:00")),
    case(
        "time off is removed",
        "delete from time_off;",
        january("ana", 16),
        given=time_off("16 09:00", "16 10:00"),
    ),
    case("an external appointment comes in", busy("16 09:00", "16 10:00"), january("ana", 16)),
    case(
        "an external appointment is moved",
        f"update busy_times set starts_at = {at('18 09:00')}, ends_at = {at('18 10:00')};",
        january("ana", 16, 18),
        given=busy("16 09:00", "16 10:00"),
    ),
    case(
        "an external appointment is given to another stylist",
        "update busy_times set stylist_id = $ben;",
        january("ana", 16),
        january("ben", 16),
        given=busy("16 09:00", "16 10:00"),
    ),
    case(
        "an external appointment is heard of again",
        "update busy_times set source = source;",
        given=busy("16 09:00", "16 10:00"),
    ),
    case(
        "an external appointment is gone",
        "delete from busy_times;",
        january("ana", 16),
        given=busy("16 09:00", "16 10:00"),
    ),
    case(
        "an external calendar is gone",
        "delete from busy_sources;",
        january("ana", 16),
        given=busy("16 09:00", "16 10:00"),
    ),
    case(
        "an external calendar is heard of", "update busy_sources set as_of = now();", given=busy("16 09:00", "16 10:00")
    ),
]

HOURS = [
    case("hours are added", hours("ana", "here", "rule"), {"salon", "ana"}),
    case("hours at another place are added", hours("ana", "far", "rule"), {"salon", "ana"}),
    case(
        "hours end later",
        "update schedule_hours set ends_minute = 1080 where tenant_id = $salon and id = $row;",
        {"salon", "ana"},
    ),
    case(
        "hours become a break",
        "update schedule_hours set is_break = true where tenant_id = $salon and id = $row;",
        {"salon", "ana"},
    ),
    case(
        "hours get a season",
        "update schedule_hours set valid_from = '2030-06-01' where tenant_id = $salon and id = $row;",
        {"salon", "ana"},
    ),
    case(
        "hours are given to another stylist",
        "update schedule_hours set stylist_id = $ben where tenant_id = $salon and id = $row;",
        {"salon", "ana", "ben"},
    ),
    case(
        "the hours of two stylists are swapped",
        "update schedule_hours set stylist_id = case stylist_id when $ana then $ben else $ana end::uuid"
        " where tenant_id = $salon and stylist_id in ($ana, $ben);",
        {"salon", "ana", "ben"},
    ),
    case("hours are removed", "delete from schedule_hours where tenant_id = $rival;", {"rival", "rival ana"}),
    case("hours are written as they are", "update schedule_hours set weekday = weekday;"),
    case("a day off on a date", override(16), {"salon"}, january("ana", *range(14, 19))),
    case("a date at another place", override(16, location="far"), {"salon"}, january("ana", *range(14, 19))),
    case(
        "a date's hours are moved to another place",
        "update overrides set location_id = $annex;",
        {"salon"},
        january("ana", *range(14, 19)),
        given=override(16),
    ),
    case(
        "a day off is moved to another date",
        "update overrides set on_date = '2030-01-26';",
        {"salon"},
        january("ana", *range(14, 19), *range(24, 29)),
        given=override(16),
    ),
    case("a day off's reason is written", "update overrides set reason = 'x';", given=override(16)),
    case(
        "a date's override is removed, and its hours with it",
        "delete from overrides;",
        {"salon"},
        january("ana", *range(14, 19)),
        given=override(16) + override_hours(16),
    ),
    case(
        "a date gets hours",
        override_hours(16),
        {"salon"},
        january("ana", *range(14, 19)),
        given=override(16),
    ),
    case(
        "a date's hours end later",
        "update override_hours set ends_minute = 960;",
        {"salon"},
        january("ana", *range(14, 19)),
        given=override(16) + override_hours(16),
    ),
    case(
        "a date's hours become those of another date",
        "update override_hours set on_date = '2030-01-26';",
        {"salon"},
        january("ana", *range(14, 19), *range(24, 29)),
        given=override(16) + override(26) + override_hours(16),
    ),
    case(
        "a date's hours are removed",
        "delete from override_hours;",
        {"salon"},
        january("ana", *range(14, 19)),
        given=override(16) + override_hours(16),
    ),
    case(
        "a date's hours are written as they are",
        "update override_hours set is_break = is_break;",
        given=override(16) + override_hours(16),
    ),
]

PLACES = [
    case("a place is closed on a date", closure(16), EVERYBODY),
    case("a place of only one stylist's hours is closed", closure(16, "far"), {"cleo"}),
    case(
        "a place of one stylist's override is closed",
        closure(16, "annex"),
        {"ana"},
        given=override(16, location="annex"),
    ),
    case("a place where nobody works is closed", closure(16, "annex")),
    case(
        "a closure is moved to another date",
        "update closures set closed_on = '2030-01-17';",
        EVERYBODY,
        given=closure(16),
    ),
    case(
        "a closure is moved to another place",
        "update closures set location_id = $here;",
        EVERYBODY,
        given=closure(16, "far"),
    ),
    case("a closure's reason is written", "update closures set reason = 'x';", given=closure(16)),
    case("a closure is removed", "delete from closures;", {"cleo"}, given=closure(16, "far")),
    case(
        "a place is opened",
        "insert into locations (tenant_id, id, name, timezone) values ($salon, $attic, 'Attic', 'Europe/Berlin');",
        {"salon"},
    ),
    case(
        "a home place's zone changes",
        "update locations set timezone = 'Europe/Kyiv' where tenant_id = $salon and id = $here;",
        {"salon"},
        EVERYBODY,
    ),
    case("the zone of a place of one stylist's hours changes", FAR_MOVES, {"salon", "cleo"}),
    case(
        "the zone of a place of one stylist's override changes",
        FAR_MOVES,
        {"salon", "ana", "cleo"},
        given=override(16, location="far"),
    ),
    case(
        "a place where nobody works is renamed",
        "update locations set name = 'x' where tenant_id = $salon and id = $annex;",
        {"salon"},
    ),
    case("a place is written as it is", "update locations set timezone = timezone;"),
    case("a place of one stylist's hours is given up", "delete from locations where id = $far;", {"salon", "cleo"}),
    case(
        "a place of a way is given up",
        "delete from locations where tenant_id = $salon and id = $annex;",
        {"salon"},
        EVERYBODY,
        given=way(20),
    ),
    case(
        "everybody's home is given up",
        "delete from locations where tenant_id = $salon and id = $here;",
        {"salon"},
        EVERYBODY,
    ),
    case("a way is added", way(20), EVERYBODY),
    case("a way takes longer", "update travel_times set minutes = 30;", EVERYBODY, given=way(20)),
    case("a way is written as it is", "update travel_times set minutes = minutes;", given=way(20)),
    case("a way is removed", "delete from travel_times;", EVERYBODY, given=way(20)),
]

SERVICES = [
    case(
        "a service is added",
        "insert into services (tenant_id, id, name, duration_minutes, price_cents) values ($salon, $perm, 'Perm', 90, 1);",
        {"salon"},
    ),
    case("a service is made longer", LONGER_CUT, {"salon", "ana", "ben"}),
    case(
        "a service of all tenants is made longer",
        "update services set duration_minutes = 90 where id = $cut;",
        {"salon", "ana", "ben", "rival", "rival ana"},
    ),
    case("a service's price changes", "update services set price_cents = 1 where id = $color;", {"salon", "cleo"}),
    case("a service is no longer given", "update services set active = false where id = $color;", {"salon", "cleo"}),
    case("a service that nobody gives changes", "update services set duration_minutes = 5 where id = $wax;", {"salon"}),
    case("a service is written as it is", "update services set duration_minutes = duration_minutes, name = name;"),
    case(
        "a service is deleted", "delete from services where tenant_id = $salon and id = $cut;", {"salon", "ana", "ben"}
    ),
    case(
        "a service with bookings of a stylist who no longer gives it is deleted",
        "delete from services where tenant_id = $salon and id = $cut;",
        {"salon", "ana", "ben"},
        january("cleo", 16, 17),
        given=booking("16 15:00", "16 16:00", who="cleo"),
    ),
    case("an offering is added", offering("ana", "color"), {"salon", "ana"}),
    case(
        "an offering gets a length of its own",
        "update offerings set duration_minutes = 75 where tenant_id = $salon and stylist_id = $ana;",
        {"salon", "ana"},
    ),
    case(
        "an offering gets a price of its own",
        "update offerings set price_cents = 1 where service_id = $color;",
        {"salon", "cleo"},
    ),
    case(
        "an offering passes to another stylist",
        "update offerings set stylist_id = $ben where service_id = $color;",
        {"salon", "ben", "cleo"},
    ),
    case("an offering is written as it is", "update offerings set price_cents = price_cents;"),
    case("an offering is removed", "delete from offerings where service_id = $color;", {"salon", "cleo"}),
    case("a price rule is added", price_rule(), EVERYBODY),
    case(
        "a price rule's percentage changes", "update price_rules set basis_points = 1;", EVERYBODY, given=price_rule()
    ),
    case(
        "a price rule's season changes", "update price_rules set from_on = '2030-06-01';", EVERYBODY, given=price_rule()
    ),
    case("a price rule's weekdays change", "update price_rules set weekdays = '{6,7}';", EVERYBODY, given=price_rule()),
    case(
        "two price rules change places",
        "update price_rules set position = 3 - position;",
        EVERYBODY,
        given=price_rule() + price_rule(row="second_rule", position=2),
    ),
    case("a price rule is renamed", "update price_rules set name = 'Rush';", EVERYBODY, given=price_rule()),
    case("a price rule is written as it is", "update price_rules set weekdays = weekdays;", given=price_rule()),
    case("a price rule is removed", "delete from price_rules;", EVERYBODY, given=price_rule()),
    case(
        "a price rule goes with its service",
        "delete from services where id = $wax;",
        {"salon"},
        EVERYBODY,
        given=price_rule(service="$wax"),
    ),
]

PEOPLE = [
    case("a stylist comes", DORA, {"salon", "dora"}),
    case(
        "a stylist comes with hours and an offering",
        DORA + hours("dora", "here", "rule") + offering("dora", "cut"),
        {"salon", "dora"},
    ),
    case(
        "a stylist is renamed",
        "update stylists set name = 'x' where tenant_id = $salon and id = $ana;",
        {"salon", "ana"},
    ),
    case(
        "a stylist's home changes", "update stylists set home_location_id = $annex where id = $cleo;", {"salon", "cleo"}
    ),
    case("a stylist is no longer active", "update stylists set active = false where id = $cleo;", {"salon", "cleo"}),
    case("a stylist is written as they are", "update stylists set active = active;"),
    case("a stylist goes", "delete from stylists where tenant_id = $salon and id = $ana;", {"salon", "ana"}),
    case(
        "a business comes",
        "insert into tenants (id, slug, name, timezone, currency) values ($guest, 'guest', 'Guest', 'UTC', 'EUR');",
        {"guest"},
    ),
    case("a business is renamed", "update tenants set name = 'x' where id = $salon;", {"salon"}),
    case("a business's holds last longer", "update tenants set hold_seconds = 900 where id = $rival;", {"rival"}),
    case("a business is written as it is", "update tenants set name = name;"),
    case(
        "a customer comes and is renamed",
        "insert into customers (tenant_id, name) values ($salon, 'x'); update customers set phone = '1';",
    ),
]

WISHES = [
    case("a stylist has wishes", wishes(run="240"), {"ana"}),
    case("a stylist has the wish to have none", wishes(), {"ana"}),
    case("a longest run changes", "update preferences set run_minutes_max = 90;", {"ana"}, given=wishes(run="240")),
    case("a pause changes", "update preferences set pause_minutes = 20;", {"ana"}, given=wishes(run="240")),
    case("bookings a day change", "update preferences set bookings_a_day_max = 0;", {"ana"}, given=wishes()),
    case(
        "wishes pass to another stylist",
        "update preferences set stylist_id = $ben;",
        {"ana", "ben"},
        given=wishes(most="3"),
    ),
    case(
        "the wishes of one of two change",
        "update preferences set run_minutes_max = 240;",
        {"ben"},
        given=wishes(run="240") + wishes(who="ben", run="120"),
    ),
    case("wishes are written as they are", "update preferences set pause_minutes = pause_minutes;", given=wishes()),
    case("wishes are given up", "delete from preferences;", {"ana"}, given=wishes(run="240")),
    case("a service is avoided", avoided(), {"ana"}),
    case("a service that is not given is avoided", avoided(who="ben", service="wax"), {"ben"}),
    case("a service is avoided for longer", "update avoided_services set to_minute = 800;", {"ana"}, given=avoided()),
    case("a service is avoided earlier", "update avoided_services set from_minute = 0;", {"ana"}, given=avoided()),
    case("a service is avoided on all days", "update avoided_services set weekdays = '{}';", {"ana"}, given=avoided()),
    case("another service is avoided", "update avoided_services set service_id = $wax;", {"ana"}, given=avoided()),
    case(
        "a service is avoided by another stylist",
        "update avoided_services set stylist_id = $cleo;",
        {"ana", "cleo"},
        given=avoided(),
    ),
    case("what is avoided is written as it is", "update avoided_services set weekdays = weekdays;", given=avoided()),
    case("a service is avoided no more", "delete from avoided_services;", {"ana"}, given=avoided()),
    case(
        "a service that is avoided is deleted",
        "delete from services where id = $wax;",
        {"salon", "ben"},
        given=avoided(who="ben", service="wax"),
    ),
]

CALENDARS = [
    case("calendars that are stale close days", STALE_CLOSES, {"salon", "ana", "ben"}),
    case(
        "calendars that are stale no longer close days",
        "update tenants set busy_stale_closes = false where id = $salon;",
        {"salon", "ana", "ben"},
        given=STALE_CLOSES,
    ),
    case(
        "calendars are stale later",
        "update tenants set busy_stale_seconds = 7200 where id = $salon;",
        {"salon", "ana", "ben"},
        given=STALE_CLOSES,
    ),
    case(
        "how a business is paid changes",
        "update tenants set payment_url = 'https://pay.example', payment_seconds = 600 where id = $salon;",
        {"salon"},
        given=STALE_CLOSES,
    ),
    case("a calendar that can close days is heard of", HEARD, {"ana"}, given=STALE_CLOSES),
    case("a calendar that can close days comes", calendar("cleo"), {"cleo"}, given=STALE_CLOSES),
    case(
        "a calendar that can close days goes",
        "delete from busy_sources where source = 'outlook';",
        {"ana"},
        given=STALE_CLOSES,
    ),
    case(
        "a calendar that can close days passes to another stylist",
        "update busy_sources set stylist_id = $cleo where source = 'outlook';",
        {"ana", "cleo"},
        given=STALE_CLOSES,
    ),
    case(
        "a calendar that can close days is renamed",
        "update busy_sources set source = 'exchange' where source = 'outlook';",
        {"ana"},
        given=STALE_CLOSES,
    ),
    case(
        "a calendar that can close days is written as it is",
        "update busy_sources set as_of = as_of;",
        given=STALE_CLOSES,
    ),
    case("a calendar comes where none closes days", calendar("cleo")),
    case("a calendar goes where none closes days", "delete from busy_sources where source = 'outlook';"),
    case(
        "a calendar is heard of where another business closes days",
        HEARD,
        given=STALE_CLOSES.replace("$salon", "$rival"),
    ),
]


# How a column is changed, by its type, and where that breaks a rule, by its name.
CHANGES = {
    "text": "concat({}, 'x')",
    "uuid": "gen_random_uuid()",
    "integer": "coalesce({}, 7) + 1",
    "smallint": "coalesce({}, 7) + 1",
    "bigint": "coalesce({}, 7) + 1",
    "boolean": "not {}",
    "date": "coalesce({}, '2030-01-01') + 1",
    "timestamp with time zone": "coalesce({}, '2030-01-01') + interval '1 minute'",
    "ARRAY": "{} || 7::smallint",
    "jsonb": "'[]'",
    "tenants.slug": "'other'",
    "tenants.currency": "'USD'",
    "tenants.timezone": "'UTC'",
    "tenants.payment_url": "'https://pay.example'",
    "tenants.payment_seconds": "600",
    "tenants.busy_stale_seconds": "7200",
    "locations.timezone": "'UTC'",
    "travel_times.from_location_id": "$here",
    "travel_times.to_location_id": "$shed",
    "closures.location_id": "$here",
    "stylists.home_location_id": "$annex",
    "offerings.stylist_id": "$cleo",
    "offerings.service_id": "$wax",
    "schedule_hours.stylist_id": "$cleo",
    "schedule_hours.location_id": "$annex",
    "overrides.stylist_id": "$ben",
    "overrides.location_id": "$annex",
    "override_hours.stylist_id": "$ben",
    "override_hours.on_date": "on_date - 2",
    "time_off.stylist_id": "$ben",
    "busy_sources.stylist_id": "$cleo",
    "busy_times.stylist_id": "$ben",
    "busy_times.source": "'outlook'",
    "price_rules.service_id": "$wax",
    "preferences.stylist_id": "$cleo",
    "avoided_services.stylist_id": "$cleo",
    "avoided_services.service_id": "$wax",
    "bookings.stylist_id": "$cleo",
    "bookings.service_id": "$wax",
    "bookings.location_id": "$annex",
    "bookings.status": "'COMPLETED'",
    "bookings.occupied": f"tstzrange({at('16 08:50')}, {at('16 10:20')})",
    "bookings.customer_id": "null",
}
# The row of EVERY_FACT that is changed, where there are several.
ROWS = {
    "tenants": "id = $salon",
    "locations": "id = $here",
    "services": "id = $cut",
    "stylists": "id = $cleo",
    "offerings": "stylist_id = $ana",
    "schedule_hours": "id = $row",
    "overrides": "on_date = '2030-01-23'",
    "busy_sources": "source = 'outlook'",
    "bookings": "id = $row",
}
# What can change without a slot or a list that does.
SILENT = {
    "tenants": {"created_at"},
    "closures": {"reason"},
    "overrides": {"reason"},
    "time_off": {"reason"},
    "bookings": {
        *(
            "service_id",
            "price_cents",
            "price_trace",
            "customer_id",
            "notes",
            "cancel_reason",
            "created_at",
            "ended_at",
        ),
        *("payment_required", "paid_at"),
    },
}


@pytest.mark.parametrize(
    "given, act, raises", [*BOOKINGS, *SPANS, *HOURS, *PLACES, *SERVICES, *PEOPLE, *WISHES, *CALENDARS]
)
async def test_raw_sql_raises(salon: Salon, given: str, act: str, raises: set[str]) -> None:
    await salon.run(given)
    before = await salon.versions()
    await salon.heard()

    await salon.run(act)

    raised = await salon.raised(before)
    assert set(raised) == raises
    assert await salon.heard() == raised


@pytest.mark.parametrize("table", FACT_TABLES)
async def test_truncating_raises_everything(salon: Salon, table: str) -> None:
    await salon.run(EVERY_FACT)
    before = await salon.versions()
    await salon.heard()

    await salon.run(f"truncate {table} cascade")

    raised = await salon.raised(before)
    assert set(raised) == {"salon", "rival", "rival ana", *EVERYBODY}
    assert await salon.heard() == raised


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_truncating_from_an_older_snapshot_is_refused(salon: Salon, isolation: str) -> None:
    await salon.run(EVERY_FACT)
    other = await salon.another()
    await salon.run(f"begin isolation level {isolation}; select count(*) from tenants", by=other)
    await salon.run("update bookings set status = 'CANCELLED' where id = $row")
    before = await salon.versions()
    await salon.heard()

    with pytest.raises(asyncpg.RaiseError, match="truncate bookings in a read committed transaction"):
        await salon.run("truncate bookings", by=other)
    await salon.run("commit", by=other)

    assert await salon.value("select count(*) from bookings") == 2
    assert await salon.versions() == before
    assert await salon.heard() == {}


@pytest.mark.parametrize("end", ["rollback", "rollback to savepoint start"])
async def test_what_is_rolled_back_raises_nothing_and_is_not_heard_of(salon: Salon, end: str) -> None:
    before = await salon.versions()

    await salon.run("begin; savepoint start")
    await salon.run(EVERY_FACT)
    await salon.run(LONGER_CUT)
    await salon.run("delete from stylists where tenant_id = $salon")
    await salon.run(end)
    await salon.run("commit" if "savepoint" in end else "select")

    assert await salon.versions() == before
    assert await salon.heard() == {}


async def test_what_is_committed_beside_a_savepoint_rolled_back_is_raised_alone(salon: Salon) -> None:
    before = await salon.versions()

    await salon.run("begin;" + MORNING + "savepoint start")
    await salon.run(time_off("18 09:00", "18 10:00", who="ben"))
    await salon.run("rollback to savepoint start; commit")

    raised = await salon.raised(before)
    assert set(raised) == january("ana", 16)
    assert await salon.heard() == raised


async def test_a_claim_raises_its_day_by_python_s_zone_rules_too(salon: Salon) -> None:
    # British Columbia keeps summer time from 2026 on, which one of the two may not know yet: they are an hour apart.
    day = datetime(2030, 1, 15, tzinfo=ZoneInfo("America/Vancouver")).astimezone(ZoneInfo("Europe/Berlin"))
    await salon.run("update locations set timezone = 'America/Vancouver' where tenant_id = $salon and id = $here")
    await salon.run("update services set duration_minutes = 15")
    missed = []

    for row, minutes in (("row", 0), ("second_row", 24 * 60 - 30)):
        before = await salon.versions()
        begin, end = (day + timedelta(minutes=minutes + length) for length in (0, 30))
        await salon.run(time_off(f"{begin:%d %H:%M}", f"{end:%d %H:%M}", row=row))
        if "ana 2030-01-15" not in await salon.raised(before):
            missed.append(minutes)

    assert missed == []


async def test_a_stylist_s_versions_outlive_them_and_grow_when_the_id_comes_back(salon: Salon) -> None:
    await salon.run(EVERY_FACT)
    there = await salon.versions()
    await salon.run("delete from stylists where tenant_id = $salon and id = $ana")
    gone = await salon.versions()
    await salon.heard()

    await salon.run(
        "insert into stylists (tenant_id, id, name, home_location_id) values ($salon, $ana, 'Ana', $here);"
        + offering("ana", "cut")
        + MORNING
    )

    assert gone["ana"] > there["ana"]
    assert {"ana 2030-01-16"} <= {name for name in gone if name.startswith("ana ")}
    raised = await salon.raised(gone)
    assert set(raised) == {"salon", "ana"} | january("ana", 16)
    assert await salon.heard() == raised


async def test_a_tenant_s_versions_outlive_it_raised_and_nobody_else_s_are_touched(salon: Salon) -> None:
    await salon.run(EVERY_FACT)
    before = await salon.versions()
    await salon.heard()

    await salon.run("delete from tenants where id = $salon")

    raised = await salon.raised(before)
    assert {name for name in raised if "2030" not in name} == {"salon"} | EVERYBODY
    assert [name for name in raised if name.startswith("rival")] == []
    assert await salon.heard() == raised
    assert set(before) <= set(await salon.versions())
    assert await salon.value("select count(*) from bookings where tenant_id = $salon") == 0


async def test_a_tenant_whose_id_comes_back_does_not_repeat_its_versions(salon: Salon) -> None:
    come = (
        "insert into tenants (id, slug, name, timezone, currency) values ($guest, 'guest', 'Guest', 'UTC', 'EUR');"
        "insert into locations (tenant_id, id, name, timezone) values ($guest, $here, 'Here', 'UTC');"
        "insert into stylists (tenant_id, id, name, home_location_id) values ($guest, $ana, 'Ana', $here);"
    )
    await salon.run(come)
    first = await salon.versions()

    await salon.run("delete from tenants where id = $guest")
    await salon.run(come)

    second = await salon.versions()
    assert second["guest"] > first["guest"]
    assert second["guest ana"] > first["guest ana"]


async def test_a_place_with_everything_on_it_is_given_up(salon: Salon) -> None:
    await salon.run(EVERY_FACT)
    await salon.run(booking("18 09:00", "18 10:00", who="cleo", row="third_row"))
    before = await salon.versions()
    await salon.heard()

    await salon.run("delete from locations where tenant_id = $salon and id = $here")

    raised = await salon.raised(before)
    assert {name for name in raised if "2030" not in name} == {"salon"} | EVERYBODY
    assert await salon.heard() == raised
    assert await salon.value("select count(*) from bookings where tenant_id = $salon") == 0


async def test_two_thousand_bookings_of_two_years_are_told_in_small_payloads(salon: Salon) -> None:
    # The longest version there can be, on every day.
    await salon.run(
        "insert into day_versions select $salon, $ana, date '2030-01-01' + n, 9000000000000000000"
        " from generate_series(-1, 740) n"
    )
    before = await salon.versions()
    await salon.heard()

    await salon.run(
        "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)"
        " select $salon, $ana, $cut, $here, 'CONFIRMED', s, s + interval '1 hour', tstzrange(s, s + interval '1 hour'), 4000"
        f"  from (select {at('01 08:00')} + n * interval '8 hours 45 minutes' as s from generate_series(0, 1999) n) starts"
    )

    raised = await salon.raised(before)
    assert set(raised) == dates("ana", "2030-01-01", "2031-12-31")
    assert await salon.heard() == raised


async def test_every_table_that_feeds_availability_has_triggers_for_every_change(salon: Salon) -> None:
    rows = await salon.ear.fetch(
        "select c.relname, coalesce(bit_or(t.tgtype::integer) filter (where t.tgenabled <> 'D'), 0) as kinds"
        "  from pg_class c left join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal"
        "                  and t.tgname !~ '_upkeep_'"  # those keep summaries, and raise nothing
        " where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and (c.relname = 'tenants'"
        "       or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'))"
        " group by c.relname"
    )

    insert, delete, update, truncate = 4, 8, 16, 32  # pg_trigger.tgtype
    kinds = {row["relname"]: row["kinds"] & (insert | delete | update | truncate) for row in rows}
    facts, others = dict.fromkeys(FACT_TABLES, insert | delete | update | truncate), dict.fromkeys(OTHER_TABLES, 0)
    assert kinds == facts | others | {"waitlist_offers": insert | delete}


@pytest.mark.parametrize("table", FACT_TABLES)
async def test_every_column_raises_but_those_known_to_change_nothing(salon: Salon, table: str) -> None:
    await salon.run(EVERY_FACT)
    columns = await salon.ear.fetch(
        "select column_name as name, data_type as type from information_schema.columns"
        " where table_schema = 'public' and table_name = $1 and column_name not in ('tenant_id', 'id')",
        table,
    )
    before = await salon.versions()
    tenant = "" if table == "tenants" else "tenant_id = $salon and "

    silent = set()
    for name, kind in columns:
        change = CHANGES.get(f"{table}.{name}", CHANGES.get(kind, "")).replace("{}", name)
        await salon.run("begin")
        await salon.run(f"update {table} set {name} = {change} where {tenant}{ROWS.get(table, 'true')}")
        if await salon.versions(by=salon.sql) == before:
            silent.add(name)
        await salon.run("rollback")

    assert silent == SILENT.get(table, set())


def race(told: str, first: str, second: str, *raises: set[str], before: str = "") -> Any:
    """What one program has done and not committed, what another does then, and the keys that the second one raises."""
    return pytest.param(before, first, second, set().union(*raises), id=told)


DORA_WORKS = DORA + hours("dora", "here", "rule") + offering("dora", "cut")
AFTERNOON = booking("16 15:00", "16 16:00")
EARLY = booking("16 03:30", "16 04:30")
RACES = [
    race("a booking, then its service is made longer", MORNING, LONGER_CUT, {"salon", "ana", "ben"}),
    race("a service is made longer, then an early booking", LONGER_CUT, EARLY, january("ana", 15, 16)),
    race("a service is made longer, then others offer it", LONGER_CUT, offering("cleo", "cut"), {"salon", "cleo"}),
    race(
        "a service is offered by others, then made longer",
        offering("cleo", "cut"),
        LONGER_CUT,
        {"salon", "ana", "ben", "cleo"},
    ),
    race(
        "a longer service is offered, then an early booking",
        offering("ana", "color", minutes="240"),
        EARLY,
        january("ana", 15, 16),
    ),
    race("a way is added, then a late booking", way(120), EVENING, january("ana", 16, 17)),
    race("a closure, then a new stylist of that place", closure(16), DORA_WORKS, {"salon", "dora"}),
    race("a new stylist, then a closure of their place", DORA_WORKS, closure(16), EVERYBODY, {"dora"}),
    race("a closure, then hours at that place", closure(17, "far"), hours("ana", "far", "rule"), {"salon", "ana"}),
    race("hours at a place, then its closure", hours("ana", "far", "rule"), closure(17, "far"), {"ana", "cleo"}),
    race("an override at a place, then its closure", override(17, location="far"), closure(17, "far"), {"ana", "cleo"}),
    race("hours at a place, then its zone", hours("ana", "far", "rule"), FAR_MOVES, {"salon", "ana", "cleo"}),
    race("an override at a place, then its zone", override(17, location="far"), FAR_MOVES, {"salon", "ana", "cleo"}),
    race("a new stylist, then a price rule", DORA_WORKS, price_rule(), EVERYBODY, {"dora"}),
    race("a new stylist, then a way", DORA_WORKS, way(20), EVERYBODY, {"dora"}),
    race(
        "an override in another zone, then a booking", override(30, location="far"), AFTERNOON, january("ana", 16, 17)
    ),
    race(
        "a booking, then an override in another zone",
        AFTERNOON,
        override(16, location="far"),
        {"salon"},
        january("ana", 14, 15, 16, 17, 18),
    ),
    race(
        "hours in another zone, then time off",
        hours("ana", "far", "rule"),
        time_off("16 15:00", "16 16:00"),
        january("ana", 16, 17),
    ),
    race(
        "a home in another zone, then an appointment",
        "update stylists set home_location_id = $far where tenant_id = $salon and id = $ana;",
        busy("16 15:00", "16 16:00"),
        january("ana", 16, 17),
    ),
    race("two bookings of one day", MORNING, booking("16 11:00", "16 12:00", row="second_row"), january("ana", 16)),
    race(
        "a booking is moved, then moved on",
        move("18 09:00", "18 10:00"),
        move("20 09:00", "20 10:00"),
        january("ana", 18, 20),
        before=MORNING,
    ),
    race(
        "a booking is moved, then cancelled",
        move("18 09:00", "18 10:00"),
        "update bookings set status = 'CANCELLED';",
        january("ana", 18),
        before=MORNING,
    ),
    race(
        "a booking is moved, then deleted",
        move("18 09:00", "18 10:00"),
        "delete from bookings;",
        january("ana", 18),
        before=MORNING,
    ),
    race("a stretch of work may be longer, then an early booking", wishes(run="240"), EARLY, january("ana", 15, 16)),
    race("an early booking, then a stretch of work may be longer", EARLY, wishes(run="240"), {"ana"}),
    race("stale calendars close days, then one is heard of", STALE_CLOSES, HEARD, {"ana"}),
    race("stale calendars close days, then one comes", STALE_CLOSES, calendar("cleo"), {"cleo"}),
    race(
        "a calendar comes, then stale ones close days",
        calendar("cleo"),
        STALE_CLOSES,
        {"salon", *EVERYBODY},
    ),
    race("a table is emptied, then a booking", "truncate bookings;", MORNING, january("ana", 16), before=MORNING),
    race(
        "calendars are heard of, then stale ones close days",
        "update busy_sources set as_of = now();",
        "update tenants set busy_stale_seconds = 60, busy_stale_closes = true where id = $salon;",
        {"salon", "ana", "ben"},
    ),
]


@pytest.mark.parametrize("before, first, second, raises", RACES)
async def test_a_change_waits_for_the_one_before_and_raises_what_it_then_sees(
    salon: Salon, before: str, first: str, second: str, raises: set[str]
) -> None:
    one, other = await salon.another(), await salon.another()
    await salon.run(before)
    await salon.run("begin;" + first, by=one)
    await salon.run("begin", by=other)

    work = asyncio.create_task(salon.run(second, by=other))
    waited = await salon.waits(other, work, on=one)
    await salon.run("commit", by=one)
    await work
    between = await salon.versions()
    await salon.run("commit", by=other)

    assert waited
    assert set(await salon.raised(between)) == raises


SNAPSHOTS = [
    race("a service is made longer, then an early booking", LONGER_CUT, EARLY),
    race("a service is offered by others, then made longer", offering("cleo", "cut"), LONGER_CUT),
    race("hours at a place, then its closure", hours("ana", "far", "rule"), closure(17, "far")),
    race("a new stylist, then a price rule", DORA_WORKS, price_rule()),
    race("an override in another zone, then a booking", override(16, location="far"), AFTERNOON),
    race("a stretch of work may be longer, then an early booking", wishes(run="240"), EARLY),
    race("stale calendars close days, then one comes", STALE_CLOSES, calendar("cleo")),
    race(
        "a booking is moved, then moved on", move("18 09:00", "18 10:00"), move("20 09:00", "20 10:00"), before=MORNING
    ),
]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize("before, first, second, raises", SNAPSHOTS)
async def test_a_change_whose_snapshot_is_older_than_the_one_before_is_refused(
    salon: Salon, before: str, first: str, second: str, raises: set[str], isolation: str
) -> None:
    await salon.run(before)
    other = await salon.another()
    await salon.run(f"begin isolation level {isolation}; select count(*) from tenants", by=other)
    await salon.run(first)

    with pytest.raises(asyncpg.SerializationError):
        await salon.run(second, by=other)

    assert raises == set()


async def test_two_long_times_off_of_one_stylist_do_not_deadlock(salon: Salon) -> None:
    holder, *others = [await salon.another() for _ in range(3)]
    year = time_off("2031-01-01 00:00", "2032-01-01 00:00")
    await salon.run("begin;" + MORNING, by=holder)

    work = [
        asyncio.create_task(salon.run(year.replace("$row", f"${row}"), by=other))
        for other, row in zip(others, ("second_row", "third_row"), strict=True)
    ]
    for other, task in zip(others, work, strict=True):
        assert await salon.waits(other, task)
    await salon.run("commit", by=holder)

    assert await asyncio.gather(*work, return_exceptions=True) == [None, None]


STORM_PROGRAMS = 8
STORM_S = 2.5


async def test_claims_of_eight_programs_that_lock_their_days_neither_deadlock_nor_overlap(salon: Salon) -> None:
    dice = random.Random(16)
    outcomes: Counter[str] = Counter()

    async def claim(connection: Any) -> None:
        # Around midnight, so that a claim raises one day or two; most are given back, so that there is always room.
        who, minutes = dice.choice(("$ana", "$ben", "$cleo")), dice.choice((30, 60, 240))
        begin = f"{at('16 21:00')} + interval '{15 * dice.randrange(24)} minutes'"
        end = f"{begin} + interval '{minutes} minutes'"
        lock = f"select lock_days($salon, {who}, {begin}, {end});"
        await salon.run("begin;" + lock, by=connection)
        await salon.run(
            "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied,"
            f" price_cents) values ($salon, {who}, $cut, $here, 'CONFIRMED', {begin}, {end}, tstzrange({begin}, {end}), 1);"
            "commit",
            by=connection,
        )
        outcomes["claimed"] += 1
        if dice.random() < 0.99:
            await salon.run("begin;" + lock, by=connection)
            await salon.run(
                f"delete from bookings where stylist_id = {who} and starts_at = {begin}; commit", by=connection
            )
            outcomes["given back"] += 1

    async def program() -> None:
        connection = await salon.another()
        await connection.execute("set deadlock_timeout = '20ms'")
        until = asyncio.get_running_loop().time() + STORM_S
        while asyncio.get_running_loop().time() < until:
            try:
                await claim(connection)
            except asyncpg.PostgresError as error:
                outcomes[type(error).__name__] += 1
                await connection.execute("rollback")

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as programs:
        for _ in range(STORM_PROGRAMS):
            programs.create_task(program())

    assert set(outcomes) == {"claimed", "given back", "ExclusionViolationError"}
    assert await salon.value("select count(*) from bookings") == outcomes["claimed"] - outcomes["given back"]
    overlaps = (
        "select count(*) from bookings a join bookings b"
        " on a.id < b.id and a.stylist_id = b.stylist_id and a.occupied && b.occupied"
    )
    assert await salon.value(overlaps) == 0
