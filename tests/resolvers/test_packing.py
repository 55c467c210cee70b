"""What is cached comes back from bytes as it was: every fact of its own type, and nothing that was not written so."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import days, directory
from db.pool import Database
from domain.model import (
    Busy,
    ClosedBy,
    DayFacts,
    Directory,
    Location,
    Offering,
    Preferences,
    Service,
    Span,
    StaleSource,
    Stylist,
    Tenant,
    Terms,
    Window,
)
from domain.prices import PriceRule
from resolvers import importing, packing, salon_file
from resolvers.app import DAY_CODEC, DIRECTORY_CODEC
from tests.domain.test_oracle import PROFILE, Salon, wishful_salons
from tests.proofs import random_salon

TODAY = date(2030, 1, 14)
AT = datetime(2030, 1, 14, 9, 30, 0, 123456, tzinfo=UTC)
FULL = DayFacts(
    stylist_id="ana",
    day=TODAY,
    zones={"here": ZoneInfo("Asia/Kathmandu"), "there": ZoneInfo("Etc/UTC")},
    windows=(Window(AT, AT + timedelta(hours=8), "here"),),
    busy=(
        Busy(ClosedBy.HOLD, AT, AT, AT, AT, "here", "sub:\n\"ü\u2028", AT, "claim"),
        Busy(ClosedBy.EXTERNAL, AT, AT, AT, AT, source="calendar"),
    ),
    travel={("here", "there"): timedelta(minutes=7, microseconds=1), ("there", "here"): timedelta(days=400)},
    terms={"cut": Terms("cut", *[timedelta(minutes=n) for n in range(5)], horizon_days=60, price_cents=-1)},
    price_rules=(PriceRule("Rule", -3300, None, frozenset({7, 1}), None, 0, None, TODAY), PriceRule("All", 0)),
    preferences=Preferences({"cut": (Span(AT, AT),)}, None, timedelta(minutes=1), 0),
    stale=StaleSource("calendar", AT),
    why_closed=ClosedBy.CLOSURE,
)  # fmt: skip
EMPTY = DayFacts("", TODAY, {}, (), (), {}, {}, ())
OFFERING = Offering("ana", "cut", 30, 2000)
FULL_DIRECTORY = Directory(
    tenant=Tenant("t", "slug", "Näme", "EUR", "Etc/UTC", timedelta(seconds=600.5), "https://pay/{booking}", None),
    locations={"here": Location("here", "Here", "Asia/Kathmandu")},
    services={"cut": Service("cut", "Cut", 30, 15, 0, 5, 2000, 0, 60, active=False)},
    stylists={"ana": Stylist("ana", "Ana", True, "Asia/Kathmandu", ("here", "there"))},
    offerings={("ana", "cut"): OFFERING},
    by_stylist={"ana": (OFFERING,)},
    by_service={"cut": (OFFERING, OFFERING)},
)


def same(one: Any, other: Any) -> bool:
    """Equal, and of one type all the way down: 1 and True, a list and a tuple, are not the same."""
    if type(one) is not type(other) or one != other:
        return False
    if dataclasses.is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one))
    if isinstance(one, dict):
        return list(one) == list(other) and same([*one, *one.values()], [*other, *other.values()])
    if isinstance(one, (tuple, list)):
        return all(same(*pair) for pair in zip(one, other, strict=True))
    return True


def days_again(facts: DayFacts) -> DayFacts:
    return DAY_CODEC.decode(DAY_CODEC.encode(facts))


@pytest.mark.parametrize("facts", [FULL, EMPTY], ids=["full", "empty"])
def test_a_days_facts_come_back_as_they_were(facts: DayFacts) -> None:
    assert same(days_again(facts), facts)


def test_a_directory_comes_back_as_it_was() -> None:
    assert same(DIRECTORY_CODEC.decode(DIRECTORY_CODEC.encode(FULL_DIRECTORY)), FULL_DIRECTORY)


@given(wishful_salons())
@PROFILE
def test_any_facts_come_back_as_they_were(drawn: tuple[Salon, datetime]) -> None:
    facts = drawn[0].facts()

    assert same(days_again(facts), facts)


async def test_random_salons_come_back_as_the_database_tells_them(
    database: Database, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    today = datetime.now(UTC).date()
    for number in range(12):
        random = Random(number)
        file = random_salon.salon(random, number, today)
        summary = await importing.import_salon(database, salon_file.parse(json.dumps(file)), lambda *_: None)
        await random_salon.furnish(random, sql, file)
        keys = [(one["id"], today + timedelta(n)) for one in file["stylists"] for n in range(-2, 12)]

        async with database.connection() as connection:
            _, found = await days.load(connection, summary.tenant_id, keys)
            loaded = await directory.load(connection, summary.tenant_id)

        assert loaded is not None
        assert same(DIRECTORY_CODEC.decode(DIRECTORY_CODEC.encode(loaded[2])), loaded[2])
        assert all(same(days_again(facts), facts) for _, facts in found.values())


def test_what_many_days_have_alike_is_one_object_in_all_of_them() -> None:
    one, other = days_again(FULL), days_again(dataclasses.replace(FULL, day=TODAY + timedelta(1)))

    assert one.terms is other.terms
    assert (one.travel is other.travel, one.price_rules is other.price_rules) == (True, True)


@pytest.mark.parametrize("codec", [DAY_CODEC, DIRECTORY_CODEC])
@pytest.mark.parametrize("garbage", [b"", b"\n", b"[]\n[]", b"{}", b"\xff\xfe", b"null\nnull", b"[]\n[]\n[]", b"1\n2"])
def test_garbage_is_refused(codec: Any, garbage: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        codec.decode(garbage)


@pytest.mark.parametrize(
    ("codec", "whole"), [(DAY_CODEC, DAY_CODEC.encode(FULL)), (DIRECTORY_CODEC, DIRECTORY_CODEC.encode(FULL_DIRECTORY))]
)
def test_what_was_cut_off_anywhere_is_refused(codec: Any, whole: bytes) -> None:
    for end in range(len(whole)):
        with pytest.raises((ValueError, TypeError)):
            codec.decode(whole[:end])


@given(st.data())
@PROFILE
def test_what_was_damaged_is_refused_or_of_the_right_types(data: st.DataObject) -> None:
    first, second = (orjson.loads(line) for line in DAY_CODEC.encode(FULL).split(b"\n"))
    line = data.draw(st.sampled_from([first, second]))
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] = data.draw(st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.just([]))

    try:
        found = DAY_CODEC.decode(orjson.dumps(first) + b"\n" + orjson.dumps(second))
    except (ValueError, TypeError):
        return

    assert same(days_again(found), found)


def test_a_zone_that_is_not_known_here_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars"):
        DAY_CODEC.decode(DAY_CODEC.encode(FULL).replace(b"Asia/Kathmandu", b"Mars/Olympus"))


def test_a_type_that_nobody_knows_how_to_pack_is_told_when_the_program_starts() -> None:
    @dataclasses.dataclass
    class Odd:
        ratio: complex

    Odd.__annotations__["ratio"] = complex
    with pytest.raises(TypeError, match="complex"):
        packing.codec(Odd)


def test_raise_form_in_cache_keys_when_this_fails() -> None:
    """Programs of before and after share a Redis for a while. These are the fields that FORM 1 stands for, in their order."""
    shapes = {shape.__name__: [*get_type_hints(shape)] for shape in (DayFacts, Busy, Terms, PriceRule, Preferences)}

    assert shapes == {
        "DayFacts": [
            "stylist_id", "day", "zones", "windows", "busy", "travel", "terms", "price_rules", "preferences", "stale",
            "why_closed",
        ],
        "Busy": [
            "kind", "starts_at", "ends_at", "occupied_from", "occupied_until", "location_id", "holder", "expires_at", "id",
            "source",
        ],
        "Terms": [
            "service_id", "duration", "interval", "buffer_before", "buffer_after", "min_notice", "horizon_days", "price_cents",
        ],
        "PriceRule": [
            "name", "basis_points", "service_id", "weekdays", "from_minute", "to_minute", "from_on", "until_on",
        ],
        "Preferences": ["avoided", "run_max", "pause", "bookings_max"],
    }  # fmt: skip
