"""Token buckets and the headers made of them."""

from hypothesis import given
from hypothesis import strategies as st

from simulator.buckets import GroupBuckets, Limits, TokenBucket, rate_headers

NOON = 1_795_348_800.0


def test_a_new_bucket_is_full() -> None:
    assert TokenBucket(capacity=60, now=NOON).level(NOON) == 60


def test_a_bucket_of_sixty_a_minute_regains_one_each_second() -> None:
    bucket = TokenBucket(capacity=60, now=NOON)
    bucket.take(60, NOON)
    assert bucket.level(NOON + 1) == 1
    assert bucket.wait_for(1, NOON + 1) == 0
    assert bucket.wait_for(3, NOON + 1) == 2


def test_a_bucket_never_holds_more_than_its_capacity() -> None:
    bucket = TokenBucket(capacity=60, now=NOON)
    assert bucket.level(NOON + 3600) == 60


def test_what_never_fits_waits_until_the_bucket_is_full() -> None:
    bucket = TokenBucket(capacity=100, now=NOON)
    bucket.take(100, NOON)
    assert bucket.wait_for(1_000, NOON) == 60


def test_full_refill_is_announced_for_the_instant_it_happens() -> None:
    bucket = TokenBucket(capacity=60, now=NOON)
    bucket.take(30, NOON)
    assert bucket.full_at(NOON) == NOON + 30


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), min_size=1, max_size=60))
def test_no_span_admits_more_than_capacity_plus_refill(steps: list[tuple[float, int]]) -> None:
    bucket, now, admitted = TokenBucket(capacity=60, now=NOON), NOON, 0
    for pause, amount in steps:
        now += pause
        if bucket.fits(amount, now):
            bucket.take(amount, now)
            admitted += amount
    assert admitted <= 60 + (now - NOON) + 1e-6


def test_the_first_empty_bucket_is_named() -> None:
    buckets = GroupBuckets(limits=Limits(rpm=1, itpm=100, otpm=100), now=NOON)
    buckets.admit(10, NOON)
    shortage = buckets.shortage(10, NOON)
    assert shortage is not None
    assert (shortage.dimension, shortage.retry_after) == ("requests", 60)


def test_an_overdrawn_output_bucket_refuses_the_next_request() -> None:
    buckets = GroupBuckets(limits=Limits(rpm=10, itpm=100, otpm=60), now=NOON)
    buckets.output.take(90, NOON)
    shortage = buckets.shortage(1, NOON)
    assert shortage is not None
    assert (shortage.dimension, shortage.retry_after) == ("output tokens", 31)


def test_there_are_twelve_headers() -> None:
    headers = rate_headers([GroupBuckets(limits=Limits(rpm=10, itpm=100, otpm=60), now=NOON)], NOON)
    kinds = ("requests", "tokens", "input-tokens", "output-tokens")
    assert set(headers) == {f"anthropic-ratelimit-{k}-{p}" for k in kinds for p in ("limit", "remaining", "reset")}


def test_remaining_tokens_are_rounded_to_thousands() -> None:
    buckets = GroupBuckets(limits=Limits(rpm=10, itpm=10_000, otpm=4_000), now=NOON)
    buckets.admit(2_345, NOON)
    headers = rate_headers([buckets], NOON)
    assert headers["anthropic-ratelimit-input-tokens-remaining"] == "8000"
    assert headers["anthropic-ratelimit-tokens-remaining"] == "12000"
    assert headers["anthropic-ratelimit-requests-remaining"] == "9"


def test_reset_is_the_instant_of_full_refill_in_rfc_3339() -> None:
    buckets = GroupBuckets(limits=Limits(rpm=60, itpm=600, otpm=600), now=NOON)
    buckets.admit(300, NOON)
    headers = rate_headers([buckets], NOON)
    assert headers["anthropic-ratelimit-requests-reset"] == "2026-11-22T12:00:01Z"
    assert headers["anthropic-ratelimit-input-tokens-reset"] == "2026-11-22T12:00:30Z"
    assert headers["anthropic-ratelimit-tokens-reset"] == "2026-11-22T12:00:30Z"


def test_a_lower_workspace_limit_is_the_one_that_is_shown() -> None:
    organization = GroupBuckets(limits=Limits(rpm=100, itpm=9_000, otpm=9_000), now=NOON)
    workspace = GroupBuckets(limits=Limits(rpm=5, itpm=2_000, otpm=1_000), now=NOON)
    headers = rate_headers([organization, workspace], NOON)
    assert headers["anthropic-ratelimit-tokens-limit"] == "3000"
    assert headers["anthropic-ratelimit-requests-limit"] == "5"
