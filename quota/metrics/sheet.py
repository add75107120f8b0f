"""Everything one scrape tells, as values. Money is in US dollars, times in seconds; what is exact stays exact."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from quota.metrics.catalogue import BY_NAME, Kind, Metric
from quota.metrics.counts import MICRO, SUM, parse

Labels = tuple[str, ...]
Value = int | float | Decimal
Rename = Callable[[Metric, Labels], Labels]


@dataclass(slots=True)
class Histogram:
    """How many observations fell into each bucket (not into those below it), and their sum in microseconds."""

    counts: Counter[int] = field(default_factory=Counter)
    sum_micro: int = 0

    @property
    def sum_seconds(self) -> Decimal:
        return Decimal(self.sum_micro) / MICRO


class Sheet:
    """Metrics with their values by labels."""

    def __init__(self) -> None:
        self.values: Final[defaultdict[Metric, dict[Labels, Value]]] = defaultdict(dict)
        self.histograms: Final[defaultdict[Metric, defaultdict[Labels, Histogram]]] = defaultdict(
            lambda: defaultdict(Histogram)
        )

    def put(self, metric: Metric, *labels: str, value: Value) -> None:
        """Write a value down; labels in the metric's order."""
        self.values[metric][labels] = value

    def add_counts(self, stored: Mapping[str, int], *, rename: Rename) -> None:
        """Take what was counted. Metrics that this version does not know are left out."""
        for text, count in stored.items():
            name, labels, bucket = parse(text)
            metric = BY_NAME.get(name)
            if metric is None or len(labels) != len(metric.labels):
                continue
            shown = rename(metric, labels)
            if metric.kind is Kind.HISTOGRAM:
                self._put_bucket(metric, shown, bucket, count)
            else:
                there = self.values[metric]
                there[shown] = there.get(shown, 0) + count

    def _put_bucket(self, metric: Metric, labels: Labels, bucket: str, count: int) -> None:
        histogram = self.histograms[metric][labels]
        if bucket == SUM:
            histogram.sum_micro += count
        else:
            histogram.counts[int(bucket)] += count
