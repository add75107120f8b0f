"""A sheet as Prometheus reads it, read back with Prometheus's own parser."""

from collections import Counter
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from quota.metrics import counts
from quota.metrics.catalogue import ALL, COST, DURATION, LEASES, REQUESTS, Metric
from quota.metrics.exposition import text_of
from quota.metrics.sheet import Labels, Sheet


def as_it_is(_metric: Metric, labels: Labels) -> Labels:
    return labels


def samples(sheet: Sheet) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by their labels, which are in the order of their names."""
    read: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text_of(sheet).decode()):
        for sample in family.samples:
            read.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return read


def counted(*seconds: float) -> Sheet:
    these: counts.Counts = Counter()
    for one in seconds:
        counts.observe(these, DURATION, "default", seconds=one)
    sheet = Sheet()
    sheet.add_counts(these, rename=as_it_is)
    return sheet


def test_a_value_is_shown_with_its_labels() -> None:
    sheet = Sheet()
    sheet.put(LEASES, 'a "pool"\n', value=3)
    assert samples(sheet)[LEASES.name] == {('a "pool"\n',): 3.0}


def test_money_is_shown_in_dollars() -> None:
    sheet = Sheet()
    sheet.put(COST, "default", "alice", value=Decimal("0.000000001"))
    assert samples(sheet)[COST.name] == {("alice", "default"): 1e-9}


def test_a_bucket_holds_everything_up_to_its_bound() -> None:
    read = samples(counted(0.1, 0.3, 0.5, 9_999.0))
    buckets = {labels[0]: value for labels, value in read[f"{DURATION.name}_bucket"].items()}
    assert (buckets["0.1"], buckets["0.25"], buckets["0.5"], buckets["600.0"], buckets["+Inf"]) == (1, 1, 3, 3, 4)


def test_a_histogram_has_a_count_and_a_sum() -> None:
    read = samples(counted(0.25, 0.5))
    assert read[f"{DURATION.name}_count"] == {("default",): 2.0}
    assert read[f"{DURATION.name}_sum"] == {("default",): 0.75}


def test_what_another_version_counted_is_left_out() -> None:
    sheet = Sheet()
    sheet.add_counts(
        {'["nubabel_future_total",["x"],""]': 1, f'["{REQUESTS.name}",["too few"],""]': 1}, rename=as_it_is
    )
    assert not samples(sheet)


def test_counts_that_get_the_same_name_add_up() -> None:
    these: counts.Counts = Counter()
    for pool in ("one", "two"):
        counts.add(these, REQUESTS, pool, "completed")
    sheet = Sheet()
    sheet.add_counts(these, rename=lambda _, labels: ("gone", labels[1]))
    assert samples(sheet)[REQUESTS.name] == {("completed", "gone"): 2.0}


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_every_metric_is_described_even_before_it_has_a_value(metric: Metric) -> None:
    assert f"# HELP {metric.name} ".encode() in text_of(Sheet())


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_name_says_its_kind_and_unit(metric: Metric) -> None:
    assert metric.name.startswith("nubabel_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
