"""Stream entries become counts: requests by outcome, their times, calls by account and outcome."""

import json
from typing import Any

from quota.metrics.catalogue import ATTEMPTS, DURATION, FAILOVERS, FIRST_BYTE, REQUESTS, WAIT, Metric
from quota.metrics.counting import counts_of
from quota.metrics.counts import Counts, parse
from quota.records import ACTIVITY_COMPLETED, ACTIVITY_FAILED, ActivityEnded
from tests.quota.entries import ALICE, NOON_MS, activity, attempt, entry, event, expired, settled

POOL = "pool"


def found(counts: Counts, metric: Metric) -> dict[tuple[str, ...], int]:
    parsed = ((parse(field), count) for field, count in counts.items())
    return {(*labels, bucket): count for (name, labels, bucket), count in parsed if name == metric.name}


def ended(**columns: Any) -> ActivityEnded:
    usual: dict[str, Any] = {"activity": activity(1), "ok": True, "begun_ms": NOON_MS, "at_ms": NOON_MS + 2_500}
    return ActivityEnded(**(usual | columns))


def test_a_request_that_went_well_is_completed() -> None:
    counts = counts_of(POOL, [event(1, ACTIVITY_COMPLETED, ended())])
    assert found(counts, REQUESTS) == {(POOL, "completed", ""): 1}


def test_one_that_failed_counts_under_its_error() -> None:
    counts = counts_of(POOL, [event(1, ACTIVITY_FAILED, ended(ok=False, error_type="rate_limit_error"))])
    assert found(counts, REQUESTS) == {(POOL, "rate_limit_error", ""): 1}


def test_a_word_that_is_not_ours_makes_no_series_of_its_own() -> None:
    counts = counts_of(POOL, [event(1, ACTIVITY_FAILED, ended(ok=False, error_type="<script>" * 9))])
    assert found(counts, REQUESTS) == {(POOL, "other", ""): 1}


def test_the_duration_is_from_arrival_to_end() -> None:
    counts = counts_of(POOL, [event(1, ACTIVITY_COMPLETED, ended())])
    at = str(DURATION.buckets.index(4.0))
    assert found(counts, DURATION) == {(POOL, at): 1, (POOL, "sum"): 2_500_000}


def test_the_wait_ends_with_the_first_call_and_the_first_byte_is_the_last_calls() -> None:
    calls = (
        attempt(1, started_ms=NOON_MS + 100, first_content_ms=None, outcome="server_error"),
        attempt(2, started_ms=NOON_MS + 900, first_content_ms=NOON_MS + 1_500),
    )
    counts = counts_of(POOL, [event(1, ACTIVITY_COMPLETED, ended(attempts=calls))])
    assert found(counts, WAIT)[POOL, "sum"] == 100_000
    assert found(counts, FIRST_BYTE)[POOL, "sum"] == 1_500_000
    assert found(counts, FAILOVERS) == {(POOL, ""): 1}


def test_who_was_never_served_waited_until_the_end() -> None:
    counts = counts_of(POOL, [event(1, ACTIVITY_FAILED, ended(ok=False, error_type="rate_limit_error"))])
    assert found(counts, WAIT)[POOL, "sum"] == 2_500_000
    assert not found(counts, FIRST_BYTE)


def test_a_sender_of_the_version_before_does_not_say_when_it_began() -> None:
    old = ended(begun_ms=0, attempts=(attempt(1, started_ms=NOON_MS + 500),))
    counts = counts_of(POOL, [event(1, ACTIVITY_COMPLETED, old)])
    assert found(counts, DURATION)[POOL, "sum"] == 2_000_000


def test_calls_count_by_account_and_outcome() -> None:
    entries = [
        settled(1, note=attempt(1)),
        settled(2, note=attempt(2, outcome="throttle")),
        settled(3, verdict="neutral"),
        expired(4),
    ]
    words = {labels[2]: count for labels, count in found(counts_of(POOL, entries), ATTEMPTS).items()}
    assert words == {"success": 1, "throttle": 1, "neutral": 1, "expired": 1}
    assert all(labels[1] == str(ALICE) for labels in found(counts_of(POOL, entries), ATTEMPTS))


def test_what_cannot_be_read_counts_nothing() -> None:
    broken = [
        entry(1, ACTIVITY_COMPLETED, payload="{"),
        entry(2, ACTIVITY_COMPLETED),
        settled(3, note="{"),
        entry(4, "breaker.opened"),
    ]
    assert not counts_of(POOL, broken)


def test_a_field_is_json_so_that_any_label_fits() -> None:
    field = next(iter(counts_of(POOL, [expired(1)])))
    assert json.loads(field) == [ATTEMPTS.name, [POOL, str(ALICE), "expired"], ""]
