"""Counts on their way: a counter of fields, each a metric with its labels and, for a histogram, a bucket. Pure.

A field is JSON, so that any label value may stand in it. Sums of seconds are kept in whole microseconds: Redis adds
integers exactly.
"""

import json
from bisect import bisect_left
from collections import Counter
from typing import Final

from quota.metrics.catalogue import Metric

Counts = Counter[str]
SUM: Final = "sum"
MICRO: Final = 1_000_000


def add(counts: Counts, metric: Metric, *labels: str, by: int = 1) -> None:
    """Count something; labels in the metric's order."""
    counts[_field(metric, labels, "")] += by


def observe(counts: Counts, metric: Metric, *labels: str, seconds: float) -> None:
    """Put a duration into its bucket."""
    counts[_field(metric, labels, str(bisect_left(metric.buckets, seconds)))] += 1
    counts[_field(metric, labels, SUM)] += max(0, round(seconds * MICRO))


def parse(field: str) -> tuple[str, tuple[str, ...], str]:
    """The metric's name, the labels and the bucket (an index, `sum`, or nothing). Raises ValueError."""
    name, labels, bucket = json.loads(field)
    return name, tuple(labels), bucket


def _field(metric: Metric, labels: tuple[str, ...], bucket: str) -> str:
    return json.dumps([metric.name, labels, bucket], separators=(",", ":"))
