"""Prices by the list, in whole nano-dollars."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quota.pricing import Price, known_models, price
from quota.records import TokenUsage

TODAY = date(2026, 11, 22)
MILLION = 1_000_000
counts = st.integers(min_value=0, max_value=10 * MILLION)
usages = st.builds(TokenUsage, counts, counts, counts, counts, counts)


def usd(model: str, usage: TokenUsage, on: date = TODAY, **how: object) -> Decimal:
    return price(model=model, usage=usage, on=on, **how).usd  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("claude-fable-5-2", ("8", "40", "0.20", "10", "16")),
        ("claude-mythos-5-1", ("10", "50", "0.25", "12.50", "20")),
        ("claude-fable-5", ("10", "50", "1", "12.50", "20")),
        ("claude-opus-5-5", ("4", "20", "0.20", "5", "8")),
        ("claude-opus-4-5-20251101", ("5", "25", "0.50", "6.25", "10")),
        ("claude-sonnet-5-5", ("2", "10", "0.10", "2.50", "4")),
        ("claude-sonnet-4-6", ("3", "15", "0.30", "3.75", "6")),
        ("claude-haiku-4-5", ("1", "5", "0.10", "1.25", "2")),
    ],
)
def test_a_million_tokens_of_each_kind_cost_the_list_price(model: str, dollars: tuple[str, ...]) -> None:
    kinds = [replace(TokenUsage(), **{name: MILLION}) for name in TokenUsage.__struct_fields__[:5]]
    assert [usd(model, kind) for kind in kinds] == [Decimal(amount) for amount in dollars]


def test_a_price_change_takes_effect_on_its_day() -> None:
    read = TokenUsage(cache_read_tokens=MILLION)
    assert usd("claude-sonnet-5-5", read, date(2026, 10, 6)) == Decimal("0.20")
    assert usd("claude-sonnet-5-5", read, date(2026, 10, 7)) == Decimal("0.10")


def test_haiku_costs_five_times_as_much_beyond_a_hundred_thousand_prompt_tokens() -> None:
    at, beyond = TokenUsage(input_tokens=100_000), TokenUsage(input_tokens=99_999, cache_read_tokens=2)
    assert price(model="claude-haiku-5-5", usage=at, on=TODAY).nano == 100_000 * 100
    assert price(model="claude-haiku-5-5", usage=beyond, on=TODAY).nano == 99_999 * 500 + 2 * 50


def test_fast_mode_costs_double_where_it_is_offered() -> None:
    assert usd("claude-opus-5-5", TokenUsage(input_tokens=MILLION), speed="fast") == 8


def test_fast_mode_of_a_model_that_does_not_list_it_is_double_and_not_known() -> None:
    assert price(model="claude-haiku-4-5", usage=TokenUsage(10), on=TODAY, speed="fast") == Price(20_000, False)


def test_us_residency_adds_a_tenth_for_models_that_know_it() -> None:
    assert usd("claude-opus-5", TokenUsage(input_tokens=MILLION), geo="us") == Decimal("5.5")
    assert usd("claude-opus-4-5", TokenUsage(input_tokens=MILLION), geo="us") == 5


def test_a_batch_costs_half_but_not_in_fast_mode() -> None:
    usage = TokenUsage(output_tokens=MILLION)
    assert usd("claude-opus-5", usage, batch=True) == Decimal("12.5")
    assert usd("claude-opus-5", usage, batch=True, speed="fast") == 50


def test_web_searches_cost_a_cent_each_whatever_the_discount() -> None:
    assert usd("claude-opus-5", TokenUsage(web_searches=3), batch=True, geo="us") == Decimal("0.03")


@given(usages)
def test_an_unknown_model_costs_at_least_as_much_as_any_known_one(usage: TokenUsage) -> None:
    unknown = price(model="claude-next-9", usage=usage, on=TODAY)
    assert not unknown.known
    assert all(unknown.nano >= price(model=model, usage=usage, on=TODAY).nano for model in known_models(TODAY))


@given(usages, usages)
def test_more_tokens_never_cost_less(usage: TokenUsage, more: TokenUsage) -> None:
    for model in known_models(TODAY):
        small = price(model=model, usage=usage, on=TODAY, geo="us", batch=True)
        assert price(model=model, usage=usage + more, on=TODAY, geo="us", batch=True).nano >= small.nano


@given(usages)
def test_money_is_whole_and_fractions_round_up(usage: TokenUsage) -> None:
    full = price(model="claude-haiku-5-5", usage=usage, on=TODAY).nano
    half = price(model="claude-haiku-5-5", usage=usage, on=TODAY, batch=True).nano
    assert isinstance(half, int)
    assert half == (full + 1) // 2
