"""When a limit runs out, and how sure that is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.alerting.forecast import Forecast, Outcome, forecast, said
from tests.quota.alerting.cast import NOON_MS

HOUR_MS = 3_600_000
MIDNIGHT_MS = NOON_MS + 12 * HOUR_MS
SINCE = "the last 6 hours"


def seen(used: list[int], *, left: int) -> Forecast:
    return forecast(used, span_ms=HOUR_MS, left=left, now_ms=NOON_MS, resets_ms=MIDNIGHT_MS)


def words(used: list[int], *, left: int) -> str:
    return said(seen(used, left=left), now_ms=NOON_MS, since=SINCE)


def test_a_steady_rate_runs_out_when_it_says() -> None:
    assert seen([100] * 6, left=300) == Forecast(Outcome.RUNS_OUT, *[NOON_MS + 3 * HOUR_MS] * 3)


def test_a_rate_that_is_low_enough_lasts() -> None:
    assert seen([10] * 6, left=300).outcome is Outcome.LASTS


@pytest.mark.parametrize("used", [[], [0] * 6, [0, 0, 0, 0, 50, 50]])
def test_two_spans_are_too_little_to_say(used: list[int]) -> None:
    assert seen(used, left=300).outcome is Outcome.UNKNOWN


def test_hours_before_the_first_use_are_not_hours_of_little_use() -> None:
    assert seen([0, 0, 0, 100, 100, 100], left=300) == seen([100] * 3, left=300)


def test_what_is_gone_needs_no_forecast() -> None:
    assert seen([100] * 6, left=0).outcome is Outcome.OUT
    assert words([], left=0) == "It is used up until it resets."


def test_words_give_the_likely_time_and_its_range() -> None:
    assert words([80, 120, 90, 110, 100, 100], left=900) == (
        "At the rate of the last 6 hours it is out about 21:00 (20:22–21:43)."
    )


def test_words_say_when_it_may_also_last() -> None:
    assert words([10, 200, 10, 150, 5, 200], left=900).endswith(" on, or not at all).")


def test_words_say_that_it_lasts_and_when_it_is_out_at_the_earliest() -> None:
    assert words([10] * 6, left=300) == "At the rate of the last 6 hours it lasts until it resets."
    assert "(at the earliest it is out 2" in words([50, 100, 20, 90, 30, 80], left=760)


def test_words_say_that_there_is_too_little_to_say() -> None:
    assert words([], left=300) == "Too little was used lately to say when it is out."


def test_another_day_is_named_with_its_date() -> None:
    month_end = NOON_MS + 30 * 24 * HOUR_MS
    later = forecast([100] * 7, span_ms=24 * HOUR_MS, left=350, now_ms=NOON_MS, resets_ms=month_end)
    assert "about 2026-11-26 00:00" in said(later, now_ms=NOON_MS, since=SINCE)


amounts = st.lists(st.integers(0, 10**15), max_size=8)


@given(amounts, st.integers(0, 10**18))
def test_the_likely_time_lies_within_its_range_and_before_the_reset(used: list[int], left: int) -> None:
    it = seen(used, left=left)
    if it.outcome is Outcome.RUNS_OUT:
        assert NOON_MS <= it.earliest_ms <= it.at_ms < MIDNIGHT_MS
        assert it.latest_ms == 0 or it.at_ms <= it.latest_ms < MIDNIGHT_MS
    else:
        assert (it.at_ms, it.latest_ms) == (0, 0)


@given(amounts, st.integers(1, 10**18))
def test_more_that_is_left_never_runs_out_sooner(used: list[int], left: int) -> None:
    less, more = seen(used, left=left), seen(used, left=left + 10**12)
    assert less.outcome is not Outcome.LASTS or more.outcome is Outcome.LASTS
    assert more.outcome is not Outcome.RUNS_OUT or less.at_ms <= more.at_ms
