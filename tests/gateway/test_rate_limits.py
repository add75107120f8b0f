"""What is read of the headers in which Anthropic tells of its limits: nothing that makes no sense."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rate_limits import said
from quota.engine.calendar import DAY_MS
from quota.engine.said import Bucket, Dimension
from simulator.buckets import GroupBuckets, Limits, rate_headers

NOON = 1_795_435_200_000
SECOND = 1_000


def told(kind="requests", *, limit="60", remaining="45", full_in_ms=15_000):
    reset = datetime.fromtimestamp((NOON + full_in_ms) / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {f"anthropic-ratelimit-{kind}-{part}": text for part, text in _parts(limit, remaining, reset)}


def _parts(limit, remaining, reset):
    return (("limit", limit), ("remaining", remaining), ("reset", reset))


def read(headers, *, sent_ms=NOON - 2_000, heard_ms=NOON):
    return said(headers, group="opus-5", sent_ms=sent_ms, heard_ms=heard_ms)


def test_all_twelve_headers_of_the_simulator_are_read():
    buckets = GroupBuckets(limits=Limits(rpm=50, itpm=30_000, otpm=8_000), now=NOON / SECOND)
    buckets.admit(5_000, NOON / SECOND)
    found = read(rate_headers([buckets], NOON / SECOND))
    assert found.group == "opus-5"
    assert {bucket.dimension: (bucket.limit, bucket.remaining) for bucket in found.buckets} == {
        Dimension.REQUESTS: (50, 49),
        Dimension.INPUT: (30_000, 24_500),  # told in thousands, to the nearest
        Dimension.OUTPUT: (8_000, 8_000),
        Dimension.TOKENS: (38_000, 32_500),
    }


def test_an_answer_without_such_headers_says_nothing():
    assert read({"request-id": "req_1"}) is None


def test_what_belongs_to_no_model_group_is_not_read():
    assert said(told(), group="", sent_ms=NOON, heard_ms=NOON) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"limit": "0"},
        {"limit": "-5"},
        {"limit": "many"},
        {"limit": "9" * 40},
        {"remaining": ""},
        {"remaining": "1e3"},
        {"remaining": "٣"},
    ],
    ids=str,
)
def test_a_limit_that_makes_no_sense_is_left_out(odd):
    assert read(told(**odd)) is None


@pytest.mark.parametrize("reset", ["", "soon", "2026-11-23T12:00:15"])
def test_a_reset_that_is_no_instant_makes_the_limit_untold(reset):
    assert read(told() | {"anthropic-ratelimit-requests-reset": reset}) is None


def test_what_is_missing_makes_a_limit_untold_and_leaves_the_others():
    headers = told() | {"anthropic-ratelimit-tokens-limit": "1000"}
    assert [bucket.dimension for bucket in read(headers).buckets] == [Dimension.REQUESTS]


def test_when_it_was_true_follows_from_the_reset():
    """15 of 60 are back in 15 s: Anthropic looked 15 s before the reset, less the second that resets are rounded by."""
    assert read(told(full_in_ms=15_000), sent_ms=NOON - 30_000).after_ms == 29_000
    assert read(told(full_in_ms=0), sent_ms=NOON - 30_000).after_ms == 14_000


@pytest.mark.parametrize(("skew_ms", "after_ms"), [(-3_600_000, 0), (3_600_000, 2_000)])
def test_clocks_that_differ_move_it_no_further_than_the_call_lasted(skew_ms, after_ms):
    assert read(told(full_in_ms=15_000 + skew_ms)).after_ms == after_ms


def test_a_reset_far_beyond_a_minutes_filling_is_of_a_longer_window():
    (bucket,) = read(told(remaining="30", full_in_ms=600_000)).buckets
    assert (bucket.remaining, bucket.window_ms) == (30, 1_200_000)


def test_a_reset_beyond_an_empty_limit_of_tokens_shows_that_it_is_overdrawn():
    (bucket,) = read(told("output-tokens", limit="8000", remaining="0", full_in_ms=90_000)).buckets
    assert bucket == Bucket(Dimension.OUTPUT, 8_000, -4_000)


@given(
    limit=st.integers(1, 10**9),
    remaining=st.integers(0, 10**9),
    full_in_ms=st.integers(-(10**9), 10**12),
    kind=st.sampled_from([str(dimension).replace(" ", "-") for dimension in Dimension]),
)
def test_whatever_is_told_fills_within_a_day_and_never_holds_more_than_its_limit(limit, remaining, full_in_ms, kind):
    found = read(told(kind, limit=str(limit), remaining=str(remaining), full_in_ms=full_in_ms))
    (bucket,) = found.buckets
    assert bucket.remaining <= bucket.limit
    assert 60_000 <= bucket.window_ms <= DAY_MS
    assert (bucket.limit - bucket.remaining) * bucket.window_ms / bucket.limit <= DAY_MS + 60_000
    assert 0 <= found.after_ms <= 2_000
