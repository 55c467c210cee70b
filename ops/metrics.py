"""What a server shows Prometheus. The parts count by themselves and know nothing of this; here they are read, when somebody asks.

Processes on one port answer as one: each leaves its numbers on a shelf each second, and whoever is asked adds them up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from enum import Enum
from itertools import accumulate
from typing import NamedTuple

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from cache.rates import Rates
from db import queries
from db.listen import Listener
from execution import asked
from execution.engine import Engine
from execution.metering import BOUNDS_S, OK, PLAN, STOCK, Histogram, Meter
from ops.shelf import Record, Shelf
from resolvers import counting
from resolvers.app import App
from resolvers.counting import CacheNumbers
from resolvers.writing import DONE

EVERY_S = 1.0
LOOK_AT_ALL_S = 10.0  # how old a figure may be for which much is looked at
HOLDS = frozenset({"holdPlace", "holdRelease"})
Values = dict[tuple[str, ...], list[float]]
Numbers = dict[str, Values]

log = structlog.get_logger("metrics")


class Kind(Enum):
    """What becomes of several processes' values: all are added up but HIGHEST. GAUGE and HIGHEST end with their process."""

    COUNTER = 1
    GAUGE = 2
    HIGHEST = 3
    HISTOGRAM = 4


class Metric(NamedTuple):
    """One metric. Names of counters end in _total, as Prometheus shows them."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


METRICS: Mapping[str, Metric] = {
    "chairtime_workers": Metric(Kind.GAUGE, "Processes that answer."),
    "chairtime_requests_total": Metric(
        Kind.COUNTER,
        "Operations answered, by name (the first 100 names, then `other`) and kind; by a compiled plan or the stock path.",
        ("operation", "kind", "path", "outcome"),
    ),
    "chairtime_invalid_requests_total": Metric(Kind.COUNTER, "Documents that are no valid operation."),
    "chairtime_request_seconds": Metric(
        Kind.HISTOGRAM, "Time to an answer; of a subscription to its first result.", ("kind", "path")
    ),
    "chairtime_answers_total": Metric(
        Kind.COUNTER, "Answers by plans: kept ones proved again, made anew, or left to the stock path.", ("how",)
    ),
    "chairtime_answers_kept": Metric(Kind.GAUGE, "Requests whose plan and answers are kept."),
    "chairtime_answers_kept_bytes": Metric(Kind.GAUGE, "What they take, about."),
    "chairtime_cache_reads_total": Metric(
        Kind.COUNTER,
        "Stylists' dates read: from memory, redis, database, joined (waited for another's load) or bypass.",
        ("source",),
    ),
    "chairtime_cache_unverified_total": Metric(
        Kind.COUNTER, "Of those from memory, the ones that could not be verified since Postgres was away."
    ),
    "chairtime_cache_entries": Metric(Kind.GAUGE, "Entries in memory.", ("cache",)),
    "chairtime_cache_bytes": Metric(Kind.GAUGE, "What they take, estimated by weighing some.", ("cache",)),
    "chairtime_cache_expired_entries": Metric(
        Kind.GAUGE, "Stylists' dates past their time that nobody asked for since; 10 s old at most."
    ),
    "chairtime_cache_invalidations_total": Metric(
        Kind.COUNTER,
        "Entries that memory let go of: written here; told of a change (day, stylist, directory); outdated by a version check; "
        "expired; evicted for want of room.",
        ("cause",),
    ),
    "chairtime_days_ahead": Metric(Kind.GAUGE, "Stylists' next days that are to be in memory; 30 s old at most."),
    "chairtime_days_ready": Metric(Kind.GAUGE, "Of those, the ones that are."),
    "chairtime_days_prepared_total": Metric(
        Kind.COUNTER,
        "Stylists' dates made ready unasked: changed, the next ones (ahead), at night, or recalculated; from redis or database.",
        ("why", "source"),
    ),
    "chairtime_preparing_seconds_total": Metric(Kind.COUNTER, "Time that was spent on it within the budget."),
    "chairtime_demand_dates": Metric(
        Kind.GAUGE, "Stylists' dates of which it is remembered how often they are asked for."
    ),
    "chairtime_changes_heard_total": Metric(Kind.COUNTER, "Notifications of changes, by any program.", ("what",)),
    "chairtime_mismatches_total": Metric(
        Kind.COUNTER,
        "Answers that were wrong at a version said to be right: found by BYPASS, or by doing a plan's work again. Must be 0.",
        ("found_by",),
    ),
    "chairtime_plan_checks_total": Metric(Kind.COUNTER, "Plans' answers that were made again by the stock path."),
    "chairtime_version_checks_total": Metric(Kind.COUNTER, "Version queries sent, each for all who waited."),
    "chairtime_version_check_keys_total": Metric(Kind.COUNTER, "Versions asked for in them."),
    "chairtime_version_check_readers_total": Metric(Kind.COUNTER, "Reads that shared them."),
    "chairtime_version_check_failures_total": Metric(Kind.COUNTER, "Version queries that failed."),
    "chairtime_redis_total": Metric(Kind.COUNTER, "What became of entries in Redis.", ("what",)),
    "chairtime_pool_connections": Metric(Kind.GAUGE, "Connections to Postgres, used and idle.", ("state",)),
    "chairtime_pool_connections_max": Metric(Kind.GAUGE, "Connections to Postgres there may be."),
    "chairtime_pool_waits_total": Metric(Kind.COUNTER, "Times that somebody waited for a turn.", ("turn",)),
    "chairtime_pool_refusals_total": Metric(Kind.COUNTER, "Times that they waited in vain."),
    "chairtime_statement_seconds": Metric(Kind.HISTOGRAM, "Time a statement took.", ("statement",)),
    "chairtime_listeners": Metric(Kind.GAUGE, "Processes that hear of changes; as many as there are workers."),
    "chairtime_listener_connects_total": Metric(Kind.COUNTER, "Times that listening began."),
    "chairtime_listener_silent_seconds": Metric(
        Kind.HIGHEST, "Since the most silent listening connection was last known to be alive."
    ),
    "chairtime_websockets": Metric(Kind.GAUGE, "WebSockets open."),
    "chairtime_subscribers": Metric(Kind.GAUGE, "Subscriptions under way."),
    "chairtime_live_groups": Metric(Kind.GAUGE, "Different things that they watch; each is computed once."),
    "chairtime_live_results_total": Metric(Kind.COUNTER, "Results sent to subscribers."),
    "chairtime_rate_limited_total": Metric(
        Kind.COUNTER, "Requests refused with 429: by read or write of an address, or by tenant.", ("quota",)
    ),
    "chairtime_rate_settlements_total": Metric(
        Kind.COUNTER,
        "Times that a quota was asked for more; in memory only, or in the Redis that processes share.",
        ("store",),
    ),
    "chairtime_holds_total": Metric(Kind.COUNTER, "Mutations of holds that were done.", ("mutation",)),
    "chairtime_bookings_total": Metric(Kind.COUNTER, "Mutations of bookings that were done.", ("mutation",)),
    "chairtime_changes_total": Metric(
        Kind.COUNTER, "Other mutations done: hours, prices, people, places.", ("mutation",)
    ),
    "chairtime_webhooks_total": Metric(
        Kind.COUNTER, "Tries to tell endpoints: delivered, retried (it is to be tried again), given_up.", ("outcome",)
    ),
    "chairtime_webhooks_pending": Metric(
        Kind.HIGHEST, "What endpoints are still to be told, of all tenants; 10 s old at most."
    ),
    "chairtime_webhooks_oldest_seconds": Metric(Kind.HIGHEST, "How long the oldest of it has waited."),
    "chairtime_refusals_total": Metric(
        Kind.COUNTER, "Mutations refused, by the type of the Problem.", ("mutation", "reason")
    ),
}


class Metrics:
    """One a process. Whoever puts the server together hands in the parts that there are."""

    def __init__(self, app: App, listener: Listener | None = None, shelf: Shelf | None = None) -> None:
        """shelf: where other processes of the same server put their numbers."""
        self.meter = Meter()
        self.engine: Engine | None = None
        self.sockets_open: Callable[[], int] = int
        self.rates: Rates | None = None
        self._app = app
        self._listener = listener
        self._shelf = shelf
        self._statements: dict[str, Histogram] = {}
        self._looked_at_all = -LOOK_AT_ALL_S
        self._expired = self._of_directories = 0
        self._putting = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Statements are timed meanwhile, and the numbers put on the shelf."""
        queries.observers += self._observe, asked.count_statement
        task = asyncio.create_task(self._keep_putting(self._shelf), name="metrics") if self._shelf else None
        try:
            yield
        finally:
            queries.observers.remove(self._observe)
            queries.observers.remove(asked.count_statement)
            if task and self._shelf:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                with contextlib.suppress(OSError):
                    self._shelf.put(self.record())

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """All processes' metrics as Prometheus reads them, in the form that a header Accept asks for; and its content type."""
        # First put there, so that nobody who is asked next shows less than is shown now.
        found = await self._put(self._shelf) if self._shelf else self.record()
        return await asyncio.to_thread(self._written, found, accept)

    def record(self) -> Record:
        """This process's numbers."""
        now = time.monotonic()
        if now - self._looked_at_all >= LOOK_AT_ALL_S:
            self._looked_at_all = now
            self._expired, self._of_directories = self._app.days.expired(), self._app.directories.weigh()
        cache = counting.here(self._app, expired=self._expired)
        return Record(_as_json(self._numbers(cache)), asdict(cache))

    def _written(self, found: Record, accept: str) -> tuple[bytes, str]:
        """It takes tens of milliseconds, for which nobody else should wait."""
        others = self._shelf.others() if self._shelf else []
        encode, content_type = choose_encoder(accept)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected([found, *others]))
        return encode(registry), content_type

    async def _put(self, shelf: Shelf) -> Record:
        async with self._putting:
            found = self.record()
            try:
                await asyncio.to_thread(shelf.put, found)
            except OSError as error:
                log.warning("other processes do not see the metrics of this one", error=str(error))
            return found

    async def _keep_putting(self, shelf: Shelf) -> None:
        while True:
            await self._put(shelf)
            await asyncio.sleep(EVERY_S)

    def _observe(self, statement: str, seconds: float) -> None:
        histogram = self._statements.get(statement)
        if histogram is None:
            histogram = self._statements[statement] = Histogram()
        histogram.observe(seconds)

    def _numbers(self, cache: CacheNumbers) -> Numbers:
        return {
            "chairtime_workers": _one(1),
            **self._of_requests(),
            **self._of_cache(cache),
            **self._of_database(),
            **self._of_live(),
            **self._of_rates(),
            **_of_writes(self._app.written),
            **_of_webhooks(self._app.told),
        }

    def _of_requests(self) -> Numbers:
        meter, engine = self.meter, self.engine
        requests: Values = {(name, kind, STOCK, outcome): [n] for (name, kind, outcome), n in meter.requests.items()}
        requests |= {(name, "query", PLAN, OK): [n] for name, n in meter.planned.items()}
        seconds: Values = {(kind, STOCK): _of_histogram(one) for kind, one in meter.seconds.items()}
        seconds["query", PLAN] = _of_histogram(meter.planned_seconds)
        answers = engine.counts if engine else Counter[str]()
        return {
            "chairtime_requests_total": requests,
            "chairtime_invalid_requests_total": _one(meter.invalid),
            "chairtime_request_seconds": seconds,
            "chairtime_answers_total": {(how,): [answers[how]] for how in ("kept", "made", "stock")},
            "chairtime_answers_kept": _one(engine.requests_known if engine else 0),
            "chairtime_answers_kept_bytes": _one(engine.size if engine else 0),
            "chairtime_plan_checks_total": _one(answers["checked"]),
            "chairtime_mismatches_total": {
                ("plan check",): [answers["mismatch"]],
                ("bypass",): [self._app.days.counts["mismatch"] + self._app.directories.counts["mismatch"]],
            },
        }

    def _of_cache(self, cache: CacheNumbers) -> Numbers:
        days, directories, check = self._app.days, self._app.directories, self._app.check.counts
        invalidations = days.invalidations + directories.invalidations
        invalidations["outdated"] = days.counts["stale"] + directories.counts["stale"]
        causes = ("written", "day", "stylist", "directory", "outdated", "expired", "evicted")
        redis = {name for name in (*days.counts, *directories.counts) if name.startswith("redis_")}
        return {
            "chairtime_cache_reads_total": {
                ("memory",): [cache.memory],
                ("redis",): [cache.redis],
                ("database",): [cache.database],
                ("joined",): [cache.joined],
                ("bypass",): [cache.bypassed],
            },
            "chairtime_cache_unverified_total": _one(days.counts["unverified"]),
            "chairtime_cache_entries": {("days",): [cache.entries], ("directories",): [len(directories)]},
            "chairtime_cache_bytes": {("days",): [cache.size], ("directories",): [self._of_directories]},
            "chairtime_cache_expired_entries": _one(cache.expired),
            "chairtime_cache_invalidations_total": {(cause,): [invalidations[cause]] for cause in causes},
            "chairtime_days_ahead": _one(cache.ahead),
            "chairtime_days_ready": _one(cache.ready),
            "chairtime_days_prepared_total": {labels: [count] for labels, count in self._app.prepared.items()},
            "chairtime_preparing_seconds_total": _one(self._app.budget.spent_s),
            "chairtime_demand_dates": _one(len(self._app.demand)),
            "chairtime_changes_heard_total": _by_one(self._app.heard),
            "chairtime_version_checks_total": _one(check["batches"]),
            "chairtime_version_check_keys_total": _one(check["keys"]),
            "chairtime_version_check_readers_total": _one(check["askers"]),
            "chairtime_version_check_failures_total": _one(check["failures"]),
            "chairtime_redis_total": {
                (name.removeprefix("redis_"),): [days.counts[name] + directories.counts[name]] for name in redis
            },
        }

    def _of_database(self) -> Numbers:
        used, idle, most = self._app.database.connections
        waits, listener = self._app.database.waits, self._listener
        numbers: Numbers = {
            "chairtime_pool_connections": {("used",): [used], ("idle",): [idle]},
            "chairtime_pool_connections_max": _one(most),
            "chairtime_pool_waits_total": {("read",): [waits["read"]], ("write",): [waits["write"]]},
            "chairtime_pool_refusals_total": _one(waits["in vain"]),
            "chairtime_statement_seconds": {(name,): _of_histogram(one) for name, one in self._statements.items()},
        }
        if listener:
            numbers["chairtime_listeners"] = _one(listener.is_listening)
            numbers["chairtime_listener_connects_total"] = _one(listener.connects)
            numbers["chairtime_listener_silent_seconds"] = _one(listener.silent_s)
        return numbers

    def _of_live(self) -> Numbers:
        return {
            "chairtime_websockets": _one(self.sockets_open()),
            "chairtime_subscribers": _one(self.meter.subscribers),
            "chairtime_live_groups": _one(len(self._app.feed.groups)),
            "chairtime_live_results_total": _one(self.meter.results_sent),
        }

    def _of_rates(self) -> Numbers:
        refused = self.rates.refused if self.rates else Counter[str]()
        settled = self.rates.counts.settled if self.rates else Counter[str]()
        return {
            "chairtime_rate_limited_total": {(quota,): [refused[quota]] for quota in ("read", "write", "tenant")},
            "chairtime_rate_settlements_total": {(store,): [settled[store]] for store in ("memory", "redis")},
        }


def cache_numbers(records: Iterable[Record]) -> list[CacheNumbers]:
    """What cacheStats is made of."""
    return [CacheNumbers(**one.cache) for one in records]


def ended(records: Iterable[Record]) -> Record:
    """The records of processes that have ended, as one: what they did, and nothing of what they had."""
    found = list(records)
    metrics = {
        name: values
        for name, values in together(found).items()
        if name in METRICS and METRICS[name].kind in (Kind.COUNTER, Kind.HISTOGRAM)
    }
    cache = counting.together(cache_numbers(found)).without_what_there_is()
    return Record(_as_json(metrics), asdict(cache))


def together(records: Iterable[Record]) -> Numbers:
    """Several processes' metrics as those of one."""
    numbers: Numbers = {}
    for record in records:
        for name, rows in record.metrics.items():
            combine = max if name in METRICS and METRICS[name].kind is Kind.HIGHEST else sum
            known = numbers.setdefault(name, {})
            for labels, values in rows:
                key = tuple(labels)
                before = known.get(key)
                known[key] = [combine(pair) for pair in zip(before, values, strict=True)] if before else [*values]
    return numbers


class _Collected(Collector):
    """Numbers as prometheus_client takes them."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._numbers = together(records)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        for name, metric in METRICS.items():
            yield _family(name, metric, self._numbers.get(name, {}))


def _family(
    name: str, metric: Metric, values: Values
) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, metric.help, labels=metric.labels)
        for labels, (*counts, sum_s) in sorted(values.items()):
            bounds = [*map(str, BOUNDS_S), "+Inf"]
            histogram.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), sum_s)
        return histogram
    made = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = made(name, metric.help, labels=metric.labels)
    for labels, (value,) in sorted(values.items()):
        family.add_metric(labels, value)
    return family


def _of_writes(written: Mapping[tuple[str, str], int]) -> Numbers:
    numbers: Numbers = {
        "chairtime_holds_total": {},
        "chairtime_bookings_total": {},
        "chairtime_changes_total": {},
        "chairtime_refusals_total": {},
    }
    for (mutation, outcome), count in written.items():
        if outcome != DONE:
            numbers["chairtime_refusals_total"][mutation, outcome] = [count]
            continue
        what = "holds" if mutation in HOLDS else "bookings" if mutation.startswith("booking") else "changes"
        numbers[f"chairtime_{what}_total"][mutation,] = [count]
    return numbers


def _of_webhooks(told: Mapping[str, int]) -> Numbers:
    return {
        "chairtime_webhooks_total": {(one,): [told.get(one, 0)] for one in ("delivered", "retried", "given_up")},
        "chairtime_webhooks_pending": _one(told.get("pending", 0)),
        "chairtime_webhooks_oldest_seconds": _one(told.get("oldest_s", 0)),
    }


def _one(value: float) -> Values:
    return {(): [value]}


def _by_one(counts: Mapping[str, int]) -> Values:
    return {(name,): [count] for name, count in counts.items()}


def _of_histogram(histogram: Histogram) -> list[float]:
    return [*histogram.counts, histogram.sum_s]


def _as_json(numbers: Numbers) -> dict[str, list[tuple[list[str], list[float]]]]:
    return {name: [([*labels], values) for labels, values in found.items()] for name, found in numbers.items()}
