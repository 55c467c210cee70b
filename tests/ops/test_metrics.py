"""Every metric, moved by who does what it counts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cache.versioned import Freshness
from db import versions
from domain.errors import Unavailable
from execution.metering import NAMES_MAX, OTHER, Meter
from ops.catalogue import METRICS
from resolvers.context import Role
from resolvers.warming import Warming
from tests.ops.conftest import DAY, WRITE

if TYPE_CHECKING:
    from cache.rates import Rate
    from tests.ops.conftest import Does, Server

HISTOGRAM = ("_bucket", "_count", "_sum")
BOOKED = """insert into bookings
       (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
select tenant_id, id, $2::text::uuid, home_location_id, 'CONFIRMED', at, at + interval '30 minutes',
       tstzrange(at, at + interval '30 minutes'), 1
  from (select $3::text::timestamptz as at) as asked, stylists where id = $1::text::uuid"""


async def prepares(server: Server) -> None:
    await Warming(server.app, 14).fill()


async def reads(server: Server) -> None:
    for _ in range(4):
        await server.slots()


async def reads_while_plans_are_checked(server: Server) -> None:
    server.oracle.is_on = True
    await reads(server)


async def reads_past_the_cache(server: Server) -> None:
    await server.slots(freshness="BYPASS")


async def reads_the_same_at_once(server: Server) -> None:
    await asyncio.gather(*(server.app.days.read([server.key()], Freshness.CACHED) for _ in range(2)))


async def reads_over_rest(server: Server) -> None:
    asked = {"stylistId": server.salon.asha, "serviceId": server.salon.cut, "targetDate": str(server.salon.day)}
    async with server.client.http.get(f"{server.root}/api/bookings/available-slots", params=asked) as response:
        assert response.status == 200


async def asks_for_what_is_not(server: Server) -> None:
    await reads(server)
    asked = server.about() | {"stylist": server.salon.cut}
    assert await server.client.code(DAY, asked) == "NOT_FOUND"


async def asks_nonsense(server: Server) -> None:
    await server.client.post("{ nonsense }")


async def reads_without_postgres(server: Server) -> None:
    await server.slots()

    async def away(*_: object, **__: object) -> None:
        raise Unavailable("away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(versions, "now", away)
        await server.slots()


async def reads_too_much(server: Server) -> None:
    server.app.days._memory._entries_max = 1
    await server.slots()
    await server.slots(days=1)


async def lets_an_entry_expire(server: Server) -> None:
    await server.slots()
    entry = await server.app.days.peek(server.key())
    assert entry is not None
    entry.expires_at -= timedelta(hours=1)


async def reads_what_expired(server: Server) -> None:
    await lets_an_entry_expire(server)
    await server.slots()


def goes_deaf(server: Server) -> None:
    server.listener._on_change = lambda _change: None


async def reads_what_changed_unheard(server: Server) -> None:
    await server.slots()
    goes_deaf(server)
    await books_by_raw_sql(server)
    await server.slots()


async def books_by_raw_sql(server: Server) -> None:
    await server.slots()
    await server.sql.execute(BOOKED, server.salon.asha, server.salon.cut, server.salon.at(15))


async def changes_prices_by_raw_sql(server: Server) -> None:
    await server.slots()
    await server.sql.execute("update offerings set price_cents = 1")


async def tampers_with_the_cache(server: Server) -> None:
    goes_deaf(server)
    await server.slots()
    await server.sql.execute(BOOKED, server.salon.asha, server.salon.cut, server.salon.at(15, days=1))
    await server.slots(days=1)
    entry, other = [await server.app.days.peek(server.key(days)) for days in (0, 1)]
    assert entry is not None
    assert other is not None
    entry.value = other.value
    await server.slots(freshness="BYPASS")


async def tampers_with_plans(server: Server) -> None:
    server.oracle.is_on = server.oracle.lies = True
    await reads(server)


async def reads_from_redis(server: Server) -> None:
    await server.slots()
    assert server.app.redis is not None
    await server.app.redis.idle()
    server.app.days.drop(server.key())
    await server.slots()


async def keeps_a_connection(server: Server) -> None:
    await server.stack.enter_async_context(server.app.database.connection())


async def takes_every_turn(server: Server) -> None:
    for _ in range(3):
        await keeps_a_connection(server)
    with suppress(Unavailable):
        await server.app.database.answers()


async def breaks_connections(server: Server) -> None:
    await server.sql.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> $1",
        server.sql.get_server_pid(),
    )


async def stops_listening(server: Server) -> None:
    await server.listener.stop()


async def watches(server: Server) -> None:
    await server.watch()


async def watches_a_booking(server: Server) -> None:
    ws = await server.watch()
    await server.book()
    await ws.receive_json(timeout=5)


async def holds(server: Server) -> None:
    assert (await server.hold())["__typename"] == "Hold"


async def books(server: Server) -> None:
    assert (await server.book())["__typename"] == "Booking"


async def books_what_is_taken(server: Server) -> None:
    await server.book()
    assert (await server.book(session="rival"))["__typename"] == "SlotTaken"


async def takes_time_off(server: Server) -> None:
    goes_deaf(server)  # or the news may be faster than the end of the write
    await server.slots()
    query = "mutation Off($input: TimeOffAddInput!) { timeOffAdd(input: $input) { __typename } }"
    off = {"stylistId": server.salon.asha, "date": str(server.salon.day)}
    await server.client.data(query, {"input": off}, token=server.token(Role.STAFF))


async def has_only(rate: Rate, amount: int) -> None:
    """A quota of so many from now on."""
    rate.item.amount = amount
    rate._leases.clear()
    await rate._counts._memory.storage.reset()


async def reads_too_often(server: Server) -> None:
    await has_only(server.rates.read, 1)
    assert [await server.client.code(DAY) for _ in range(3)][-1] == "RATE_LIMITED"
    await has_only(server.rates.read, 1000)


async def holds_too_often(server: Server) -> None:
    await has_only(server.rates.write, 1)
    await server.hold(9)
    await server.client.code("mutation { holdPlace(input: {}) { __typename } }")
    hold = WRITE % ("HoldPlaceInput", "holdPlace", "Hold"), {"input": server.start(10)}
    assert await server.client.code(*hold) == "RATE_LIMITED"


async def reads_one_business_too_often(server: Server) -> None:
    await has_only(server.rates.tenant, 1)
    assert [await server.client.code(DAY) for _ in range(3)][-1] == "RATE_LIMITED"
    await has_only(server.rates.tenant, 1000)


# Who does what, and by how much at least that moves what.
MOVES: list[tuple[Does, dict[str, float]]] = [
    (
        reads,
        {
            'chairtime_requests_total{kind="query",operation="Day",outcome="ok",path="stock"}': 2,
            'chairtime_requests_total{kind="query",operation="Day",outcome="ok",path="plan"}': 2,
            'chairtime_request_seconds_count{kind="query",path="stock"}': 2,
            'chairtime_request_seconds_count{kind="query",path="plan"}': 2,
            'chairtime_request_seconds_bucket{kind="query",le="+Inf",path="plan"}': 2,
            'chairtime_answers_total{how="made"}': 1,
            'chairtime_answers_total{how="kept"}': 1,
            "chairtime_answers_kept": 1,
            "chairtime_answers_kept_bytes": 100,
            'chairtime_cache_reads_total{source="memory"}': 3,
            'chairtime_cache_reads_total{source="database"}': 1,
            'chairtime_cache_entries{cache="days"}': 1,
            'chairtime_cache_entries{cache="directories"}': 1,
            'chairtime_cache_bytes{cache="days"}': 1_000,
            'chairtime_cache_bytes{cache="directories"}': 1_000,
            "chairtime_version_checks_total": 3,
            "chairtime_version_check_keys_total": 6,
            "chairtime_version_check_readers_total": 3,
            'chairtime_statement_seconds_count{statement="versions_now"}': 3,
        },
    ),
    (reads_while_plans_are_checked, {"chairtime_plan_checks_total": 1}),
    (reads_past_the_cache, {'chairtime_cache_reads_total{source="bypass"}': 1}),
    (reads_the_same_at_once, {'chairtime_cache_reads_total{source="joined"}': 1}),
    (
        reads_over_rest,
        {
            'chairtime_requests_total{kind="rest",operation="anonymous",outcome="ok",path="stock"}': 1,
            'chairtime_request_seconds_count{kind="rest",path="stock"}': 1,
        },
    ),
    (
        asks_for_what_is_not,
        {
            'chairtime_answers_total{how="stock"}': 1,
            'chairtime_requests_total{kind="query",operation="Day",outcome="error",path="stock"}': 1,
        },
    ),
    (asks_nonsense, {"chairtime_invalid_requests_total": 1}),
    (
        reads_without_postgres,
        {"chairtime_cache_unverified_total": 1, "chairtime_version_check_failures_total": 1},
    ),
    (reads_too_much, {'chairtime_cache_invalidations_total{cause="evicted"}': 1}),
    (lets_an_entry_expire, {"chairtime_cache_expired_entries": 1}),
    (reads_what_expired, {'chairtime_cache_invalidations_total{cause="expired"}': 1}),
    (reads_what_changed_unheard, {'chairtime_cache_invalidations_total{cause="outdated"}': 1}),
    (
        books_by_raw_sql,
        {
            'chairtime_cache_invalidations_total{cause="day"}': 1,
            'chairtime_changes_heard_total{what="day"}': 1,
        },
    ),
    (
        changes_prices_by_raw_sql,
        {
            'chairtime_cache_invalidations_total{cause="stylist"}': 1,
            'chairtime_cache_invalidations_total{cause="directory"}': 1,
            'chairtime_changes_heard_total{what="stylist"}': 2,
            'chairtime_changes_heard_total{what="directory"}': 1,
        },
    ),
    (tampers_with_the_cache, {'chairtime_mismatches_total{found_by="bypass"}': 1}),
    (tampers_with_plans, {'chairtime_mismatches_total{found_by="plan check"}': 1}),
    (
        keeps_a_connection,
        {'chairtime_pool_connections{state="used"}': 1},
    ),
    (takes_every_turn, {'chairtime_pool_waits_total{turn="read"}': 1, "chairtime_pool_refusals_total": 1}),
    (breaks_connections, {"chairtime_listener_connects_total": 1}),
    (stops_listening, {"chairtime_listener_silent_seconds": 0.7, "chairtime_listeners": -1}),
    (
        watches,
        {
            "chairtime_websockets": 1,
            "chairtime_subscribers": 1,
            "chairtime_live_groups": 1,
            "chairtime_live_results_total": 1,
            'chairtime_requests_total{kind="subscription",operation="Watch",outcome="ok",path="stock"}': 1,
            'chairtime_request_seconds_count{kind="subscription",path="stock"}': 1,
        },
    ),
    (watches_a_booking, {"chairtime_live_results_total": 2}),
    (holds, {'chairtime_holds_total{mutation="holdPlace"}': 1}),
    (
        books,
        {
            'chairtime_bookings_total{mutation="bookingCreate"}': 1,
            'chairtime_requests_total{kind="mutation",operation="Write",outcome="ok",path="stock"}': 1,
            'chairtime_request_seconds_count{kind="mutation",path="stock"}': 1,
        },
    ),
    (books_what_is_taken, {'chairtime_refusals_total{mutation="bookingCreate",reason="SlotTaken"}': 1}),
    (reads, {"chairtime_demand_dates": 1}),
    (
        prepares,
        {
            "chairtime_days_ahead": 28,
            "chairtime_days_ready": 28,
            "chairtime_preparing_seconds_total": 1e-4,
            'chairtime_days_prepared_total{source="database",why="ahead"}': 28,
        },
    ),
    (
        takes_time_off,
        {
            'chairtime_changes_total{mutation="timeOffAdd"}': 1,
            'chairtime_cache_invalidations_total{cause="written"}': 1,
        },
    ),
    (
        reads_too_often,
        {
            'chairtime_rate_limited_total{quota="read"}': 2,
            'chairtime_rate_settlements_total{store="memory"}': 2,
        },
    ),
    (holds_too_often, {'chairtime_rate_limited_total{quota="write"}': 1}),
    (reads_one_business_too_often, {'chairtime_rate_limited_total{quota="tenant"}': 2}),
]
MOVES_WITH_REDIS: list[tuple[Does, dict[str, float]]] = [
    (
        reads_from_redis,
        {
            'chairtime_cache_reads_total{source="redis"}': 1,
            'chairtime_redis_total{what="hit"}': 1,
            'chairtime_rate_settlements_total{store="redis"}': 1,
        },
    )
]
# Moved by webhooks, in tests/ops/test_telling.py.
ELSEWHERE = {"chairtime_webhooks_total", "chairtime_webhooks_pending", "chairtime_webhooks_oldest_seconds"}
# Moved by there being a server, and by its options; and by another worker in tests/server/test_metrics.py.
STANDING = {"chairtime_workers": 1.0, "chairtime_pool_connections_max": 10.0}


async def moved(server: Server, does: Does, by: dict[str, float]) -> dict[str, float]:
    """By how much it moved what, once it is as much as it is to be."""
    before = await server.metrics()
    await does(server)

    def is_moved(now: dict[str, float]) -> bool:
        return all((now.get(one, 0) - before.get(one, 0)) / least >= 1 for one, least in by.items())

    after = await server.until(is_moved)
    return {one: after.get(one, 0) - before.get(one, 0) for one in by}


@pytest.mark.parametrize(("does", "by"), MOVES, ids=[does.__name__ for does, _ in MOVES])
async def test_who_does_it_moves_it(server: Server, does: Does, by: dict[str, float]) -> None:
    found = await moved(server, does, by)

    assert {one: by_ for one, by_ in found.items() if by_ / by[one] < 1} == {}


@pytest.mark.parametrize(("does", "by"), MOVES_WITH_REDIS, ids=[does.__name__ for does, _ in MOVES_WITH_REDIS])
async def test_who_does_it_with_a_redis_moves_it(with_redis: Server, does: Does, by: dict[str, float]) -> None:
    found = await moved(with_redis, does, by)

    assert {one: by_ for one, by_ in found.items() if by_ / by[one] < 1} == {}


def test_no_metric_is_moved_by_nobody() -> None:
    names = {one.partition("{")[0] for _, by in MOVES + MOVES_WITH_REDIS for one in by} | STANDING.keys()
    bare = {name.removesuffix(end) for name in names for end in ("", *HISTOGRAM)}

    assert METRICS.keys() - bare == ELSEWHERE


async def test_what_stands_is_there(server: Server) -> None:
    found = await server.metrics()

    assert {name: found[name] for name in STANDING} == STANDING


async def test_nothing_is_counted_that_no_client_asked_for(server: Server) -> None:
    """Plans' answers are made again by the stock path, which is no request."""
    server.oracle.is_on = True
    for _ in range(5):
        await server.slots()
    await server.until(lambda now: now["chairtime_plan_checks_total"] >= 1)

    found = await server.metrics()

    asked = {one: value for one, value in found.items() if one.startswith("chairtime_requests_total")}
    assert sum(asked.values()) == 5
    assert sum(value for one, value in found.items() if one.startswith("chairtime_request_seconds_count")) == 5


async def test_a_hit_is_counted_when_it_happens(server: Server) -> None:
    """Not from what there is: an hour later, and after a change, the same reads have been hits."""
    for _ in range(5):
        await server.slots()
    await server.book()
    found = await server.metrics()

    sources = ("memory", "redis", "database", "joined", "bypass")
    assert [found[f'chairtime_cache_reads_total{{source="{one}"}}'] for one in sources] == [4, 0, 1, 0, 0]


async def test_a_subscriber_who_leaves_is_not_counted(server: Server) -> None:
    ws = await server.watch()
    await ws.close()

    found = await server.until(lambda now: now["chairtime_subscribers"] == 0)

    assert (found["chairtime_subscribers"], found["chairtime_websockets"]) == (0, 0)


def test_of_names_that_clients_choose_only_so_many_are_told_apart() -> None:
    meter = Meter()

    names = {meter.named(f"Operation{n}") for n in range(10 * NAMES_MAX)} | {meter.named(100 * "x")}

    assert len(names) == NAMES_MAX + 1
    assert OTHER in names
    assert meter.named("Operation1") == "Operation1"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_who_comes_through_a_proxy_finds_no_metrics(server: Server, header: str) -> None:
    async with server.client.http.get(f"{server.root}/metrics", headers={header: "203.0.113.9"}) as response:
        assert response.status == 404


async def test_openmetrics_is_spoken_too(server: Server) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with server.client.http.get(f"{server.root}/metrics", headers=accept) as response:
        text = await response.text()

    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


STATS = """query Stats($from: Date!, $to: Date!) { cacheStats {
  processes hitRate hits misses fromMemory fromRedis fromDatabase joined bypassed mismatches entries bytes expired
  invalidations(from: $from, to: $to) { stylistId date count }
} }"""


async def test_cache_stats_answers_what_is_asked_of_a_cache(server: Server) -> None:
    """How many hits, how large, how often invalidated and where, how much is past its time."""
    admin, salon = server.token(Role.ADMIN), server.salon
    asked = {"from": str(salon.day), "to": str(salon.day)}
    before = (await server.client.data(STATS, asked, token=admin))["cacheStats"]
    await server.slots(days=1)
    await lets_an_entry_expire(server)
    await server.slots()
    for _ in range(6):
        await server.slots()
    await server.slots(freshness="BYPASS")
    entry = await server.app.days.peek(server.key(days=1))
    assert entry is not None
    entry.expires_at -= timedelta(hours=1)
    await server.book()
    await server.write("bookingCreate", "Booking", **server.start(11), customer={"name": "Ben"})
    await server.until(lambda now: now['chairtime_cache_entries{cache="days"}'] == 0)  # once the news has come

    found = (await server.client.data(STATS, asked, token=admin))["cacheStats"]

    assert before["hitRate"] is None
    assert {name: found[name] for name in ("hits", "misses", "fromMemory", "fromDatabase", "bypassed", "joined")} == {
        "hits": 6, "misses": 3, "fromMemory": 6, "fromDatabase": 3, "bypassed": 1, "joined": 0
    }  # fmt: skip
    assert found["hitRate"] == pytest.approx(6 / 9)
    assert (found["processes"], found["mismatches"], found["expired"]) == (1, 0, 0)
    assert (found["entries"], found["bytes"]) == (0, 0)
    rose = _counts(found)[salon.asha, str(salon.day)] - _counts(before).get((salon.asha, str(salon.day)), 0)
    assert rose == 2
    assert (salon.bina, str(salon.day)) not in _counts(found)


async def test_entries_that_nobody_asks_for_are_counted_as_expired_and_not_served(server: Server) -> None:
    await server.slots(days=1)
    await lets_an_entry_expire(server)
    asked = {"from": str(server.salon.day), "to": str(server.salon.day)}

    found = (await server.client.data(STATS, asked, token=server.token(Role.ADMIN)))["cacheStats"]

    assert (found["entries"], found["expired"], found["bytes"] > 1_000) == (2, 1, True)


def _counts(stats: dict[str, list[dict[str, str | int | None]]]) -> dict[tuple[object, object], int]:
    return {(one["stylistId"], one["date"]): int(one["count"] or 0) for one in stats["invalidations"]}
