"""The calendar's integers against datetime, in Python and in Lua."""

from datetime import UTC, datetime, timedelta

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from quota.engine import calendar
from quota.engine.scripts import source

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
days = st.integers(0, 80_000)  # up to the year 2189
instants = st.integers(0, 80_000 * calendar.DAY_MS)


def date_of(day: int) -> datetime:
    return EPOCH + timedelta(days=day)


@given(instants)
def test_a_day_is_the_utc_date(now_ms: int) -> None:
    assert date_of(calendar.day_of(now_ms)).date() == (EPOCH + timedelta(milliseconds=now_ms)).date()


@given(instants)
def test_a_day_ends_after_every_instant_of_it_and_within_a_day(now_ms: int) -> None:
    end = calendar.day_end_ms(calendar.day_of(now_ms))
    assert now_ms < end <= now_ms + calendar.DAY_MS


@given(days)
def test_a_month_is_the_calendars(day: int) -> None:
    year, month = divmod(calendar.month_of(day), 12)
    assert (year, month + 1) == (date_of(day).year, date_of(day).month)


@given(days)
def test_a_month_ends_on_the_first_of_the_next(day: int) -> None:
    end = EPOCH + timedelta(milliseconds=calendar.month_end_ms(calendar.month_of(day)))
    last = date_of(day).replace(day=28) + timedelta(days=4)
    assert end == last.replace(day=1)


@given(instants, st.integers(0, 60_000))
def test_whatever_happened_within_the_last_sixty_seconds_still_counts(happened: int, ago: int) -> None:
    assert calendar.slot_end_ms(calendar.slot_of(happened)) > happened + ago


@given(instants)
def test_nothing_counts_for_more_than_sixty_one_seconds(happened: int) -> None:
    assert calendar.slot_end_ms(calendar.slot_of(happened)) <= happened + 61_000


@pytest.mark.parametrize("name", ["month_of", "month_end"])
def test_the_scripts_count_as_python_does_over_two_centuries(redis_url: str, name: str) -> None:
    over = (range(80_000), calendar.month_of) if name == "month_of" else (range(1970 * 12, 2189 * 12), _month_end)
    text = f"local DAY_MS = 86400000\n{source('calendar')}\n"
    text += (
        f"local all = {{}}\nfor i = tonumber(ARGV[1]), tonumber(ARGV[2]) do all[#all + 1] = {name}(i) end\nreturn all"
    )
    with redis.Redis.from_url(redis_url) as client:
        theirs = client.eval(text, 0, over[0][0], over[0][-1])
    assert theirs == [over[1](value) for value in over[0]]


def _month_end(month: int) -> int:
    return calendar.month_end_ms(month)
