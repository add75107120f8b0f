"""Ranking, as pure functions."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from quota.engine.strategies import STRIDE, Standing, advance, overloaded, rank
from quota.engine.types import Strategy

numbers = st.integers(0, 10**9)
standings = st.builds(
    Standing, id=st.text(min_size=1), priority=numbers, load_ppm=numbers, in_flight=numbers, passed=numbers,
    last_turn=numbers,
)  # fmt: skip
every_strategy = st.sampled_from(list(Strategy))
IDLE = Standing(id="alpha", priority=100, load_ppm=0, in_flight=0, passed=0, last_turn=0)


@given(standings, standings, every_strategy)
def test_ranks_of_two_accounts_never_tie(one: Standing, other: Standing, strategy: Strategy) -> None:
    if one.id != other.id:
        assert rank(one, strategy) != rank(other, strategy)


@given(standings, numbers)
def test_more_load_never_ranks_an_account_before_less(standing: Standing, more: int) -> None:
    fuller = replace(standing, load_ppm=standing.load_ppm + more)
    assert rank(standing, Strategy.LEAST_LOADED) <= rank(fuller, Strategy.LEAST_LOADED)


@given(standings, standings)
def test_a_lower_priority_number_goes_before_everything_else(one: Standing, other: Standing) -> None:
    first = replace(one, priority=other.priority - 1)
    assert rank(first, Strategy.PRIORITY) < rank(other, Strategy.PRIORITY)


def test_a_part_in_a_million_of_load_weighs_more_than_any_number_of_calls_under_way() -> None:
    busy, fuller = replace(IDLE, in_flight=10**6), replace(IDLE, load_ppm=1)
    assert rank(busy, Strategy.LEAST_LOADED) < rank(fuller, Strategy.LEAST_LOADED)


@given(numbers, numbers, st.integers(1, STRIDE))
def test_a_turn_always_moves_an_account_on(passed: int, virtual_time: int, weight: int) -> None:
    later, now = advance(passed=passed, virtual_time=virtual_time, weight=weight)
    assert later > now >= virtual_time
    assert now >= passed


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(1, 20))
def test_turns_are_shared_exactly_by_weight(weights: list[int], rounds: int) -> None:
    """After whole rounds of as many turns as all weights together, everybody has had their share, give or take one."""
    passed, last, served, now = [0] * len(weights), [0] * len(weights), [0] * len(weights), 0
    for turn in range(1, rounds * sum(weights) + 1):
        chosen = min(range(len(weights)), key=lambda index: (passed[index], last[index], index))
        passed[chosen], now = advance(passed=passed[chosen], virtual_time=now, weight=weights[chosen])
        last[chosen], served[chosen] = turn, served[chosen] + 1
    assert all(abs(got - rounds * weight) <= 1 for got, weight in zip(served, weights, strict=True))


def test_a_session_leaves_only_beyond_the_margin() -> None:
    assert not overloaded(own_ppm=350_000, best_ppm=100_000, margin_ppm=250_000)
    assert overloaded(own_ppm=350_001, best_ppm=100_000, margin_ppm=250_000)
