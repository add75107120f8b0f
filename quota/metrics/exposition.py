"""A sheet in the text that Prometheus reads. Its numbers are floats: here, to be shown, money becomes one."""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from quota.metrics.catalogue import ALL, Kind, Metric
from quota.metrics.sheet import Histogram, Sheet

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def text_of(sheet: Sheet) -> bytes:
    """Write it out, every metric with its help even where it has no value yet."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sheet(sheet))
    return generate_latest(registry)


class _Sheet(Collector):
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet

    def collect(self) -> Iterator[Family]:
        for metric in ALL:
            yield _histogram(metric, self._sheet) if metric.kind is Kind.HISTOGRAM else _plain(metric, self._sheet)


def _plain(metric: Metric, sheet: Sheet) -> Family:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in sorted(sheet.values.get(metric, {}).items()):
        family.add_metric(labels, float(value))
    return family


def _histogram(metric: Metric, sheet: Sheet) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, histogram in sorted(sheet.histograms.get(metric, {}).items(), key=lambda pair: pair[0]):
        family.add_metric(labels, list(_buckets(metric.buckets, histogram)), sum_value=float(histogram.sum_seconds))
    return family


def _buckets(bounds: Iterable[float], histogram: Histogram) -> Iterator[tuple[str, float]]:
    """Pairs of an upper bound and how many observations are not above it."""
    names = [*(str(bound) for bound in bounds), "+Inf"]
    return zip(names, accumulate(float(histogram.counts[at]) for at in range(len(names))), strict=True)
