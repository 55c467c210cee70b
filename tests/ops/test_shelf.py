"""Several processes' numbers as one's: what has ended counts on, and nothing goes down."""

from __future__ import annotations

import os
from pathlib import Path

from ops.records import ended, together
from ops.shelf import Record, Shelf

CACHE = dict.fromkeys(
    ["processes", "memory", "redis", "database", "joined", "bypassed", "mismatches", "entries", "size", "expired",
     "ahead", "ready"], 1
)  # fmt: skip


def record(requests: float, entries: float, silent: float) -> Record:
    return Record(
        {
            "chairtime_requests_total": [(["A", "query", "stock", "ok"], [requests])],
            "chairtime_cache_entries": [(["days"], [entries])],
            "chairtime_listener_silent_seconds": [([], [silent])],
            "chairtime_request_seconds": [(["query", "stock"], [1.0, 2.0, 0.5])],
        },
        CACHE,
    )


def put(folder: Path, pid: int, of: Record) -> None:
    Shelf(folder)._write(str(pid), {"metrics": of.metrics, "cache": of.cache})


def test_counts_are_added_and_the_most_silent_listener_tells() -> None:
    found = together([record(1, 10, 0.1), record(2, 20, 7.0)])

    assert found["chairtime_requests_total"] == {("A", "query", "stock", "ok"): [3]}
    assert found["chairtime_cache_entries"] == {("days",): [30]}
    assert found["chairtime_listener_silent_seconds"] == {(): [7.0]}
    assert found["chairtime_request_seconds"] == {("query", "stock"): [2, 4, 1]}


def test_one_s_own_record_is_not_among_the_others(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(record(1, 1, 1))
    put(tmp_path, 1, record(5, 5, 5))

    assert [one.metrics["chairtime_requests_total"][0][1] for one in shelf.others()] == [[5]]


def test_who_has_ended_has_done_what_it_did_and_has_nothing_any_more(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for pid in (1, 2, 3):
        put(tmp_path, pid, record(pid, pid, pid))

    for pid in (1, 2, 4):
        shelf.bury(pid, ended)
    found, caches = together(shelf.others()), [one.cache for one in shelf.others()]

    assert found["chairtime_requests_total"] == {("A", "query", "stock", "ok"): [6]}
    assert found["chairtime_request_seconds"] == {("query", "stock"): [3, 6, 1.5]}
    assert found["chairtime_cache_entries"] == {("days",): [3]}
    assert found["chairtime_listener_silent_seconds"] == {(): [3]}
    assert sum(one["memory"] for one in caches) == 3
    assert sum(one["processes"] for one in caches) == 1
    assert sorted(os.listdir(tmp_path)) == ["3", "ended"]


def test_who_is_buried_this_moment_is_not_counted_twice(tmp_path: Path) -> None:
    """Added to those that have ended, and not yet taken away."""
    shelf = Shelf(tmp_path)
    put(tmp_path, 1, record(1, 1, 1))
    shelf.bury(1, ended)
    put(tmp_path, 1, record(1, 1, 1))

    assert together(shelf.others())["chairtime_requests_total"] == {("A", "query", "stock", "ok"): [1]}
