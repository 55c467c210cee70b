"""What the database itself refuses, by the names that db/ turns into refusals, and the shape that every table keeps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from db import migrate

if TYPE_CHECKING:
    from tests.db.conftest import Salon

NINE, TEN, ELEVEN, TWELVE = (f"timestamptz '2030-01-16 {hour:02}:00Z'" for hour in (9, 10, 11, 12))
LIVE = ("HELD", "CONFIRMED", "COMPLETED", "NO_SHOW")
OVER = ("CANCELLED", "RELEASED")


def insert(table: str, **columns: str) -> str:
    """A row of the salon's, its columns as SQL."""
    columns = columns if table == "tenants" else {"tenant_id": "$salon"} | columns
    return f"insert into {table} ({', '.join(columns)}) values ({', '.join(columns.values())});"


def booking(starts: str = NINE, ends: str = TEN, occupied: str | None = None, **columns: str) -> str:
    """Ana's claim, occupied for just its span unless said."""
    given = {
        "stylist_id": "$ana",
        "service_id": "$cut",
        "location_id": "$here",
        "status": "'CONFIRMED'",
        "starts_at": starts,
        "ends_at": ends,
        "occupied": occupied or f"tstzrange({starts}, {ends})",
        "price_cents": "4000",
        "expires_at": "'2031-01-01'",
    }
    return insert("bookings", **given | columns)


def service(**columns: str) -> str:
    return insert("services", **{"name": "'Perm'", "duration_minutes": "60", "price_cents": "1"} | columns)


def tenant(**columns: str) -> str:
    given = {"slug": "'guest'", "name": "'Guest'", "timezone": "'UTC'", "currency": "'EUR'"}
    return insert("tenants", **given | columns)


def hours(**columns: str) -> str:
    given = {"stylist_id": "$ana", "location_id": "$here", "weekday": "1", "starts_minute": "540", "ends_minute": "600"}
    return insert("schedule_hours", **given | columns)


def override_hours(**columns: str) -> str:
    override = insert("overrides", stylist_id="$ana", on_date="'2030-01-16'", location_id="$here")
    given = {"stylist_id": "$ana", "on_date": "'2030-01-16'", "starts_minute": "540", "ends_minute": "600"}
    return override + insert("override_hours", **given | columns)


def offering(**columns: str) -> str:
    return insert("offerings", **{"stylist_id": "$ana", "service_id": "$wax"} | columns)


def time_off(**columns: str) -> str:
    return insert("time_off", **{"stylist_id": "$ana", "starts_at": NINE, "ends_at": TEN} | columns)


def busy_time(**columns: str) -> str:
    given = {"stylist_id": "$ana", "source": "'google'", "starts_at": NINE, "ends_at": TEN}
    return insert("busy_times", **given | columns)


def busy_source(**columns: str) -> str:
    return insert("busy_sources", **{"stylist_id": "$cleo", "source": "'google'"} | columns)


def waits(**columns: str) -> str:
    given = {"holder": "'session:one'", "service_id": "$cut", "customer_id": "$client"}
    return insert("waitlist", **given | {"from_on": "'2030-01-16'", "until_on": "'2030-01-16'"} | columns)


def offered(**columns: str) -> str:
    given = {"entry_id": "$row", "hold_id": "$row", "stylist_id": "$ana", "starts_at": "'2030-01-16 09:00'"}
    return insert("waitlist_offers", **given | columns)


def hook(**columns: str) -> str:
    return insert("webhooks", **{"id": "$row", "url": "'https://example.org'", "secret": "'whsec_AAAA'"} | columns)


def preferences(**columns: str) -> str:
    return insert("preferences", **{"stylist_id": "$ana"} | columns)


def avoided(**columns: str) -> str:
    given = {"stylist_id": "$ana", "service_id": "$cut", "from_minute": "0", "to_minute": "1440"}
    return insert("avoided_services", **given | columns)


def price_rule(**columns: str) -> str:
    return insert("price_rules", **{"position": "1", "name": "'Rush'", "basis_points": "2000"} | columns)


def way(**columns: str) -> str:
    given = {"from_location_id": "$here", "to_location_id": "$annex", "minutes": "5"}
    return insert("travel_times", **given | columns)


def occupied(first: str, last: str, bounds: str = "[)") -> str:
    return booking(occupied=f"tstzrange({first}, {last}, '{bounds}')")


def override(on_date: str) -> str:
    return insert("overrides", stylist_id="$ana", on_date=on_date, location_id="$here")


def closure(closed_on: str) -> str:
    return insert("closures", location_id="$here", closed_on=closed_on)


def refused(told: str, statement: str) -> Any:
    """A row of the tables below."""
    return pytest.param(statement, id=told)


# Dates and instants that Python cannot read, each as SQL.
NO_DATES = {
    "since ever": "'-infinity'",
    "since Caesar": "'0044-03-15 BC'",
    "of the year 10000": "'10000-01-01'",
    "for ever": "'infinity'",
}
# Those and the nearest beyond the years that a salon lives in.
NOT_OUR_DATES = NO_DATES | {"of 1899": "'1899-12-31'", "of 3000": "'3000-01-01'"}

# By constraint: what it refuses. Every check, unique and exclusion constraint is here or in UNKNOWN_ZONES.
REFUSED: dict[str, list[Any]] = {
    "waitlist_status_known": [refused("an entry in no known state", waits(status="'GONE'"))],
    "waitlist_dates_order": [refused("a wait that ends before it begins", waits(until_on="'2030-01-15'"))],
    "waitlist_dates_range": [
        refused("a wait since another age", waits(from_on="'1899-12-31'")),
        refused("a wait for ever", waits(until_on="'infinity'")),
    ],
    "waitlist_stylists_max": [
        refused("a wait for 201 stylists", waits(stylist_ids="array_fill($ana::uuid, array[201])")),
    ],
    "waitlist_times_pairs": [
        refused("a time of the day without an end", waits(times_from="'{540}'")),
        refused(
            "25 times of the day", waits(times_from="array_fill(1, array[25])", times_until="array_fill(2, array[25])")
        ),
    ],
    "waitlist_offers_outcome_known": [
        refused("an offer of no known outcome", waits(id="$row") + offered(outcome="'LOST'")),
    ],
    "waitlist_offers_open_idx": [
        refused("two open offers to one", waits(id="$row") + offered() + offered(hold_id="gen_random_uuid()")),
    ],
    "webhooks_url_shape": [
        refused("an endpoint of no address", hook(url="'ftp://example.org'")),
        refused("an endpoint's address with a space", hook(url="'https://example.org/ x'")),
        refused("an endpoint's address of 2001 letters", hook(url="'https://' || repeat('a', 1993)")),
    ],
    "webhooks_secret_shape": [refused("a secret of no known form", hook(secret="'secret'"))],
    "webhooks_events_known": [refused("an event that there is not", hook(events="'{booking.lost}'"))],
    "outbox_state_known": [
        refused(
            "a delivery in no known state",
            hook() + insert("outbox", webhook_id="$row", booking_id="$row", event="'x'", body="'{}'", state="'LOST'"),
        ),
    ],
    "tenants_slug_key": [refused("a slug that another tenant has", tenant(slug="'salon'"))],
    "tenants_slug_shape": [
        refused("a slug in capitals", tenant(slug="'Guest'")),
        refused("an empty slug", tenant(slug="''")),
        refused("a slug that ends in a hyphen", tenant(slug="'guest-'")),
        refused("a slug of 64 letters", tenant(slug="repeat('a', 64)")),
        refused("a slug of two lines", tenant(slug=r"E'guest\nx'")),
    ],
    "tenants_name_given": [refused("a tenant without a name", tenant(name="''"))],
    "tenants_currency_shape": [refused("a currency in small letters", tenant(currency="'eur'"))],
    "tenants_hold_seconds_range": [
        refused("holds of no time", tenant(hold_seconds="0")),
        refused("holds of more than a day", tenant(hold_seconds="86401")),
    ],
    "tenants_payment_url_shape": [
        refused("a payment page that is not encrypted", tenant(payment_url="'http://pay.example/{booking}'")),
        refused("a payment page of no address", tenant(payment_url="'https://'")),
        refused("a payment page with a space", tenant(payment_url="'https://pay.example/ {booking}'")),
        refused("a payment page of two lines", tenant(payment_url=r"E'https://pay.example\nx'")),
        refused("a payment page after something else", tenant(payment_url="'see https://pay.example'")),
        refused("a payment page of 2001 letters", tenant(payment_url="'https://' || repeat('a', 1993)")),
    ],
    "tenants_payment_seconds_range": [
        refused("less than a minute to pay", tenant(payment_seconds="59")),
        refused("more than thirty days to pay", tenant(payment_seconds="2592001")),
    ],
    "tenants_busy_stale_seconds_range": [
        refused("calendars that are stale within a minute", tenant(busy_stale_seconds="59")),
        refused("calendars that are stale after more than a year", tenant(busy_stale_seconds="31536001")),
    ],
    "locations_name_given": [
        refused("a place without a name", insert("locations", name="''", timezone="'UTC'")),
    ],
    "travel_times_ordered": [
        refused("a way from the greater id", way(from_location_id="$annex", to_location_id="$here")),
        refused("a way from a place to itself", way(to_location_id="$here")),
    ],
    "travel_times_minutes_range": [
        refused("a way of less than no time", way(minutes="-1")),
        refused("a way of more than a day", way(minutes="1441")),
    ],
    "services_name_given": [refused("a service without a name", service(name="''"))],
    "services_duration_range": [
        refused("a service of no time", service(duration_minutes="0")),
        refused("a service of more than a day", service(duration_minutes="1441")),
    ],
    "services_interval_range": [
        refused("starts no time apart", service(slot_interval_minutes="0")),
        refused("starts more than a day apart", service(slot_interval_minutes="1441")),
    ],
    "services_buffer_before_range": [
        refused("a buffer before of less than no time", service(buffer_before_minutes="-1")),
        refused("a buffer before of more than half a day", service(buffer_before_minutes="721")),
    ],
    "services_buffer_after_range": [
        refused("a buffer after of less than no time", service(buffer_after_minutes="-1")),
        refused("a buffer after of more than half a day", service(buffer_after_minutes="721")),
    ],
    "services_price_range": [
        refused("a service's price below nothing", service(price_cents="-1")),
        refused("a service's price beyond an Int", service(price_cents="2000000001")),
    ],
    "services_min_notice_range": [
        refused("a notice of less than no time", service(min_notice_minutes="-1")),
        refused("a notice of more than a year", service(min_notice_minutes="527041")),
    ],
    "services_horizon_range": [
        refused("a horizon in the past", service(horizon_days="-1")),
        refused("a horizon beyond ten years", service(horizon_days="3661")),
    ],
    "stylists_name_given": [
        refused("a stylist without a name", insert("stylists", name="''", home_location_id="$here")),
    ],
    "offerings_duration_range": [
        refused("an offering of no time", offering(duration_minutes="0")),
        refused("an offering of more than a day", offering(duration_minutes="1441")),
    ],
    "offerings_price_range": [
        refused("an offering's price below nothing", offering(price_cents="-1")),
        refused("an offering's price beyond an Int", offering(price_cents="2000000001")),
    ],
    "schedule_hours_weekday_range": [
        refused("hours on weekday 0", hours(weekday="0")),
        refused("hours on weekday 8", hours(weekday="8")),
    ],
    "schedule_hours_starts_range": [
        refused("hours from before the day", hours(starts_minute="-1")),
        refused("hours from the day after", hours(starts_minute="1440", ends_minute="1500")),
    ],
    "schedule_hours_ends_range": [
        refused("hours that end as they start", hours(ends_minute="540")),
        refused("hours of more than a day", hours(ends_minute="1981")),
    ],
    "schedule_hours_season_order": [
        refused("a season that ends before it starts", hours(valid_from="'2030-01-02'", valid_until="'2030-01-01'")),
    ],
    "schedule_hours_from_range": [
        refused(f"hours from a day {told}", hours(valid_from=d)) for told, d in NO_DATES.items()
    ],
    "schedule_hours_until_range": [
        refused(f"hours until a day {told}", hours(valid_until=d)) for told, d in NO_DATES.items()
    ],
    "closures_closed_on_range": [refused(f"a closure {told}", closure(d)) for told, d in NOT_OUR_DATES.items()],
    "overrides_on_date_range": [refused(f"an override {told}", override(d)) for told, d in NOT_OUR_DATES.items()],
    "override_hours_starts_range": [
        refused("a date's hours from before it", override_hours(starts_minute="-1")),
        refused("a date's hours from the day after", override_hours(starts_minute="1440", ends_minute="1500")),
    ],
    "override_hours_ends_range": [
        refused("a date's hours that end as they start", override_hours(ends_minute="540")),
        refused("a date's hours of more than a day", override_hours(ends_minute="1981")),
    ],
    "time_off_span_order": [
        refused("time off of no time", time_off(ends_at=NINE)),
        refused("time off that ends before it starts", time_off(starts_at=ELEVEN)),
        refused("time off for ever", time_off(ends_at="'infinity'")),
        refused("time off since ever", time_off(starts_at="'-infinity'")),
        refused("time off from 1899", time_off(starts_at="'1899-12-31 23:59:59Z'")),
        refused("time off into 3000", time_off(ends_at="'3000-01-01 00:00:01Z'")),
        refused("time off until the year 10000", time_off(ends_at="'10000-01-01'")),
    ],
    "busy_sources_source_given": [
        refused("a calendar without a name", insert("busy_sources", stylist_id="$ana", source="''")),
    ],
    "busy_sources_as_of_range": [
        refused(f"a calendar heard of on a day {told}", busy_source(as_of=d))
        for told, d in NOT_OUR_DATES.items()
        if told != "of 3000"
    ]
    + [refused("a calendar heard of after 2999", busy_source(as_of="'3000-01-01 00:00:01Z'"))],
    "preferences_run_range": [
        refused("a longest run of no time", preferences(run_minutes_max="0")),
        refused("a longest run of more than half a day", preferences(run_minutes_max="721")),
    ],
    "preferences_pause_range": [
        refused("a pause of no time", preferences(pause_minutes="0")),
        refused("a pause of more than four hours", preferences(pause_minutes="241")),
    ],
    "preferences_bookings_range": [
        refused("less than no bookings a day", preferences(bookings_a_day_max="-1")),
        refused("more than two hundred bookings a day", preferences(bookings_a_day_max="201")),
    ],
    "avoided_services_weekdays_range": [
        refused("a service avoided on weekday 0", avoided(weekdays="'{0}'")),
        refused("a service avoided on weekday 8", avoided(weekdays="'{7,8}'")),
        refused("a service avoided on no weekday known", avoided(weekdays="'{1,null}'")),
    ],
    "avoided_services_from_range": [
        refused("a service avoided from before the day", avoided(from_minute="-1")),
        refused("a service avoided from the day after", avoided(from_minute="1440")),
    ],
    "avoided_services_to_range": [
        refused("a service avoided until before the day", avoided(to_minute="-1")),
        refused("a service avoided until the day after", avoided(to_minute="1441")),
    ],
    "busy_times_span_order": [
        refused("an appointment of no time", busy_time(ends_at=NINE)),
        refused("an appointment for ever", busy_time(ends_at="'infinity'")),
        refused("an appointment since ever", busy_time(starts_at="'-infinity'")),
        refused("an appointment from 1899", busy_time(starts_at="'1899-12-31 23:59:59Z'")),
        refused("an appointment into 3000", busy_time(ends_at="'3000-01-01 00:00:01Z'")),
        refused("an appointment since Caesar", busy_time(starts_at="'0044-03-15 BC'")),
    ],
    "price_rules_position_key": [
        refused("two rules at one position", "set constraints all immediate;" + price_rule() + price_rule()),
    ],
    "price_rules_name_given": [refused("a rule without a name", price_rule(name="''"))],
    "price_rules_percent_range": [
        refused("a rule that takes more than all", price_rule(basis_points="-10001")),
        refused("a rule that adds more than tenfold", price_rule(basis_points="100001")),
    ],
    "price_rules_weekdays_range": [
        refused("a rule on weekday 0", price_rule(weekdays="'{0}'")),
        refused("a rule on no weekday known", price_rule(weekdays="'{1,null}'")),
    ],
    "price_rules_from_range": [refused("a rule from the day after", price_rule(from_minute="1440"))],
    "price_rules_to_range": [refused("a rule until the day after", price_rule(to_minute="1441"))],
    "price_rules_season_order": [
        refused("a rule that ends before it starts", price_rule(from_on="'2030-01-02'", until_on="'2030-01-01'")),
    ],
    "price_rules_from_on_range": [
        refused(f"a rule from a day {told}", price_rule(from_on=d)) for told, d in NO_DATES.items()
    ],
    "price_rules_until_on_range": [
        refused(f"a rule until a day {told}", price_rule(until_on=d)) for told, d in NO_DATES.items()
    ],
    "customers_name_given": [refused("a customer without a name", insert("customers", name="''"))],
    "customers_identity_key": [
        refused("the same contact from the same caller", insert("customers", name="'Client'")),
    ],
    "bookings_status_known": [refused("an unknown status", booking(status="'PENDING'"))],
    "bookings_span_order": [
        refused("a booking of no time", booking(NINE, NINE, f"tstzrange({NINE}, {TEN})")),
        refused("a booking that ends before it starts", booking(TEN, NINE, f"tstzrange({NINE}, {TWELVE})")),
    ],
    "bookings_span_range": [
        refused("a booking from 1899", booking("timestamptz '1899-12-31 23:59Z'", "timestamptz '1900-01-01 00:59Z'")),
        refused("a booking into 3000", booking("timestamptz '2999-12-31 23:01Z'", "timestamptz '3000-01-01 00:01Z'")),
    ],
    "bookings_length_max": [
        refused("a booking of more than a day", booking(NINE, f"{NINE} + interval '24 hours 1 minute'")),
    ],
    "bookings_occupied_covers": [
        refused("an empty occupied range", booking(occupied="'empty'")),
        refused("a range that is empty by its bounds", occupied(NINE, NINE)),
        refused("a range that starts after the booking", occupied(f"{NINE} + interval '1 minute'", TEN)),
        refused("a range that ends before the booking", occupied(NINE, f"{TEN} - interval '1 minute'")),
        refused("a range beside the booking", occupied(ELEVEN, TWELVE)),
        refused("a range with its end", occupied(NINE, TEN, "[]")),
        refused("a range without its start", occupied(f"{NINE} - interval '1 minute'", TEN, "()")),
        refused("a range without a start", occupied("null", TEN)),
        refused("a range without an end", occupied(NINE, "null")),
        refused("a range without either", occupied("null", "null", "()")),
    ],
    "bookings_buffers_max": [
        refused("a buffer before of more than half a day", occupied(f"{NINE} - interval '12 hours 1 second'", TEN)),
        refused("a buffer after of more than half a day", occupied(NINE, f"{TEN} + interval '12 hours 1 second'")),
        refused("a range from minus infinity", occupied("'-infinity'", TEN)),
        refused("a range to infinity", occupied(NINE, "'infinity'")),
    ],
    "nights_days_prepared_range": [
        refused(
            "fewer days than none",
            "insert into nights (tenant_id, on_date, days_prepared) values ($salon, '2030-01-16', -1)",
        ),
    ],
    "asked_weekday_range": [
        refused("an eighth weekday", "insert into asked values ($salon, 8, $ana, 0, 1, '2030-01-16')"),
    ],
    "asked_ahead_range": [
        refused("a day that is over", "insert into asked values ($salon, 1, $ana, -1, 1, '2030-01-16')"),
    ],
    "summaries_recent_list": [
        refused("what happened lately as an object", "insert into summaries values ($salon, 'customer:x', 0, '{}')"),
    ],
    "offers_times_range": [
        refused(
            "an answer given no times",
            "insert into offers (tenant_id, at, lists, times) values ($salon, now(), '{}', 0)",
        ),
    ],
    "demand_empty_range": [
        refused("more without anything free than asked", "insert into demand values ($salon, now(), $cut, 1, 2)"),
        refused("fewer than none", "insert into demand values ($salon, now(), $cut, 1, -1)"),
    ],
    "calendar_feeds_hash_length": [
        refused("a token as it is", "insert into calendar_feeds values ($salon, $ana, 'a token')"),
    ],
    "bookings_hold_expires": [
        refused("a hold without an expiry", booking(status="'HELD'", expires_at="null")),
    ],
    "bookings_expires_range": [
        refused(f"a hold that expires on a day {told}", booking(status="'HELD'", expires_at=d))
        for told, d in NOT_OUR_DATES.items()
        if told != "of 3000"
    ]
    + [refused("a hold that expires after 2999", booking(status="'HELD'", expires_at="'3000-01-01 00:00:01Z'"))],
    "bookings_payment_due_range": [
        refused(f"a booking to be paid for by a day {told}", booking(payment_due_at=d))
        for told, d in NOT_OUR_DATES.items()
        if told != "of 3000"
    ]
    + [refused("a booking to be paid for after 2999", booking(payment_due_at="'3000-01-01 00:00:01Z'"))],
    "bookings_price_range": [refused("a booking's price below nothing", booking(price_cents="-1"))],
    "bookings_no_overlap": [
        refused("the same span twice", booking() + booking()),
        refused("a span inside another", booking(NINE, TWELVE) + booking(TEN, ELEVEN)),
        refused("a span around another", booking(TEN, ELEVEN) + booking(NINE, TWELVE)),
        refused("buffers that overlap", booking(NINE, TEN) + booking(ELEVEN, TWELVE, f"tstzrange({NINE}, {TWELVE})")),
        refused("two of one statement", booking().rstrip(";") + ", " + booking().split("values ")[1]),
        refused(
            "one passed to a stylist who is taken",
            booking() + booking(stylist_id="$ben") + "update bookings set stylist_id = $ana where stylist_id = $ben;",
        ),
        refused(
            "a cancelled one that comes back",
            booking() + booking(status="'CANCELLED'") + "update bookings set status = 'CONFIRMED';",
        ),
    ],
}


# Postgres raises an error of its own while it checks these, with no constraint's name.
UNKNOWN_ZONES: dict[str, list[Any]] = {
    "tenants_timezone_known": [
        refused("a tenant in no zone", tenant(timezone="'Nonsense'")),
        refused("a tenant that moves to no zone", "update tenants set timezone = 'Nonsense';"),
    ],
    "locations_timezone_known": [
        refused("a place in no zone", insert("locations", name="'Moon'", timezone="'Nonsense'")),
        refused("a place that moves to no zone", "update locations set timezone = 'Nonsense';"),
    ],
}


@pytest.mark.parametrize(
    "constraint, statement",
    [pytest.param(name, *row.values, id=row.id) for name, rows in REFUSED.items() for row in rows],
)
async def test_is_refused(salon: Salon, constraint: str, statement: str) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refusal:
        await salon.run(statement)

    assert refusal.value.constraint_name == constraint


async def test_every_check_unique_and_exclusion_constraint_is_tried(salon: Salon) -> None:
    rows = await salon.ear.fetch(
        "select conname as name from pg_constraint where connamespace = 'public'::regnamespace and contype in ('c', 'u', 'x')"
        " union select indexrelid::regclass::text from pg_index join pg_class on oid = indrelid"
        "  where indisunique and not indisprimary and relnamespace = 'public'::regnamespace"
    )

    assert {row["name"] for row in rows} == set(REFUSED) | set(UNKNOWN_ZONES)


@pytest.mark.parametrize("statement", [row for rows in UNKNOWN_ZONES.values() for row in rows])
async def test_an_unknown_zone_is_refused(salon: Salon, statement: str) -> None:
    with pytest.raises(asyncpg.InvalidParameterValueError, match='time zone "Nonsense" not recognized'):
        await salon.run(statement)


@pytest.mark.parametrize("second", LIVE)
@pytest.mark.parametrize("first", LIVE)
async def test_live_claims_exclude_each_other(salon: Salon, first: str, second: str) -> None:
    await salon.run(booking(status=f"'{first}'"))

    with pytest.raises(asyncpg.ExclusionViolationError) as refusal:
        await salon.run(booking(status=f"'{second}'"))

    assert refusal.value.constraint_name == "bookings_no_overlap"


def allowed(told: str, statement: str) -> Any:
    return pytest.param(statement, id=told)


ALLOWED = [
    *(
        allowed(f"{old} and then {new}", booking(status=f"'{old}'") + booking(status=f"'{new}'"))
        for old in OVER
        for new in LIVE
    ),
    *(
        allowed(f"{old} and then {new}", booking(status=f"'{old}'") + booking(status=f"'{new}'"))
        for old in LIVE
        for new in OVER
    ),
    allowed("a cancelled one makes room", booking() + "update bookings set status = 'CANCELLED';" + booking()),
    allowed("touching spans", booking(NINE, TEN) + booking(TEN, ELEVEN)),
    allowed(
        "touching buffers",
        booking(NINE, TEN, f"tstzrange({NINE}, {ELEVEN})")
        + booking(TWELVE, f"{TWELVE} + interval '1 hour'", f"tstzrange({ELEVEN}, {TWELVE} + interval '1 hour')"),
    ),
    allowed("the same span of another stylist", booking() + booking(stylist_id="$ben")),
    allowed("the same span and ids of another tenant", booking(id="$row") + booking(id="$row", tenant_id="$rival")),
    allowed(
        "the longest booking with the widest buffers",
        booking(
            NINE,
            f"{NINE} + interval '24 hours'",
            f"tstzrange({NINE} - interval '12 hours', {NINE} + interval '36 hours')",
        ),
    ),
    allowed("the same contact from another caller", insert("customers", name="'Client'", owner="'session:1'")),
    allowed("the same contact of another tenant", insert("customers", tenant_id="$rival", name="'Client'")),
    allowed(
        "two rules that change places",
        price_rule() + price_rule(position="2") + "update price_rules set position = 3 - position;",
    ),
    allowed("hours all night to the same minute of the next day", hours(ends_minute="1980")),
    allowed("seasons of all years", hours(valid_from="'0001-01-01'", valid_until="'9999-12-31'")),
    allowed("a rule of all years", price_rule(from_on="'0001-01-01'", until_on="'9999-12-31'")),
    allowed(
        "dates from 1900 to 2999",
        "".join(one(d) for one in (override, closure) for d in ("'1900-01-01'", "'2999-12-31'")),
    ),
    allowed("time off from 1900 to 2999", time_off(starts_at="'1900-01-01Z'", ends_at="'3000-01-01Z'")),
    allowed("an appointment from 1900 to 2999", busy_time(starts_at="'1900-01-01Z'", ends_at="'3000-01-01Z'")),
    allowed("the first booking", booking("timestamptz '1900-01-01Z'", "timestamptz '1900-01-01 01:00Z'")),
    allowed("the last booking", booking("timestamptz '2999-12-31 23:00Z'", "timestamptz '3000-01-01Z'")),
    allowed(
        "no wishes, and the least and the greatest of each",
        preferences()
        + preferences(stylist_id="$ben", run_minutes_max="1", pause_minutes="1", bookings_a_day_max="0")
        + preferences(stylist_id="$cleo", run_minutes_max="720", pause_minutes="240", bookings_a_day_max="200"),
    ),
    allowed(
        "a service avoided all day, over midnight, from a minute to itself, twice",
        avoided() + avoided() + avoided(from_minute="1439", to_minute="0") + avoided(from_minute="7", to_minute="7"),
    ),
    allowed(
        "the shortest and the longest time to pay and to be stale",
        tenant(payment_seconds="60", busy_stale_seconds="60", payment_url="'https://pay.example/{booking}?a={amount}'")
        + tenant(slug="'other'", payment_seconds="2592000", busy_stale_seconds="31536000"),
    ),
    allowed("a booking to be paid for by the end of 2999", booking(payment_due_at="'3000-01-01Z'")),
    allowed("a calendar heard of in 1900", busy_source(as_of="'1900-01-01Z'")),
    allowed("a slug of one letter and of 63", tenant(slug="'a'") + tenant(slug="repeat('a', 63)")),
]


@pytest.mark.parametrize("statement", ALLOWED)
async def test_is_allowed(salon: Salon, statement: str) -> None:
    await salon.run(statement)


async def test_every_constraint_is_named_by_us(salon: Salon) -> None:
    written = "\n".join(file.read_text() for file in [*migrate.MIGRATIONS.glob("*.sql"), Path(migrate.__file__)])
    ours = set(re.findall(r"\bconstraint (\w+)\s+(?:primary|foreign|unique|check|exclude)", written))

    rows = await salon.ear.fetch(CONSTRAINTS)

    # Not null has no name of ours: Postgres names it since 18.
    assert {row["name"] for row in rows if row["kind"] != b"n"} == ours
    assert [row["name"] for row in rows if not row["name"].startswith(row["table"] + "_")] == []
    assert [row["name"] for row in rows if row["kind"] == b"p" and row["name"] != row["table"] + "_pkey"] == []
    assert [row["name"] for row in rows if row["kind"] == b"f" and not row["name"].endswith("_fkey")] == []


async def test_every_foreign_key_cascades(salon: Salon) -> None:
    rows = await salon.ear.fetch(CONSTRAINTS)

    assert [row["name"] for row in rows if row["kind"] == b"f" and row["on_delete"] != b"c"] == []


async def test_every_foreign_key_begins_with_the_tenant_on_both_sides(salon: Salon) -> None:
    rows = await salon.ear.fetch(CONSTRAINTS)

    starts = {row["name"]: (row["columns"][0], row["refers_to"][0]) for row in rows if row["kind"] == b"f"}
    assert {
        name for name, start in starts.items() if start not in {("tenant_id", "tenant_id"), ("tenant_id", "id")}
    } == set()
    assert {name for name, start in starts.items() if start[1] == "id"} == {
        name for name in starts if name.endswith("_tenant_fkey")
    }


async def test_the_tenant_leads_every_index(salon: Salon) -> None:
    rows = await salon.ear.fetch(INDEXES)

    astray = {
        row["name"]
        for row in rows
        if row["columns"][0] not in ("tenant_id", "uuid_range(tenant_id, tenant_id, '[]'::text)")
    }
    assert astray == {"tenants_pkey", "tenants_slug_key", "schema_migrations_pkey", "idempotency_keys_age_idx"} | {
        "outbox_due_idx",
        "outbox_ended_idx",
    }


async def test_every_foreign_key_has_an_index_to_find_its_rows_by(salon: Salon) -> None:
    keys = [row for row in await salon.ear.fetch(CONSTRAINTS) if row["kind"] == b"f"]
    indexes = [row for row in await salon.ear.fetch(INDEXES) if row["whole"]]

    def found(key: asyncpg.Record, columns: int) -> bool:
        wanted = set(key["columns"][:columns])
        return any(i["table"] == key["table"] and set(i["columns"][: len(wanted)]) == wanted for i in indexes)

    # Its rows are found by tenant and stylist: a stylist has few calendars.
    assert {key["name"] for key in keys if not found(key, 9)} == {"busy_times_source_fkey"}
    assert {key["name"] for key in keys if not found(key, 2)} == set()


CONSTRAINTS = """
select c.conname as name, c.conrelid::regclass::text as table, c.contype as kind, c.confdeltype as on_delete,
       array(select a.attname::text from unnest(c.conkey) with ordinality k (n, o)
               join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.n order by k.o) as columns,
       array(select a.attname::text from unnest(c.confkey) with ordinality k (n, o)
               join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.n order by k.o) as refers_to
  from pg_constraint c
 where c.connamespace = 'public'::regnamespace and c.conrelid <> 0
"""

# whole: over every row, not those of a condition.
INDEXES = """
select i.indexrelid::regclass::text as name, i.indrelid::regclass::text as table, i.indpred is null as whole,
       array(select pg_get_indexdef(i.indexrelid, n, true) from generate_series(1, i.indnkeyatts) n) as columns
  from pg_index i
  join pg_class c on c.oid = i.indrelid
 where c.relnamespace = 'public'::regnamespace
"""
