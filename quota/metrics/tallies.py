"""What this process counts by itself: additions to a dict, carried to Redis every few seconds (see `pulse`)."""

from collections import Counter
from typing import Final

from quota.metrics import counts
from quota.metrics.catalogue import Metric
from quota.metrics.counts import Counts

_counted: Final[Counts] = Counter()


def add(metric: Metric, *labels: str, by: int = 1) -> None:
    """Count something; labels in the metric's order."""
    counts.add(_counted, metric, *labels, by=by)


def observe(metric: Metric, *labels: str, seconds: float) -> None:
    """Put a duration into its bucket."""
    counts.observe(_counted, metric, *labels, seconds=seconds)


def taken() -> Counts:
    """Give what was counted since the last time, for whoever carries it on."""
    mine = Counter(_counted)
    _counted.clear()
    return mine


def put_back(counts: Counts) -> None:
    """It could not be carried on."""
    _counted.update(counts)
