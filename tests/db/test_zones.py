"""A zone that Postgres takes and Python does not know costs its own place its hours, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from db import days, directory
from domain import hours
from domain.model import DayFacts, Window
from tests.db.conftest import IDS

if TYPE_CHECKING:
    from tests.db.conftest import Salon

TUESDAY, WEDNESDAY = date(2030, 1, 15), date(2030, 1, 16)

# Ana works on Wednesdays here and at the far place from then on; Cleo lives here, and works on Tuesdays at the far place.
BOTH_PLACES = """
insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute, is_break)
values ($salon, $ana, $far, 3, 1100, 1200, false), ($salon, $ana, $far, 3, 600, 660, true);
"""
OVERRIDE = """
insert into overrides (tenant_id, stylist_id, on_date, location_id) values ($salon, $ana, '2030-01-16', $far);
insert into override_hours (tenant_id, stylist_id, on_date, starts_minute, ends_minute)
values ($salon, $ana, '2030-01-16', 540, 600);
"""


def lost(place: str, zone: str) -> str:
    """The salon's place moves to a zone."""
    return f"update locations set timezone = '{zone}' where tenant_id = $salon and id = ${place};"


async def loaded(salon: Salon, *wanted: tuple[str, date]) -> list[DayFacts]:
    """The facts of somebody's days, in the order asked for."""
    keys = [(IDS[who], day) for who, day in wanted]
    _, found = await days.load(salon.sql, IDS["salon"], keys)
    return [found[key][1] for key in keys]


HERE = Window(datetime(2030, 1, 16, 8, tzinfo=UTC), datetime(2030, 1, 16, 16, tzinfo=UTC), IDS["here"])


@pytest.mark.parametrize("zone", ["UTC+3", "<+03>-3", "PST"])
async def test_a_place_in_a_zone_that_python_lacks_has_no_hours_and_the_others_keep_theirs(
    salon: Salon, zone: str
) -> None:
    await salon.run(BOTH_PLACES + lost("far", zone))

    ana, cleo = await loaded(salon, ("ana", WEDNESDAY), ("cleo", TUESDAY))

    assert ana.windows == (HERE,)
    assert {place: found.key for place, found in ana.zones.items()} == {IDS["here"]: "Europe/Berlin"}
    assert ana.busy == ()
    assert (cleo.windows, cleo.zones) == ((), {})
    assert set(cleo.terms) == {IDS["color"]}


async def test_a_date_at_a_place_in_a_zone_that_python_lacks_is_closed(salon: Salon) -> None:
    await salon.run(OVERRIDE + lost("far", "UTC+3"))

    closed, next_week = await loaded(salon, ("ana", WEDNESDAY), ("ana", date(2030, 1, 23)))

    assert closed.windows == ()
    assert [window.location_id for window in next_week.windows] == [IDS["here"]]


async def test_a_zone_that_python_lacks_is_logged_once(salon: Salon) -> None:
    await salon.run(lost("far", "UTC+5"))

    with capture_logs() as logs:
        for _ in range(2):
            await loaded(salon, ("ana", WEDNESDAY), ("cleo", TUESDAY))

    assert [(one["log_level"], one["location"], one["timezone"]) for one in logs] == [("error", IDS["far"], "UTC+5")]


async def test_the_directory_shows_utc_for_a_zone_that_python_lacks(salon: Salon) -> None:
    await salon.run("update tenants set timezone = 'UTC+3';" + lost("here", "UTC+3"))

    found = await directory.load(salon.sql, IDS["salon"])

    assert found is not None
    shown = found[2]
    assert shown.tenant.timezone == "Etc/UTC"
    assert {one.name: one.timezone for one in shown.locations.values()} == {
        "Here": "Etc/UTC",
        "Annex": "Europe/Berlin",
        "Far": "Pacific/Auckland",
        "Shed": "Europe/Berlin",
    }
    assert {one.timezone for one in shown.stylists.values()} == {"Etc/UTC"}


@pytest.mark.parametrize(
    "name", ["", ".", "Europe", "../etc/passwd", "/etc/passwd", "zone.tab", "Mars/Base", "x" * 5000]
)
def test_what_is_no_zone_is_none(name: str) -> None:
    assert hours.zone_named(name) is None


def test_a_zone_is_found_by_its_name() -> None:
    zone = hours.zone_named("Europe/Berlin")

    assert zone is not None
    assert zone.key == "Europe/Berlin"
