"""What a server's parts have counted, read as metrics. The parts know nothing of this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cache.rates import Rates
from db.listen import Listener
from db.pool import Database
from execution.engine import Engine
from execution.metering import OK, PLAN, STOCK, Histogram, Meter
from ops.catalogue import Numbers, Values
from resolvers.app import App
from resolvers.counting import CacheNumbers
from resolvers.writing import DONE

HOLDS = frozenset({"holdPlace", "holdRelease"})


def of_requests(meter: Meter, engine: Engine | None, app: App) -> Numbers:
    """Operations, their answers and the plans behind them. engine: None where there are no plans."""
    requests: Values = {(name, kind, STOCK, outcome): [n] for (name, kind, outcome), n in meter.requests.items()}
    requests |= {(name, "query", PLAN, OK): [n] for name, n in meter.planned.items()}
    seconds: Values = {(kind, STOCK): _of_histogram(one) for kind, one in meter.seconds.items()}
    seconds["query", PLAN] = _of_histogram(meter.planned_seconds)
    answers = engine.counts if engine else Counter[str]()
    return {
        "chairtime_requests_total": requests,
        "chairtime_invalid_requests_total": plain(meter.invalid),
        "chairtime_request_seconds": seconds,
        "chairtime_answers_total": {(how,): [answers[how]] for how in ("kept", "made", "stock")},
        "chairtime_answers_kept": plain(engine.requests_known if engine else 0),
        "chairtime_answers_kept_bytes": plain(engine.size if engine else 0),
        "chairtime_plan_checks_total": plain(answers["checked"]),
        "chairtime_mismatches_total": {
            ("plan check",): [answers["mismatch"]],
            ("bypass",): [app.days.counts["mismatch"] + app.directories.counts["mismatch"]],
        },
    }


def of_cache(app: App, cache: CacheNumbers, directories_bytes: int) -> Numbers:
    """What caches hold, what became of reads and entries, and what is prepared ahead."""
    days, directories, check = app.days, app.directories, app.check.counts
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
        "chairtime_cache_unverified_total": plain(days.counts["unverified"]),
        "chairtime_cache_entries": {("days",): [cache.entries], ("directories",): [len(directories)]},
        "chairtime_cache_bytes": {("days",): [cache.size], ("directories",): [directories_bytes]},
        "chairtime_cache_expired_entries": plain(cache.expired),
        "chairtime_cache_invalidations_total": {(cause,): [invalidations[cause]] for cause in causes},
        "chairtime_days_ahead": plain(cache.ahead),
        "chairtime_days_ready": plain(cache.ready),
        "chairtime_days_prepared_total": {labels: [count] for labels, count in app.prepared.items()},
        "chairtime_preparing_seconds_total": plain(app.budget.spent_s),
        "chairtime_demand_dates": plain(len(app.demand)),
        "chairtime_changes_heard_total": _by_one(app.heard),
        "chairtime_version_checks_total": plain(check["batches"]),
        "chairtime_version_check_keys_total": plain(check["keys"]),
        "chairtime_version_check_readers_total": plain(check["askers"]),
        "chairtime_version_check_failures_total": plain(check["failures"]),
        "chairtime_redis_total": {
            (name.removeprefix("redis_"),): [days.counts[name] + directories.counts[name]] for name in redis
        },
    }


def of_database(database: Database, listener: Listener | None, statements: Mapping[str, Histogram]) -> Numbers:
    """Connections and statements. statements: their times, by name."""
    used, idle, most = database.connections
    waits = database.waits
    numbers: Numbers = {
        "chairtime_pool_connections": {("used",): [used], ("idle",): [idle]},
        "chairtime_pool_connections_max": plain(most),
        "chairtime_pool_waits_total": {("read",): [waits["read"]], ("write",): [waits["write"]]},
        "chairtime_pool_refusals_total": plain(waits["in vain"]),
        "chairtime_statement_seconds": {(name,): _of_histogram(one) for name, one in statements.items()},
    }
    if listener:
        numbers["chairtime_listeners"] = plain(listener.is_listening)
        numbers["chairtime_listener_connects_total"] = plain(listener.connects)
        numbers["chairtime_listener_silent_seconds"] = plain(listener.silent_s)
    return numbers


def of_live(meter: Meter, app: App, sockets: int) -> Numbers:
    """Who watches. sockets: how many are open."""
    return {
        "chairtime_websockets": plain(sockets),
        "chairtime_subscribers": plain(meter.subscribers),
        "chairtime_live_groups": plain(len(app.feed.groups)),
        "chairtime_live_results_total": plain(meter.results_sent),
    }


def of_rates(rates: Rates | None) -> Numbers:
    """What quotas refused."""
    refused = rates.refused if rates else Counter[str]()
    settled = rates.counts.settled if rates else Counter[str]()
    return {
        "chairtime_rate_limited_total": {(quota,): [refused[quota]] for quota in ("read", "write", "tenant")},
        "chairtime_rate_settlements_total": {(store,): [settled[store]] for store in ("memory", "redis")},
    }


def of_writes(written: Mapping[tuple[str, str], int]) -> Numbers:
    """Mutations done, each under what it is of, and those refused. written: by mutation and outcome."""
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


def of_webhooks(told: Mapping[str, int]) -> Numbers:
    """What endpoints were told, and are still to be."""
    return {
        "chairtime_webhooks_total": {(one,): [told.get(one, 0)] for one in ("delivered", "retried", "given_up")},
        "chairtime_webhooks_pending": plain(told.get("pending", 0)),
        "chairtime_webhooks_oldest_seconds": plain(told.get("oldest_s", 0)),
    }


def plain(value: float) -> Values:
    """The value of a metric without labels."""
    return {(): [value]}


def _by_one(counts: Mapping[str, int]) -> Values:
    return {(name,): [count] for name, count in counts.items()}


def _of_histogram(histogram: Histogram) -> list[float]:
    return [*histogram.counts, histogram.sum_s]
