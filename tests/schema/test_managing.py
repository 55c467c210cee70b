"""A business run through the API alone: what each change does to the next verified answer of another process, what it says of
bookings it leaves outside, and what is wrong with an input."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from resolvers import salon_values
from resolvers.context import Role
from schema import inputs
from schema.schema import schema
from tests.conftest import SALON

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

    Answer = dict[str, Any]

THERE = "11111111-0000-4000-8000-000000000002"
WAX = "22222222-0000-4000-8000-000000000003"
CLEO = "33333333-0000-4000-8000-000000000003"
RULE = "44444444-0000-4000-8000-000000000001"
OFF = "55555555-0000-4000-8000-000000000001"
ALL_WEEK = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]

PROBLEM = "... on Problem { message ... on InvalidInput { faults { path message } } }"
CONFLICTS = "... on Change { conflictCount conflicts { id startUtc customer { name } } }"

mutations = schema._schema.mutation_type
assert mutations is not None
FIELDS: dict[str, Any] = mutations.fields

# Everything of a business that a page can show: its lists, and one day with every start's state and price.
EVERYTHING = """
query ($stylist: ID!, $service: ID!, $date: Date!) {
  tenant { slug name currency timezone }
  locations { id name timezone }
  services { id name durationMinutes slotIntervalMinutes priceCents minNoticeMinutes horizonDays }
  stylists { id name timezone locations { id } services { service { id } durationMinutes priceCents } }
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date) {
    slots { startUtc endUtc status priceCents location { id } } cache { verified }
  }
}
"""


@dataclass(frozen=True)
class Office:
    """A member of the staff who sets the business up, at one process, and a page that looks at it through another."""

    here: Visitor
    page: Visitor

    async def do(self, mutation: str, given: Any, role: Role = Role.ADMIN, more: str = "") -> Answer:
        """One mutation's result, `kind` being its type. given: the `input`, or the arguments where there is none."""
        field = FIELDS[mutation]
        values = {"input": given} if list(field.args) == ["input"] else given
        declared = ", ".join(f"${name}: {field.args[name].type}" for name in values)
        passed = ", ".join(f"{name}: ${name}" for name in values)
        wanted = f"kind: __typename {CONFLICTS if tells_conflicts(field) else ''} {more} {PROBLEM}"
        who = self.here.role(role, "sita")
        query = f"mutation ({declared}) {{ answer: {mutation}({passed}) {{ {wanted} }} }}"
        whole = await who.client.post(query, values, **who.who)
        assert "errors" not in whole, whole["errors"]
        found: Answer = whole["data"]["answer"]
        return found

    async def seen(self, *, date: Any = None, stylist: str | None = None) -> Answer:
        """What the page shows, verified."""
        salon = self.page.salon
        asked = {"stylist": stylist or salon.asha, "service": salon.cut, "date": str(date or salon.day)}
        found: Answer = await self.page.client.data(EVERYTHING, asked, **self.page.who)
        return found

    async def statuses(self, **which: Any) -> dict[str, str]:
        """Each start's state by its wall time."""
        slots = (await self.seen(**which))["availableSlots"]["slots"]
        return {slot["startUtc"][11:16]: slot["status"] for slot in slots}


def tells_conflicts(field: Any) -> bool:
    members = getattr(field.type.of_type, "types", ())
    return any("Change" in {one.name for one in member.interfaces} for member in members)


@pytest.fixture
def office(visitor: Visitor, elsewhere: Visitor) -> Office:
    return Office(visitor, elsewhere)


@pytest.fixture
async def furnished(office: Office, shop: Shop, visitor: Visitor, raw: Raw) -> Office:
    """With a second place where Asha spends evenings, a rule, time off, a closed date, a calendar, an override."""
    await raw.run(f"insert into locations (tenant_id, id, name, timezone) values ($1, '{THERE}', 'There', 'Etc/UTC')")
    await raw.run(
        "insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)"
        f" select $1, $2, '{THERE}', d, 1020, 1200 from generate_series(1, 7) d",
        shop.asha,
    )
    await raw.run(
        "insert into price_rules (tenant_id, id, position, name, basis_points) values ($1, $2, 0, 'Peak', 1000)", RULE
    )
    await raw.run(
        "insert into time_off (tenant_id, id, stylist_id, starts_at, ends_at) values ($1, $2, $3, $4, $5)",
        *(OFF, shop.asha, instant(shop.at(9)), instant(shop.at(10))),
    )
    await raw.run("insert into busy_sources values ($1, $2, 'google', now() - interval '2 hours')", shop.asha)
    await raw.run(
        "insert into busy_times (tenant_id, stylist_id, source, starts_at, ends_at) values ($1, $2, 'google', $3, $4)",
        *(shop.asha, instant(shop.at(16)), instant(shop.at(17))),
    )
    await raw.run("insert into overrides values ($1, $2, $3, $4, 'a late day')", shop.asha, shop.day, shop.location)
    await raw.run("insert into override_hours values ($1, $2, $3, false, 540, 1020)", shop.asha, shop.day)
    await raw.run("insert into closures values ($1, $2, $3, 'New Year')", shop.location, shop.day + timedelta(1))
    assert (await visitor.book(shop.at(17, days=2)))["kind"] == "Booking"
    return office


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def nested(levels: int) -> Any:
    found: Any = []
    for _ in range(levels):
        found = [found]
    return found


def windows(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"from": starts, "to": ends} for starts, ends in pairs]


# What each mutation is given here, by name. A mutation of the setup that is not here fails the next test.
def changes(shop: Shop) -> dict[str, Any]:
    day, next_day = str(shop.day), str(shop.day + timedelta(1))
    return {
        "tenantUpdate": {"name": "Another"},
        "tenantImport": {
            "file": {
                "tenant": {**SALON["tenant"], "slug": shop.slug},
                "locations": SALON["locations"],
                "services": [{**SALON["services"][0], "priceCents": 1}],
            }
        },
        "locationCreate": {"name": "Annex", "timezone": "Asia/Kathmandu"},
        "locationUpdate": {"id": THERE, "timezone": "Europe/Berlin"},
        "locationRemove": {"locationId": "11111111-0000-4000-8000-000000000003"},
        "locationClose": {"locationId": shop.location, "date": day},
        "locationReopen": {"locationId": shop.location, "date": next_day},
        "travelTimeSet": {"fromLocationId": THERE, "toLocationId": shop.location, "minutes": 45},
        "serviceCreate": {"name": "Wax", "durationMinutes": 15, "priceCents": 100},
        "serviceUpdate": {"id": shop.cut, "bufferAfterMinutes": 5, "durationMinutes": 45},
        "serviceRemove": {"serviceId": shop.colour},
        "stylistCreate": {"name": "Cleo", "homeLocationId": THERE},
        "stylistUpdate": {"id": shop.asha, "name": "Aisha"},
        "stylistRemove": {"stylistId": shop.bina},
        "offeringSet": {"stylistId": shop.asha, "serviceId": shop.cut, "priceCents": 7},
        "offeringRemove": {"stylistId": shop.asha, "serviceId": shop.colour},
        "scheduleSet": {"stylistId": shop.asha, "hours": [{"days": ALL_WEEK, "windows": windows(("10:00", "11:00"))}]},
        "overrideSet": {"stylistId": shop.asha, "date": day, "windows": windows(("12:00", "13:00"))},
        "overrideRemove": {"stylistId": shop.asha, "date": day},
        "timeOffAdd": {"stylistId": shop.asha, "date": day, "reason": "holiday"},
        "timeOffRemove": {"timeOffId": OFF},
        "busyTimesReplace": {
            "stylistId": shop.asha,
            "source": "google",
            "asOf": datetime.now(UTC).isoformat(),
            "spans": [{"startUtc": shop.at(11), "endUtc": shop.at(12)}],
        },
        "busySourceRemove": {"stylistId": shop.asha, "source": "google"},
        "stylistPreferencesSet": {"stylistId": shop.asha, "bookingsADayMax": 0},
        "priceRuleSet": {"name": "Morning", "percent": -12.5, "from": "09:00", "to": "12:00"},
        "priceRuleRemove": {"priceRuleId": RULE},
    }


def setup_mutations() -> list[str]:
    """Every mutation that answers a Change or an import: those that set the business up."""
    return sorted(name for name, field in FIELDS.items() if tells_conflicts(field) or name == "tenantImport")


# The day on which a change shows, where it is not the day itself.
SHOWS_AFTER = {
    "scheduleSet": 2,
    "locationReopen": 1,
    "travelTimeSet": 2,
    "locationUpdate": 2,
    "stylistPreferencesSet": 2,
}


@pytest.mark.parametrize("mutation", [name for name in setup_mutations() if name != "tenantCreate"])
async def test_each_change_is_in_the_next_verified_answer_of_another_process(
    furnished: Office, shop: Shop, raw: Raw, mutation: str
) -> None:
    if mutation == "locationRemove":
        await raw.run(
            "insert into locations (tenant_id, id, name, timezone)"
            " values ($1, '11111111-0000-4000-8000-000000000003', 'Old', 'Etc/UTC')"
        )
    day = shop.day + timedelta(SHOWS_AFTER.get(mutation, 0))
    before = await furnished.seen(date=day)

    done = await furnished.do(mutation, changes(shop)[mutation])
    after = await furnished.seen(date=day)

    assert done["kind"].endswith(("Change", "Imported")), done
    assert after != before
    assert before["availableSlots"]["cache"] == after["availableSlots"]["cache"] == {"verified": True}


async def test_a_new_business_is_there_at_another_process_and_sees_nobody_else_s(office: Office, shop: Shop) -> None:
    made = await office.do(
        "tenantCreate",
        {
            "slug": f"{shop.slug}-2",
            "name": "Second",
            "timezone": "Asia/Kathmandu",
            "currency": "NPR",
            "holdMinutes": 2.5,
        },
        Role.SERVICE,
        more="... on TenantChange { tenant { slug name } }",
    )

    found = await office.page.client.data("{ tenant { name currency } stylists { id } }", tenant=f"{shop.slug}-2")

    assert made["tenant"] == {"slug": f"{shop.slug}-2", "name": "Second"}
    assert found == {"tenant": {"name": "Second", "currency": "NPR"}, "stylists": []}


async def test_a_slug_that_is_taken_is_a_fault(office: Office, shop: Shop) -> None:
    refused = await office.do(
        "tenantCreate",
        {"slug": shop.slug, "name": "Second", "timezone": "Asia/Kathmandu", "currency": "NPR"},
        Role.SERVICE,
    )

    assert refused["kind"] == "InvalidInput"
    assert refused["faults"] == [{"path": "slug", "message": "is another business's"}]


class TestConflicts:
    """A change that collides with bookings is made all the same, and answers which it leaves outside."""

    @pytest.fixture
    async def booked(self, visitor: Visitor, shop: Shop) -> list[str]:
        """The ids of Asha's bookings at 9, 11 and 16 o'clock."""
        return [(await visitor.book(shop.at(hour)))["id"] for hour in (9, 11, 16)]

    @pytest.mark.parametrize(
        "mutation, given, outside",
        [
            (
                "scheduleSet",
                lambda s: {"stylistId": s.asha, "hours": [{"days": ALL_WEEK, "windows": windows(("10:00", "17:00"))}]},
                [0],
            ),
            (
                "scheduleSet",
                lambda s: {
                    "stylistId": s.asha,
                    "hours": [
                        {
                            "days": ALL_WEEK,
                            "windows": windows(("09:00", "17:00")),
                            "breaks": windows(("11:15", "11:20")),
                        }
                    ],
                },
                [1],
            ),
            ("scheduleSet", lambda s: {"stylistId": s.asha, "hours": []}, [0, 1, 2]),
            (
                "overrideSet",
                lambda s: {"stylistId": s.asha, "date": str(s.day), "windows": windows(("09:00", "12:00"))},
                [2],
            ),
            ("overrideSet", lambda s: {"stylistId": s.asha, "date": str(s.day + timedelta(1)), "windows": []}, []),
            ("locationClose", lambda s: {"locationId": s.location, "date": str(s.day)}, [0, 1, 2]),
            ("timeOffAdd", lambda s: {"stylistId": s.asha, "startUtc": s.at(9, 30), "endUtc": s.at(11, 30)}, [1]),
            ("timeOffAdd", lambda s: {"stylistId": s.asha, "startUtc": s.at(9, 30), "endUtc": s.at(11)}, []),
            (
                "busyTimesReplace",
                lambda s: {
                    "stylistId": s.asha,
                    "source": "google",
                    "asOf": "2026-01-01T00:00:00Z",
                    "spans": [{"startUtc": s.at(16, 15), "endUtc": s.at(20)}],
                },
                [2],
            ),
            ("stylistPreferencesSet", lambda s: {"stylistId": s.asha, "bookingsADayMax": 3}, []),
            ("stylistPreferencesSet", lambda s: {"stylistId": s.asha, "bookingsADayMax": 2}, [0, 1, 2]),
            (
                "stylistPreferencesSet",
                lambda s: {"stylistId": s.asha, "avoided": [{"serviceId": s.cut, "from": "08:00", "to": "09:01"}]},
                [0],
            ),
            ("offeringRemove", lambda s: {"stylistId": s.asha, "serviceId": s.cut}, [0, 1, 2]),
            ("serviceRemove", lambda s: {"serviceId": s.cut}, [0, 1, 2]),
            ("stylistRemove", lambda s: {"stylistId": s.asha}, [0, 1, 2]),
            ("stylistRemove", lambda s: {"stylistId": s.bina}, []),
            ("serviceUpdate", lambda s: {"id": s.cut, "durationMinutes": 240, "priceCents": 1}, []),
        ],
    )
    async def test_are_those_that_the_change_leaves_outside(
        self, office: Office, shop: Shop, booked: list[str], mutation: str, given: Any, outside: list[int]
    ) -> None:
        done = await office.do(mutation, given(shop))

        assert [one["id"] for one in done["conflicts"]] == [booked[n] for n in outside]
        assert done["conflictCount"] == len(outside)

    async def test_are_told_once_and_listed_until_somebody_moves_them(
        self, office: Office, shop: Shop, visitor: Visitor, booked: list[str]
    ) -> None:
        given = {"locationId": shop.location, "date": str(shop.day)}
        listed = "{ conflicts { booking { id } causes { closedBy } } }"
        staff = visitor.role(Role.STAFF, "sita")

        first, second = await office.do("locationClose", given), await office.do("locationClose", given)
        await visitor.cancel(booked[0])
        found = (await office.page.client.data(listed, **staff.who))["conflicts"]

        assert (first["conflictCount"], second["conflictCount"]) == (3, 0)
        assert found == [{"booking": {"id": id_}, "causes": [{"closedBy": "CLOSURE"}]} for id_ in booked[1:]]

    async def test_by_travel_are_the_booking_that_can_no_longer_be_reached(
        self, furnished: Office, shop: Shop, visitor: Visitor
    ) -> None:
        """Asha is There at 17:00 two days later, and here until then."""
        last = await visitor.book(shop.at(16, 30, days=2))

        done = await furnished.do(
            "travelTimeSet", {"fromLocationId": THERE, "toLocationId": shop.location, "minutes": 15}
        )

        assert [one["startUtc"] for one in done["conflicts"]] == [last["startUtc"], shop.at(17, days=2)]

    async def test_of_no_stylist_are_none(self, office: Office, shop: Shop, visitor: Visitor) -> None:
        await visitor.book(shop.at(9))
        await office.do("scheduleSet", {"stylistId": shop.asha, "hours": []})

        found = await visitor.client.data(
            "{ all: conflicts { booking { id } } none: conflicts(stylistIds: []) { booking { id } } }",
            **visitor.role(Role.STAFF, "sita").who,
        )

        assert (len(found["all"]), found["none"]) == (1, [])

    async def test_are_seen_in_the_whole_of_a_booking_longer_than_its_service_is_by_now(
        self, office: Office, shop: Shop, visitor: Visitor
    ) -> None:
        night = [{"days": ALL_WEEK, "windows": windows(("20:00", "04:00"))}]
        await office.do("scheduleSet", {"stylistId": shop.asha, "hours": night})
        booked = await visitor.book(shop.at(23, 30), service=shop.colour)
        for service in (shop.cut, shop.colour):
            await office.do("serviceUpdate", {"id": service, "durationMinutes": 15, "bufferAfterMinutes": 0})

        off = {"startUtc": shop.at(0, 45, days=1), "endUtc": shop.at(1, days=1)}
        found = await office.do("timeOffAdd", {"stylistId": shop.asha, **off})

        assert [one["id"] for one in found["conflicts"]] == [booked["id"]]


class TestFaults:
    """Every fault of an input is told at once, each with its path, and nothing is written."""

    @pytest.mark.parametrize(
        "mutation, given, paths",
        [
            (
                "serviceCreate",
                lambda s: {"name": " ", "durationMinutes": 0, "priceCents": -1, "horizonDays": 9999},
                ["name", "durationMinutes", "priceCents", "horizonDays"],
            ),
            ("serviceCreate", lambda s: {"id": s.cut, "name": "Cut", "durationMinutes": 1, "priceCents": 1}, ["id"]),
            (
                "serviceUpdate",
                lambda s: {"id": s.cut, "bufferBeforeMinutes": 721, "name": "x" * 501},
                ["name", "bufferBeforeMinutes"],
            ),
            ("stylistCreate", lambda s: {"name": "", "homeLocationId": s.asha}, ["name", "homeLocationId"]),
            ("locationCreate", lambda s: {"name": "", "timezone": "Mars/Olympus"}, ["name", "timezone"]),
            ("locationUpdate", lambda s: {"id": "here", "timezone": "UTC+3"}, ["id", "timezone"]),
            (
                "tenantUpdate",
                lambda s: {
                    "currency": "eur",
                    "holdMinutes": 0,
                    "paymentUrl": "http://pay/{booking}",
                    "paymentMinutes": 0,
                    "busyStaleMinutes": 0,
                },
                ["currency", "holdMinutes", "paymentUrl", "paymentMinutes", "busyStaleMinutes"],
            ),
            ("tenantUpdate", lambda s: {"paymentUrl": "https://pay.example/{who}"}, ["paymentUrl"]),
            (
                "scheduleSet",
                lambda s: {
                    "stylistId": s.asha,
                    "hours": [
                        {
                            "days": ["MON"],
                            "windows": windows(("09:00", "25:00"), ("24:00", "10:00")),
                            "locationId": s.cut,
                            "from": "2030-02-01",
                            "until": "2030-01-01",
                        }
                    ],
                },
                ["hours[0].windows[0]", "hours[0].windows[1]", "hours[0].locationId", "hours[0].until"],
            ),
            (
                "overrideSet",
                lambda s: {
                    "stylistId": s.asha,
                    "date": str(s.day),
                    "windows": [],
                    "breaks": windows(("9", "10")),
                    "locationId": s.asha,
                },
                ["breaks[0]", "locationId"],
            ),
            ("timeOffAdd", lambda s: {"stylistId": s.asha}, ["input"]),
            ("timeOffAdd", lambda s: {"stylistId": s.asha, "startUtc": s.at(10), "endUtc": s.at(9)}, ["endUtc"]),
            (
                "busyTimesReplace",
                lambda s: {
                    "stylistId": s.asha,
                    "source": "",
                    "asOf": "2026-01-01T00:00:00Z",
                    "spans": [{"startUtc": s.at(10), "endUtc": s.at(10)}],
                },
                ["source", "spans[0].endUtc"],
            ),
            (
                "travelTimeSet",
                lambda s: {"fromLocationId": s.location, "toLocationId": s.location, "minutes": 1441},
                ["toLocationId", "minutes"],
            ),
            (
                "priceRuleSet",
                lambda s: {"name": "", "percent": -101.0, "serviceId": s.asha, "from": "24:00"},
                ["name", "percent", "serviceId", "from"],
            ),
            (
                "stylistPreferencesSet",
                lambda s: {
                    "stylistId": s.asha,
                    "longestRunMinutes": 0,
                    "pauseMinutes": 999,
                    "bookingsADayMax": -1,
                    "avoided": [{"serviceId": s.asha, "from": "x", "to": "y"}],
                },
                [
                    "longestRunMinutes",
                    "pauseMinutes",
                    "bookingsADayMax",
                    "avoided[0].serviceId",
                    "avoided[0].from",
                    "avoided[0].to",
                ],
            ),
            (
                "tenantImport",
                lambda s: {"file": {"tenant": {**SALON["tenant"], "slug": "somebody-else"}}},
                ["tenant.slug"],
            ),
            (
                "tenantImport",
                lambda s: {"file": {"tenant": {"slug": s.slug}, "locations": [{}]}},
                [
                    "tenant.name",
                    "tenant.timezone",
                    "tenant.currency",
                    "locations[0].id",
                    "locations[0].name",
                    "locations[0].timezone",
                ],
            ),
            ("tenantImport", lambda s: {"file": []}, ["the file"]),
            ("tenantImport", lambda s: {"file": nested(12)}, ["the file"]),
            ("tenantUpdate", lambda s: {"paymentUrl": "https://pay.example/{booking}\0"}, ["paymentUrl"]),
        ],
    )
    async def test_are_told_at_once(
        self, office: Office, shop: Shop, raw: Raw, mutation: str, given: Any, paths: list[str]
    ) -> None:
        before = await office.seen()

        refused = await office.do(mutation, given(shop))

        assert refused["kind"] == "InvalidInput", refused
        assert sorted(fault["path"] for fault in refused["faults"]) == sorted(paths)
        assert all(fault["message"] for fault in refused["faults"])
        assert await office.seen() == before
        assert await raw.value("select outcome from audit_log where tenant_id = $1 order by id desc limit 1") in (
            None,
            "InvalidInput",
        )

    async def test_a_zone_that_postgres_does_not_know_is_one(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(salon_values, "_zones", lambda: frozenset({"Mars/Olympus_Mons"}))

        refused = await office.do("locationCreate", {"name": "There", "timezone": "Mars/Olympus_Mons"})

        assert [fault["path"] for fault in refused["faults"]] == ["timezone"]

    async def test_news_that_are_yet_to_come_are_refused(self, office: Office, shop: Shop) -> None:
        """They would make everything that follows old news."""
        given: Answer = {"stylistId": shop.asha, "source": "google", "asOf": shop.at(1), "spans": []}

        refused = await office.do("busyTimesReplace", given)

        assert [fault["path"] for fault in refused["faults"]] == ["asOf"]

    async def test_more_than_a_week_can_have_is_a_fault(self, office: Office, shop: Shop) -> None:
        week = {"days": ALL_WEEK, "windows": windows(*[("09:00", "10:00")] * 25)}

        refused = await office.do("scheduleSet", {"stylistId": shop.asha, "hours": [week]})

        assert refused["faults"] == [{"path": "hours[0].windows", "message": "has 25 entries; write at most 24"}]

    async def test_older_news_of_a_calendar_than_what_is_known_is_refused(self, office: Office, shop: Shop) -> None:
        given: Answer = {"stylistId": shop.asha, "source": "google", "asOf": "2026-01-01T01:00:00Z", "spans": []}
        await office.do("busyTimesReplace", given)

        refused = await office.do("busyTimesReplace", {**given, "asOf": "2026-01-01T00:59:00Z"})
        again = await office.do("busyTimesReplace", given)

        assert [fault["path"] for fault in refused["faults"]] == ["asOf"]
        assert again["kind"] == "StylistChange"

    @pytest.mark.parametrize(
        "mutation, given",
        [
            ("serviceUpdate", lambda s: {"id": WAX}),
            ("serviceRemove", lambda s: {"serviceId": WAX}),
            ("stylistUpdate", lambda s: {"id": CLEO}),
            ("stylistRemove", lambda s: {"stylistId": CLEO}),
            ("locationUpdate", lambda s: {"id": THERE}),
            ("locationRemove", lambda s: {"locationId": THERE}),
            ("locationClose", lambda s: {"locationId": THERE, "date": str(s.day)}),
            ("locationReopen", lambda s: {"locationId": s.location, "date": str(s.day)}),
            ("offeringSet", lambda s: {"stylistId": CLEO, "serviceId": s.cut}),
            ("offeringRemove", lambda s: {"stylistId": s.bina, "serviceId": s.colour}),
            ("scheduleSet", lambda s: {"stylistId": CLEO, "hours": []}),
            ("overrideSet", lambda s: {"stylistId": CLEO, "date": str(s.day), "windows": []}),
            ("overrideRemove", lambda s: {"stylistId": s.asha, "date": str(s.day)}),
            ("timeOffAdd", lambda s: {"stylistId": CLEO, "date": str(s.day)}),
            ("timeOffRemove", lambda s: {"timeOffId": OFF}),
            (
                "busyTimesReplace",
                lambda s: {"stylistId": CLEO, "source": "x", "asOf": "2026-01-01T00:00:00Z", "spans": []},
            ),
            ("busySourceRemove", lambda s: {"stylistId": s.asha, "source": "nobody"}),
            ("stylistPreferencesSet", lambda s: {"stylistId": CLEO}),
            ("priceRuleRemove", lambda s: {"priceRuleId": RULE}),
        ],
    )
    async def test_what_is_not_there_is_not_found(self, office: Office, shop: Shop, mutation: str, given: Any) -> None:
        assert (await office.do(mutation, given(shop)))["kind"] == "NotFound"

    async def test_a_place_in_use_is_not_removed(self, office: Office, shop: Shop) -> None:
        before = await office.seen()

        refused = await office.do("locationRemove", {"locationId": shop.location})

        assert refused["kind"] == "InUse"
        assert await office.seen() == before


class TestSetup:
    """What staff set is what staff read."""

    async def test_a_week_with_two_places_a_break_and_a_season(self, furnished: Office, shop: Shop) -> None:
        more = """... on StylistChange { stylist { setup { hours {
            weekday isBreak from until times { from to } location { id } } } } }"""
        season = {
            "days": ["TUE"],
            "windows": windows(("22:00", "02:00")),
            "locationId": THERE,
            "from": "2030-01-01",
            "until": "2030-03-31",
        }
        plain = {"days": ["MON"], "windows": windows(("09:00", "24:00")), "breaks": windows(("12:00", "12:30"))}

        done = await furnished.do("scheduleSet", {"stylistId": shop.asha, "hours": [season, plain]}, Role.STAFF, more)

        open_ = {"from": None, "until": None, "location": {"id": shop.location}, "weekday": "MON"}
        assert done["stylist"]["setup"]["hours"] == [
            {**open_, "isBreak": False, "times": {"from": "09:00", "to": "24:00"}},
            {**open_, "isBreak": True, "times": {"from": "12:00", "to": "12:30"}},
            {
                "weekday": "TUE",
                "isBreak": False,
                "from": "2030-01-01",
                "until": "2030-03-31",
                "times": {"from": "22:00", "to": "02:00"},
                "location": {"id": THERE},
            },
        ]

    async def test_of_everything_else(self, furnished: Office, shop: Shop, visitor: Visitor) -> None:
        await furnished.do("tenantUpdate", {"busyStaleMinutes": 60, "paymentUrl": "https://pay.example/{booking}"})
        await furnished.do(
            "stylistPreferencesSet",
            {
                "stylistId": shop.asha,
                "longestRunMinutes": 240,
                "avoided": [{"serviceId": shop.colour, "days": ["SAT"], "from": "18:00", "to": "24:00"}],
            },
        )
        query = """query ($stylist: ID!) {
          setup {
            holdMinutes paymentUrl paymentMinutes busyStaleMinutes busyStaleCloses
            closures { date reason location { id } } travelTimes { minutes } priceRules { name percent position }
          }
          stylist(id: $stylist) { setup {
            active overrides { date reason windows { from to } breaks { from } } timeOff { id startUtc endUtc reason }
            busySources { source stale }
            preferences { longestRunMinutes pauseMinutes bookingsADayMax avoided { service { id } days times { from to } } }
          } }
        }"""

        found = await visitor.client.data(query, {"stylist": shop.asha}, **visitor.role(Role.STAFF, "sita").who)

        assert found["setup"] == {
            "holdMinutes": 10.0,
            "paymentUrl": "https://pay.example/{booking}",
            "paymentMinutes": None,
            "busyStaleMinutes": 60,
            "busyStaleCloses": False,
            "closures": [
                {"date": str(shop.day + timedelta(1)), "reason": "New Year", "location": {"id": shop.location}}
            ],
            "travelTimes": [],
            "priceRules": [{"name": "Peak", "percent": 10.0, "position": 0}],
        }
        assert found["stylist"]["setup"] == {
            "active": True,
            "overrides": [
                {"date": str(shop.day), "reason": "a late day", "windows": windows(("09:00", "17:00")), "breaks": []}
            ],
            "timeOff": [{"id": OFF, "startUtc": shop.at(9), "endUtc": shop.at(10), "reason": None}],
            "busySources": [{"source": "google", "stale": True}],
            "preferences": {
                "longestRunMinutes": 240,
                "pauseMinutes": 15,
                "bookingsADayMax": None,
                "avoided": [
                    {"service": {"id": shop.colour}, "days": ["SAT"], "times": {"from": "18:00", "to": "24:00"}}
                ],
            },
        }

    async def test_many_stylists_setups_are_one_statement(self, visitor: Visitor, statements: list[str]) -> None:
        await visitor.client.data("{ tenant { id } }", **visitor.role(Role.STAFF, "sita").who)
        statements.clear()

        await visitor.client.data("{ stylists { setup { active } } }", **visitor.role(Role.STAFF, "sita").who)

        assert statements == ["stylist_setups", "versions_now"]

    async def test_null_clears_what_may_be_empty_and_leaves_the_rest(
        self, office: Office, shop: Shop, visitor: Visitor
    ) -> None:
        await office.do("tenantUpdate", {"paymentUrl": "https://pay.example/{booking}", "paymentMinutes": 5})

        await office.do("tenantUpdate", {"paymentMinutes": None, "name": None})

        query = "{ tenant { name } setup { paymentUrl paymentMinutes } }"
        found = await visitor.client.data(query, **visitor.role(Role.STAFF, "sita").who)
        assert found == {
            "tenant": {"name": "Testers"},
            "setup": {"paymentUrl": "https://pay.example/{booking}", "paymentMinutes": None},
        }

    async def test_rules_apply_in_the_order_of_their_positions(
        self, furnished: Office, shop: Shop, visitor: Visitor
    ) -> None:
        first = {"name": "First", "percent": 5.0, "position": 0}
        await furnished.do("priceRuleSet", first)
        await furnished.do("priceRuleSet", {"name": "Last", "percent": 1.0})
        await furnished.do("priceRuleSet", {"id": RULE, "name": "Peak", "percent": 20.0})

        query = "{ setup { priceRules { name percent position } } }"
        found = await visitor.client.data(query, **visitor.role(Role.STAFF, "sita").who)

        assert found["setup"]["priceRules"] == [
            {"name": "First", "percent": 5.0, "position": 0},
            {"name": "Peak", "percent": 20.0, "position": 1},
            {"name": "Last", "percent": 1.0, "position": 2},
        ]


class TestStaleCalendars:
    async def test_are_forgotten_by_the_name_they_were_given_blanks_and_all(self, office: Office, shop: Shop) -> None:
        named = {"stylistId": shop.asha, "source": " google "}
        await office.do("busyTimesReplace", {**named, "asOf": "2026-01-01T00:00:00Z", "spans": []})

        assert (await office.do("busySourceRemove", named))["kind"] == "StylistChange"

    @pytest.mark.parametrize("closes, expected", [(True, {"UNAVAILABLE"}), (False, {"AVAILABLE", "UNAVAILABLE"})])
    async def test_close_the_days_where_the_business_says_so(
        self, furnished: Office, shop: Shop, closes: bool, expected: set[str]
    ) -> None:
        await furnished.do("tenantUpdate", {"busyStaleMinutes": 60, "busyStaleCloses": closes})

        assert set((await furnished.statuses()).values()) == expected

    async def test_open_them_when_they_are_heard_of_again(self, furnished: Office, shop: Shop) -> None:
        await furnished.do("tenantUpdate", {"busyStaleMinutes": 60, "busyStaleCloses": True})

        await furnished.do(
            "busyTimesReplace",
            {"stylistId": shop.asha, "source": "google", "asOf": datetime.now(UTC).isoformat(), "spans": []},
        )

        assert (await furnished.statuses())["10:00"] == "AVAILABLE"

    async def test_go_stale_by_the_passing_of_time_alone(self, furnished: Office, shop: Shop, raw: Raw) -> None:
        await furnished.do("tenantUpdate", {"busyStaleMinutes": 60, "busyStaleCloses": True})
        await raw.run(
            "update busy_sources set as_of = now() - interval '1 hour' + interval '1 second' where tenant_id = $1"
        )

        first = (await furnished.statuses())["10:00"]

        async def closed() -> bool:
            return (await furnished.statuses())["10:00"] == "UNAVAILABLE"

        await furnished.here.until(closed)

        assert first == "AVAILABLE"


class TestAtOnce:
    """Two of the staff, or they and customers, change things of one stylist at the same moment."""

    async def test_one_id_is_given_to_one_time_off(self, office: Office, shop: Shop) -> None:
        given = {"id": OFF, "stylistId": shop.asha, "date": str(shop.day)}

        found = await asyncio.gather(*[office.do("timeOffAdd", given) for _ in range(8)])

        assert sorted(one["kind"] for one in found) == ["InvalidInput"] * 7 + ["TimeOffChange"]

    async def test_time_off_is_removed_once(self, furnished: Office) -> None:
        found = await asyncio.gather(*[furnished.do("timeOffRemove", {"timeOffId": OFF}) for _ in range(8)])

        assert sorted(one["kind"] for one in found) == ["NotFound"] * 7 + ["TimeOffChange"]

    @pytest.mark.parametrize(
        "mutation, given",
        [
            ("scheduleSet", lambda s: {"stylistId": s.asha, "hours": [
                {"days": ["MON"], "windows": windows(("09:00", "17:00")), "locationId": THERE}]}),
            ("overrideSet", lambda s: {"stylistId": s.asha, "date": str(s.day), "windows": [], "locationId": THERE}),
            ("locationClose", lambda s: {"locationId": THERE, "date": str(s.day)}),
            ("travelTimeSet", lambda s: {"fromLocationId": s.location, "toLocationId": THERE, "minutes": 5}),
            ("stylistUpdate", lambda s: {"id": s.asha, "homeLocationId": THERE}),
        ],
    )  # fmt: skip
    async def test_a_place_that_is_removed_meanwhile_is_not_found(
        self, office: Office, shop: Shop, raw: Raw, mutation: str, given: Any
    ) -> None:
        await raw.run(
            f"insert into locations (tenant_id, id, name, timezone) values ($1, '{THERE}', 'There', 'Etc/UTC')"
        )

        async with raw.connection.transaction():
            await raw.run("select lock_directories(array[$1::uuid])")
            changing = asyncio.create_task(office.do(mutation, given(shop)))
            await raw.somebody_waits()
            await raw.run(f"delete from locations where tenant_id = $1 and id = '{THERE}'")

        assert (await changing)["kind"] == "NotFound"

    async def test_a_calendar_waits_for_who_claims_the_stylist_s_time_before_it_changes_any_day(
        self, furnished: Office, shop: Shop, raw: Raw
    ) -> None:
        moved = {"startUtc": shop.at(9, days=4), "endUtc": shop.at(10, days=4)}
        given = {"stylistId": shop.asha, "source": "google", "asOf": datetime.now(UTC).isoformat(), "spans": [moved]}

        async with raw.connection.transaction():
            await raw.connection.execute("set local deadlock_timeout = '10ms'")
            await raw.lock_days(shop.asha, {"startUtc": shop.at(16), "endUtc": shop.at(17)})
            changing = asyncio.create_task(furnished.do("busyTimesReplace", given))
            await raw.somebody_waits()
            await raw.lock_days(shop.asha, moved)

        assert (await changing)["kind"] == "StylistChange"

    async def test_an_import_waits_for_other_changes_of_the_business_before_it_begins(
        self, office: Office, shop: Shop, raw: Raw
    ) -> None:
        file = {**SALON, "tenant": {**SALON["tenant"], "slug": shop.slug}}

        async with raw.connection.transaction():
            await raw.connection.execute("set local deadlock_timeout = '10ms'")
            await raw.run("select lock_directories(array[$1::uuid])")
            importing = asyncio.create_task(office.do("tenantImport", {"file": file}))
            await raw.somebody_waits()
            await raw.run("update tenants set name = 'Others' where id = $1")

        assert (await importing)["kind"] == "TenantImported"


class TestAudit:
    LOG = """query ($from: DateTime!, $to: DateTime!, $first: Int, $after: String) {
      auditLog(from: $from, to: $to, first: $first, after: $after) {
        edges { node { actor action entityId outcome before after } } pageInfo { hasNextPage endCursor }
      }
    }"""

    async def read(self, visitor: Visitor, **page: Any) -> Any:
        now = datetime.now(UTC)
        span = {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
        return (await visitor.client.data(self.LOG, {**span, **page}, **visitor.role(Role.ADMIN, "boss").who))[
            "auditLog"
        ]

    async def test_has_every_hold_booking_refusal_and_change_with_before_and_after(
        self, office: Office, shop: Shop, visitor: Visitor, rival: Visitor
    ) -> None:
        held = await visitor.hold(shop.at(9))
        await rival.hold(shop.at(9))
        booked = await visitor.confirm(held["id"])
        await office.do("serviceUpdate", {"id": shop.cut, "priceCents": 1}, Role.ADMIN)
        await office.do("serviceUpdate", {"id": WAX}, Role.ADMIN)
        await office.do("serviceUpdate", {"id": shop.cut, "name": "x\x00", "priceCents": -1}, Role.ADMIN)
        await office.do("tenantImport", {"file": {}}, Role.ADMIN)

        lines = [edge["node"] for edge in (await self.read(visitor))["edges"]]

        assert [(one["actor"], one["action"], one["entityId"], one["outcome"]) for one in lines] == [
            ("public:session:tester", "holdPlace", held["id"], "DONE"),
            ("public:session:rival", "holdPlace", None, "SlotTaken"),
            ("public:session:tester", "bookingConfirm", booked["id"], "DONE"),
            ("admin:sub:sita", "serviceUpdate", shop.cut, "DONE"),
            ("admin:sub:sita", "serviceUpdate", WAX, "NotFound"),
            ("admin:sub:sita", "serviceUpdate", None, "InvalidInput"),
            ("admin:sub:sita", "tenantImport", shop.tenant, "InvalidInput"),
        ]
        assert (lines[2]["before"]["status"], lines[2]["after"]["status"]) == ("HELD", "CONFIRMED")
        assert (lines[3]["before"]["price_cents"], lines[3]["after"]["price_cents"]) == (2000, 1)

    async def test_is_read_in_pages(self, office: Office, shop: Shop, visitor: Visitor) -> None:
        for price in range(5):
            await office.do("serviceUpdate", {"id": shop.cut, "priceCents": price})

        pages, after = [], None
        while True:
            page = await self.read(visitor, first=2, after=after)
            pages.append([edge["node"]["after"]["price_cents"] for edge in page["edges"]])
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break

        assert pages == [[0, 1], [2, 3], [4]]

    async def test_refuses_a_cursor_with_a_number_that_no_line_can_have(self, visitor: Visitor) -> None:
        asked = {
            "from": visitor.salon.at(0),
            "to": visitor.salon.at(1),
            "after": inputs.cursor(datetime.now(UTC), "9" * 20),
        }

        assert await visitor.client.code(self.LOG, asked, **visitor.role(Role.ADMIN, "boss").who) == "BAD_INPUT"

    async def test_says_nothing_of_what_changed_nothing(self, office: Office, shop: Shop, visitor: Visitor) -> None:
        await office.do("serviceUpdate", {"id": shop.cut, "priceCents": 2000})

        assert (await self.read(visitor))["edges"] == []
