"""Every metric that there is, as Prometheus is shown it, and the form of their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

Values = dict[tuple[str, ...], list[float]]  # by labels; of a histogram: a count a bucket, and the sum
Numbers = dict[str, Values]  # by the metric's name


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
