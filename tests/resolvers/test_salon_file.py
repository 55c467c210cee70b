"""What a salon file may say, and what is said of one that may not: every fault, each with the path of its value."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from resolvers import salon_file
from resolvers.salon_file import BadFile, SalonFile

THAMEL, PATAN, KIRTIPUR = (f"11111111-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
CUT, COLOUR = (f"22222222-0000-4000-8000-00000000000{n}" for n in (1, 2))
ASHA, BINITA = (f"33333333-0000-4000-8000-00000000000{n}" for n in (1, 2))

SALON: dict[str, Any] = {
    "tenant": {"slug": "kb", "name": "KB", "timezone": "Asia/Kathmandu", "currency": "NPR"},
    "locations": [
        {"id": THAMEL, "name": "Thamel", "timezone": "Asia/Kathmandu", "closures": ["2027-01-01"]},
        {"id": PATAN, "name": "Patan", "timezone": "Asia/Kathmandu"},
    ],
    "travel": [{"from": THAMEL, "to": PATAN, "minutes": 30}],
    "services": [{"id": CUT, "name": "Haircut", "durationMinutes": 30, "priceCents": 150000}],
    "stylists": [
        {
            "id": ASHA,
            "name": "Asha",
            "location": THAMEL,
            "services": [{"service": CUT, "priceCents": 180000}],
            "hours": [
                {
                    "days": ["MON", "TUE"],
                    "windows": [["09:00", "17:00"]],
                    "breaks": [["13:00", "14:00"]],
                    "location": PATAN,
                    "from": "2026-12-01",
                    "until": "2027-02-28",
                }
            ],
            "overrides": [{"date": "2026-12-24", "windows": [["10:00", "13:00"]]}],
            "timeOff": [{"startUtc": "2026-12-10T04:15:00Z", "endUtc": "2026-12-10T06:15:00Z"}, {"date": "2026-12-11"}],
            "busy": [{"source": "google", "startUtc": "2026-12-14T05:00:00Z", "endUtc": "2026-12-14T06:00:00Z"}],
            "bookings": [{"startUtc": "2026-12-15T04:15:00Z", "endUtc": "2026-12-15T04:45:00Z", "service": CUT}],
        }
    ],
    "priceRules": [{"name": "Weekend", "percent": 20, "fromDate": "2026-12-01", "untilDate": "2026-12-31"}],
}
GONE = object()


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The salon with values put at paths such as `stylists.0.name`, one place past a list's end included."""
    salon = copy.deepcopy(SALON)
    for path, value in changes:
        way: list[Any] = [int(part) if part.isdigit() else part for part in path.split(".")]
        last = way.pop()
        place: Any = salon
        for part in way:
            place = place[part]
        if value is GONE:
            del place[last]
        elif isinstance(place, list):
            place[last : last + 1] = [value]
        else:
            place[last] = value
    return salon


def parsed(*changes: tuple[str, Any]) -> SalonFile:
    return salon_file.parse(json.dumps(changed(*changes)))


def faults(text: str | bytes) -> list[str]:
    """What parsing says is wrong."""
    with pytest.raises(BadFile) as caught:
        salon_file.parse(text)
    return [str(fault) for fault in caught.value.faults]


NEVER = "00000000-0000-4000-8000-000000000000"
LONG = "x" * 501
SHORT_WALL = "write HH:MM from 00:00 to 24:00"
A_UUID = "a UUID, such as 11111111-0000-4000-8000-000000000001"
AN_INSTANT = "an instant; write 2026-12-10T04:15:00Z, or an offset as +05:45 for Z"

ONE_FAULT = [
    (
        "stylists.0.hours.0.windows.0.1",
        "25:00",
        f'stylists[0].hours[0].windows[0][1]: "25:00" is not a wall time; {SHORT_WALL}',
    ),
    (
        "stylists.0.hours.0.windows.0.0",
        "9:00",
        f'stylists[0].hours[0].windows[0][0]: "9:00" is not a wall time; {SHORT_WALL}',
    ),
    (
        "stylists.0.hours.0.breaks.0.1",
        "13:60",
        f'stylists[0].hours[0].breaks[0][1]: "13:60" is not a wall time; {SHORT_WALL}',
    ),
    (
        "stylists.0.hours.0.windows.0.0",
        "24:00",
        'stylists[0].hours[0].windows[0][0]: "24:00" can only end; as a start write "00:00" of the next day',
    ),
    ("stylists.0.hours.0.windows.0", ["09:00"], "stylists[0].hours[0].windows[0][1]: is missing"),
    (
        "stylists.0.hours.0.windows.0",
        ["09:00", "10:00", "11:00"],
        'stylists[0].hours[0].windows[0]: has more than a start and an end; write them as ["09:00", "17:00"]',
    ),
    (
        "stylists.0.hours.0.windows.0",
        "09:00-17:00",
        'stylists[0].hours[0].windows[0]: "09:00-17:00" is not a list of a start and an end, such as ["09:00", "17:00"]',
    ),
    ("stylists.0.hours.0.windows", GONE, "stylists[0].hours[0].windows: is missing"),
    (
        "stylists.0.hours.0.days.1",
        "FRY",
        'stylists[0].hours[0].days[1]: "FRY" is not a weekday; write MON, TUE, WED, THU, FRI, SAT or SUN',
    ),
    ("stylists.0.hours.0.days", "MON", 'stylists[0].hours[0].days: "MON" is not a list'),
    ("stylists.0.hours.0.until", "2026-11-30", 'stylists[0].hours[0].until: "2026-11-30" is before from, 2026-12-01'),
    ("stylists.0.hours.0.from", "2027-02-29", 'stylists[0].hours[0].from: "2027-02-29" is not in the calendar'),
    (
        "stylists.0.hours.0.location",
        NEVER,
        f'stylists[0].hours[0].location: no location has the id "{NEVER}"',
    ),
    ("stylists.0.overrides.0.date", "2027-02-29", 'stylists[0].overrides[0].date: "2027-02-29" is not in the calendar'),
    (
        "stylists.0.overrides.0.date",
        "20261224",
        'stylists[0].overrides[0].date: "20261224" is not a date; write YYYY-MM-DD',
    ),
    (
        "stylists.0.overrides.0.date",
        "9999-12-31",
        'stylists[0].overrides[0].date: "9999-12-31" is too far away; write a year from 1970 to 2999',
    ),
    (
        "stylists.0.overrides.1",
        {"date": "2026-12-24", "windows": []},
        'stylists[0].overrides[1].date: "2026-12-24" has an override of this stylist already',
    ),
    (
        "stylists.0.overrides.0.location",
        NEVER,
        f'stylists[0].overrides[0].location: no location has the id "{NEVER}"',
    ),
    (
        "stylists.0.timeOff.0.startUtc",
        "2026-12-10T04:15:00",
        f'stylists[0].timeOff[0].startUtc: "2026-12-10T04:15:00" is not {AN_INSTANT}',
    ),
    (
        "stylists.0.timeOff.0.startUtc",
        "2026-02-30T04:15:00Z",
        'stylists[0].timeOff[0].startUtc: "2026-02-30T04:15:00Z" is not in the calendar',
    ),
    ("stylists.0.timeOff.0.startUtc", 1781000000, f"stylists[0].timeOff[0].startUtc: 1781000000 is not {AN_INSTANT}"),
    (
        "stylists.0.timeOff.0.startUtc",
        "9999-12-31T23:30:00-01:00",
        'stylists[0].timeOff[0].startUtc: "9999-12-31T23:30:00-01:00" is not in the calendar',
    ),
    (
        "stylists.0.timeOff.0.endUtc",
        "2026-12-10T10:00:00+05:45",
        'stylists[0].timeOff[0].endUtc: "2026-12-10T10:00:00+05:45" is not after startUtc',
    ),
    ("stylists.0.timeOff.0.endUtc", GONE, "stylists[0].timeOff[0]: needs either startUtc and endUtc, or date alone"),
    (
        "stylists.0.timeOff.0.date",
        "2026-12-10",
        "stylists[0].timeOff[0]: needs either startUtc and endUtc, or date alone",
    ),
    ("stylists.0.timeOff.1", {}, "stylists[0].timeOff[1]: needs either startUtc and endUtc, or date alone"),
    ("stylists.0.busy.0.source", "", "stylists[0].busy[0].source: must not be empty"),
    ("stylists.0.busy.0.source", LONG, "stylists[0].busy[0].source: is 501 characters long; write at most 500"),
    (
        "stylists.0.busy.0.endUtc",
        "2026-12-14T05:00:00Z",
        'stylists[0].busy[0].endUtc: "2026-12-14T05:00:00Z" is not after startUtc',
    ),
    (
        "stylists.0.bookings.0.endUtc",
        "2026-12-15T04:15:00Z",
        'stylists[0].bookings[0].endUtc: "2026-12-15T04:15:00Z" is not after startUtc',
    ),
    (
        "stylists.0.bookings.0.endUtc",
        "2026-12-16T04:15:01Z",
        "stylists[0].bookings[0].endUtc: is more than 24 hours after startUtc",
    ),
    (
        "stylists.0.bookings.0.bufferAfterMinutes",
        721,
        "stylists[0].bookings[0].bufferAfterMinutes: 721 is out of range; write 0 to 720",
    ),
    (
        "stylists.0.bookings.0.service",
        NEVER,
        f'stylists[0].bookings[0].service: no service has the id "{NEVER}"',
    ),
    (
        "stylists.0.bookings.0.location",
        NEVER,
        f'stylists[0].bookings[0].location: no location has the id "{NEVER}"',
    ),
    (
        "stylists.0.services.0.service",
        NEVER,
        f'stylists[0].services[0].service: no service has the id "{NEVER}"',
    ),
    (
        "stylists.0.services.1",
        {"service": CUT},
        f'stylists[0].services[1].service: "{CUT}" is offered by this stylist already',
    ),
    ("stylists.0.location", NEVER, f'stylists[0].location: no location has the id "{NEVER}"'),
    ("stylists.0.id", "Asha", f'stylists[0].id: "Asha" is not {A_UUID}'),
    ("stylists.0.id", f"{{{ASHA}}}", f'stylists[0].id: "{{{ASHA}}}" is not {A_UUID}'),
    ("stylists.0.name", "A\0", "stylists[0].name: holds the character U+0000, which cannot be stored"),
    ("stylists.0.name", "A\ud83d", "stylists[0].name: holds the character U+D83D, which cannot be stored"),
    ("stylists.0.name", " ", "stylists[0].name: must not be empty"),
    ("stylists.0.name", GONE, "stylists[0].name: is missing"),
    ("stylists.0.active", "no", 'stylists[0].active: "no" is neither true nor false'),
    (
        "stylists.1",
        {"id": ASHA, "name": "B", "location": PATAN},
        f'stylists[1].id: "{ASHA}" is the id of an earlier stylist too',
    ),
    ("stylists", {}, "stylists: an object is not a list"),
    ("stylists.0", None, "stylists[0]: null is not an object"),
    ("tenant", GONE, "tenant: is missing"),
    ("tenant.slug", "KB", 'tenant.slug: "KB" is not a slug; write 1 to 63 of a-z, 0-9 and -, no - at either end'),
    ("tenant.slug", "kb\n", 'tenant.slug: "kb\\n" is not a slug; write 1 to 63 of a-z, 0-9 and -, no - at either end'),
    (
        "tenant.currency",
        "npr",
        'tenant.currency: "npr" is not a currency; write its three capital letters, such as NPR',
    ),
    ("tenant.currency", GONE, "tenant.currency: is missing"),
    (
        "tenant.timezone",
        "Asia/Kathmando",
        'tenant.timezone: "Asia/Kathmando" is not an IANA time zone; did you mean Asia/Kathmandu?',
    ),
    ("tenant.timezone", "Asia", 'tenant.timezone: "Asia" is not an IANA time zone, such as Asia/Kathmandu'),
    (
        "tenant.timezone",
        "../etc/passwd",
        'tenant.timezone: "../etc/passwd" is not an IANA time zone, such as Asia/Kathmandu',
    ),
    (
        "tenant.holdMinutes",
        0,
        "tenant.holdMinutes: 0 is out of range; write minutes from a second (0.02) to a day (1440)",
    ),
    (
        "tenant.holdMinutes",
        1440.5,
        "tenant.holdMinutes: 1440.5 is out of range; write minutes from a second (0.02) to a day (1440)",
    ),
    ("tenant.holdMinutes", "10", 'tenant.holdMinutes: "10" is not a number'),
    ("tenant.holdMinutes", float("nan"), "tenant.holdMinutes: NaN is not a number"),
    ("tenant.holdMinuts", 5, "tenant.holdMinuts: is not known here; did you mean holdMinutes?"),
    ("clients", [], "clients: is not known here; known: tenant, locations, travel, services, stylists, priceRules"),
    ("a b", 1, '["a b"]: is not known here; known: tenant, locations, travel, services, stylists, priceRules'),
    ("locations.0.closures.0", "1 January", 'locations[0].closures[0]: "1 January" is not a date; write YYYY-MM-DD'),
    (
        "locations.1.timezone",
        "localtime",
        'locations[1].timezone: "localtime" is not an IANA time zone, such as Asia/Kathmandu',
    ),
    ("travel.0.to", THAMEL, "travel[0].to: is the place that the way starts from"),
    ("travel.0.to", NEVER, f'travel[0].to: no location has the id "{NEVER}"'),
    (
        "travel.1",
        {"from": PATAN, "to": THAMEL, "minutes": 30},
        "travel[1].to: the way between these two places stands earlier in the list, either way round",
    ),
    ("travel.0.minutes", -1, "travel[0].minutes: -1 is out of range; write 0 to 1440"),
    ("services.0.durationMinutes", 0, "services[0].durationMinutes: 0 is out of range; write 1 to 1440"),
    ("services.0.durationMinutes", 30.0, "services[0].durationMinutes: 30.0 is not a whole number"),
    ("services.0.durationMinutes", True, "services[0].durationMinutes: true is not a whole number"),
    ("services.0.slotIntervalMinutes", 1441, "services[0].slotIntervalMinutes: 1441 is out of range; write 1 to 1440"),
    ("services.0.bufferBeforeMinutes", 721, "services[0].bufferBeforeMinutes: 721 is out of range; write 0 to 720"),
    (
        "services.0.priceCents",
        2_000_000_001,
        "services[0].priceCents: 2000000001 is out of range; write 0 to 2000000000",
    ),
    ("services.0.minNoticeMinutes", 527_041, "services[0].minNoticeMinutes: 527041 is out of range; write 0 to 527040"),
    ("services.0.horizonDays", 3661, "services[0].horizonDays: 3661 is out of range; write 0 to 3660"),
    ("services.0.horizonDays", None, "services[0].horizonDays: null is not a whole number"),
    ("priceRules.0.percent", 1000.01, "priceRules[0].percent: 1000.01 is out of range; write -100 to 1000"),
    ("priceRules.0.percent", -101, "priceRules[0].percent: -101 is out of range; write -100 to 1000"),
    ("priceRules.0.percent", 12.345, "priceRules[0].percent: 12.345 is too fine; write at most two decimals"),
    ("priceRules.0.percent", 1e300, "priceRules[0].percent: 1E+300 is out of range; write -100 to 1000"),
    (
        "priceRules.0.from",
        "24:00",
        'priceRules[0].from: "24:00" can only end; as a start write "00:00" of the next day',
    ),
    ("priceRules.0.untilDate", "2026-11-30", 'priceRules[0].untilDate: "2026-11-30" is before fromDate, 2026-12-01'),
    ("priceRules.0.service", NEVER, f'priceRules[0].service: no service has the id "{NEVER}"'),
]


@pytest.mark.parametrize("path, value, fault", ONE_FAULT, ids=[fault for _, _, fault in ONE_FAULT])
def test_a_fault_is_told_with_its_path_and_alone(path: str, value: Any, fault: str) -> None:
    text = json.dumps(changed((path, value)))

    assert faults(text) == [fault]


def test_all_faults_are_told_at_once() -> None:
    text = json.dumps(
        changed(
            ("tenant.currency", "Rs"),
            ("locations.1.id", THAMEL),
            ("services.0.durationMinutes", 0),
            ("stylists.0.hours.0.windows.0.1", "25:00"),
            ("stylists.0.hours.0.days.0", "MONDAY"),
            ("stylists.0.bookings.0.service", COLOUR),
            ("priceRules.0.colour", "red"),
        )
    )

    assert [fault.split(":")[0] for fault in faults(text)] == [
        "tenant.currency",
        "locations[1].id",
        "travel[0].to",
        "services[0].durationMinutes",
        "stylists[0].hours[0].days[0]",
        "stylists[0].hours[0].windows[0][1]",
        "stylists[0].hours[0].location",
        "stylists[0].bookings[0].service",
        "priceRules[0].colour",
    ]


NOT_JSON = [
    ("", "line 1, column 1: this is not JSON: expecting value"),
    ('{"tenant":\n  {"slug" "kb"}}', "line 2, column 11: this is not JSON: expecting ':' delimiter"),
    (b'{"tenant":\n"\xff"}', "line 2: the byte 0xFF is not UTF-8"),
    ("[" * 100_000, "the file: is nested too deeply"),
    ('{"a":' * 5000 + "1" + "}" * 5000, "the file: is nested too deeply"),
    ("[]", "the file: a list is not an object"),
    ("null", "the file: null is not an object"),
]


@pytest.mark.parametrize("text, fault", NOT_JSON, ids=[fault for _, fault in NOT_JSON])
def test_text_that_is_not_an_object_of_json_is_one_fault_with_its_place(text: str | bytes, fault: str) -> None:
    assert faults(text) == [fault]


def test_a_key_that_stands_twice_is_a_fault_wherever_it_is() -> None:
    text = (
        json.dumps(SALON)
        .replace('"name": "Asha"', '"name": "Asha", "name": "Usha"')
        .replace("{", '{"a": 1, "a": 2, ', 1)
    )

    assert faults(text) == [
        "a: stands twice in this object",
        "stylists[0].name: stands twice in this object",
        "a: is not known here; known: tenant, locations, travel, services, stylists, priceRules",
    ]


def test_a_number_of_thousands_of_digits_is_out_of_range_and_nothing_worse() -> None:
    text = json.dumps(changed(("services.0.priceCents", 77))).replace("77", "7" * 5000)

    assert faults(text)[0].endswith("is out of range; write 0 to 2000000000")


def test_a_number_with_an_exponent_beyond_counting_is_not_a_number() -> None:
    text = json.dumps(changed(("priceRules.0.percent", 77))).replace("77", "1e99999999999999999999")

    assert faults(text) == ["priceRules[0].percent: Infinity is not a number"]


def test_a_key_that_no_screen_can_show_is_spelled_out() -> None:
    text = json.dumps(changed(("k\ud800\0", 1)))

    assert faults(text)[0].startswith('["k\\\\ud800\\u0000"]: is not known here')


def test_a_long_value_is_cut_short() -> None:
    assert faults(json.dumps(changed(("tenant.currency", "N" * 5000))))[0].startswith(
        f'tenant.currency: "{"N" * 59}… is not'
    )


def test_an_error_prints_a_fault_a_line() -> None:
    with pytest.raises(BadFile) as caught:
        parsed(("tenant.currency", "Rs"), ("tenant.slug", "A"))

    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["tenant.slug", "tenant.currency"]


def test_a_file_may_begin_with_a_byte_order_mark() -> None:
    text = json.dumps(SALON)

    assert salon_file.parse(b"\xef\xbb\xbf" + text.encode()) == salon_file.parse("\ufeff" + text) == parsed()


def test_what_is_left_out_has_the_schemas_default() -> None:
    salon = parsed(("stylists.0", {"id": ASHA, "name": "Asha", "location": THAMEL}), ("travel", GONE))

    assert salon.tenant.hold_seconds == 600
    assert salon.services[0].model_dump(exclude={"id", "name", "duration_minutes", "price_cents"}) == {
        "slot_interval_minutes": 30,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "min_notice_minutes": 0,
        "horizon_days": 60,
        "active": True,
    }
    assert salon.stylists[0].active
    assert salon.travel == salon.locations[1].closures == salon.stylists[0].hours == []


def test_null_is_the_same_as_leaving_out_where_nothing_is_an_answer() -> None:
    salon = parsed(("stylists.0.hours.0.until", None), ("stylists.0.services.0.priceCents", None))

    assert salon.stylists[0].hours[0].until is None
    assert salon.stylists[0].services[0].price_cents is None


@pytest.mark.parametrize(
    "window, minutes",
    [
        pytest.param(["09:00", "17:00"], (540, 1020), id="a day's window"),
        pytest.param(["00:00", "24:00"], (0, 1440), id="24:00 ends it: the whole day"),
        pytest.param(["22:00", "02:00"], (1320, 1560), id="an end before the start lies on the next day"),
        pytest.param(["22:00", "00:00"], (1320, 1440), id="midnight as 00:00 is an end before the start"),
        pytest.param(["09:00", "09:00"], (540, 540), id="an end at the start is empty"),
        pytest.param(["00:00", "00:00"], (0, 0), id="00:00 to 00:00 is empty, not a day"),
    ],
)
def test_windows_are_minutes_of_their_day(window: list[str], minutes: tuple[int, int]) -> None:
    assert parsed(("stylists.0.hours.0.windows.0", window)).stylists[0].hours[0].windows == [minutes]


@pytest.mark.parametrize(
    "minutes, seconds", [(10, 600), (0.5, 30), (0.02, 1), (0.3333, 20), (1440, 86400), (2.51, 151)], ids=str
)
def test_hold_minutes_are_whole_seconds(minutes: float, seconds: int) -> None:
    assert parsed(("tenant.holdMinutes", minutes)).tenant.hold_seconds == seconds


@pytest.mark.parametrize(
    "percent, points", [(20, 2000), (-10, -1000), (12.5, 1250), (0.07, 7), (-100, -10000)], ids=str
)
def test_percents_are_basis_points_without_a_rounding(percent: float, points: int) -> None:
    assert parsed(("priceRules.0.percent", percent)).price_rules[0].basis_points == points


def test_instants_are_utc_whatever_their_offset() -> None:
    salon = parsed(("stylists.0.bookings.0.startUtc", "2026-12-15T10:00:30.5+05:45"))

    assert salon.stylists[0].bookings[0].start_utc == datetime(2026, 12, 15, 4, 15, 30, 500_000, UTC)
    assert salon.stylists[0].bookings[0].start_utc.tzinfo is UTC


def test_a_season_may_end_with_the_calendar() -> None:
    salon = parsed(("stylists.0.hours.0.until", "9999-12-31"), ("stylists.0.hours.0.from", "0001-01-01"))

    assert (salon.stylists[0].hours[0].from_, salon.stylists[0].hours[0].until) == (date.min, date.max)


def test_ids_are_the_same_in_capitals() -> None:
    salon = parsed(("stylists.0.id", "AAAAAAAA-0000-4000-8000-000000000001"), ("stylists.0.location", THAMEL.upper()))

    assert salon.stylists[0].id == "aaaaaaaa-0000-4000-8000-000000000001"
    assert salon.stylists[0].location == THAMEL


def test_one_id_may_stand_for_a_place_a_service_and_a_stylist() -> None:
    salon = parsed(("stylists.0.id", THAMEL))

    assert salon.stylists[0].id == salon.locations[0].id


def test_two_stylists_may_have_overrides_on_one_date_and_offer_one_service() -> None:
    second = {**SALON["stylists"][0], "id": BINITA}

    assert len(parsed(("stylists.1", second)).stylists) == 2


def test_price_rules_keep_the_order_of_the_file() -> None:
    rules = [{"name": str(n), "percent": n, "days": ["SUN"], "from": "22:00", "to": "24:00"} for n in (3, 1, 2)]

    salon = parsed(("priceRules", rules))

    assert [rule.name for rule in salon.price_rules] == ["3", "1", "2"]
    assert [(rule.days, rule.from_, rule.to) for rule in salon.price_rules] == [([7], 1320, 1440)] * 3
