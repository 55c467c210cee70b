"""A process's numbers as they are put on the shelf, and several processes' as those of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from ops.catalogue import METRICS, Kind, Numbers
from ops.shelf import Record
from resolvers import counting
from resolvers.counting import CacheNumbers


def record(numbers: Numbers, cache: CacheNumbers) -> Record:
    """A process's metrics, and what cacheStats is made of."""
    metrics = {name: [([*labels], values) for labels, values in found.items()] for name, found in numbers.items()}
    return Record(metrics, asdict(cache))


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
    return record(metrics, counting.together(cache_numbers(found)).without_what_there_is())


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
