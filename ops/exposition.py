"""Records as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from execution.metering import BOUNDS_S
from ops.catalogue import METRICS, Kind, Metric, Values
from ops.records import together
from ops.shelf import Record


def written(records: Iterable[Record], accept: str) -> tuple[bytes, str]:
    """All processes' metrics in the form that a header Accept asks for; and its content type."""
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(records))
    return encode(registry), content_type


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
