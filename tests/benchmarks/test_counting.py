"""The benchmark's own arithmetic: it must see an over-admission if there is one."""

from collections.abc import Callable

import pytest

from benchmarks.attempts import Grant
from benchmarks.bounds import worst
from benchmarks.limited import (
    Kind,
    calls_at_once,
    cost_a_day,
    most_at_once,
    most_in_a_minute,
    requests_a_minute,
    tokens_a_day,
)
from benchmarks.measure import percentile
from benchmarks.table import table


def a_grant(*, at_ms: int = 0, day: int = 1, tokens: int = 0, cost: int = 0, span: tuple[int, int] = (0, 1)) -> Grant:
    return Grant("alpha", day, at_ms, tokens, cost, began_ns=span[0], ended_ns=span[1])


def test_a_minute_is_any_sixty_seconds_not_a_calendar_one():
    grants = [a_grant(at_ms=at) for at in (59_000, 60_500, 118_999)]
    assert most_in_a_minute(grants) == 3


def test_a_request_exactly_a_minute_later_belongs_to_the_next_minute():
    assert most_in_a_minute([a_grant(at_ms=0), a_grant(at_ms=60_000)]) == 1


def test_calls_that_overlap_are_under_way_at_once():
    assert most_at_once([a_grant(span=(0, 10)), a_grant(span=(5, 15)), a_grant(span=(12, 20))]) == 2


def test_a_call_that_begins_when_another_ends_does_not_overlap_it():
    assert most_at_once([a_grant(span=(0, 10)), a_grant(span=(10, 20))]) == 1


def test_tokens_of_two_days_do_not_add_up():
    grants = [a_grant(day=1, tokens=700), a_grant(day=1, tokens=200), a_grant(day=2, tokens=500)]
    assert tokens_a_day(1_000).most(grants) == 900


def test_cost_is_counted_in_nano_dollars():
    assert cost_a_day(1).most([a_grant(cost=3), a_grant(cost=4)]) == 7


@pytest.mark.parametrize("kind", [requests_a_minute, tokens_a_day, cost_a_day, calls_at_once])
def test_no_grants_use_nothing(kind: Callable[[int], Kind]):
    assert kind(1).most([]) == 0


def test_the_median_of_ten_is_the_fifth():
    assert percentile(list(range(1, 11)), 50) == 5


def test_the_ninety_ninth_percentile_of_a_hundred_is_the_last_but_one():
    assert percentile(list(range(1, 101)), 99) == 99


def test_a_bound_speaks_of_the_worst_row():
    bound = worst("lease", limit=2.5, unit="x", measured=[(2.4, "ten"), (2.6, "a hundred")])
    assert (bound.verdict, bound.at) == ("FAIL", "a hundred")


def test_a_bound_that_is_met_exactly_holds():
    assert worst("pair", limit=60, unit="µs", measured=[(60.0, "here")]).verdict == "PASS"


def test_a_table_is_markdown():
    assert table(("name", "µs"), [("lease", "9")]).splitlines()[1] == "| ----- | -: |"
