"""Amounts, forecasts and files as people read them. Pure."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from quota.amounts import amount_of, dollars, nano_dollars, percent, short
from quota.charts import bars
from quota.csv_export import csv_lines
from quota.engine.types import Limit, Metric, Window
from quota.engine.views import LimitState
from quota.outlook import pool_line, room
from tests.quota.states import state

NOON = int(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp() * 1_000)
DOLLAR = 10**9


def daily(metric=Metric.COST, *, used, amount, reserved=0):
    return LimitState(Limit(metric, Window.DAY, amount), used, reserved, NOON)


def account(*limits):
    return state(limits=limits)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (999, "999"), (1_000, "1K"), (1_250, "1.2K"), (123_456, "123K"), (5_000_000_000, "5B")],
)
def test_counts_are_short(number, words):
    assert short(number) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [("0", "$0.00"), ("12.345", "$12.35"), ("1234.5", "$1,234.50"), ("0.0012", "$0.0012"), ("0.00001", "< $0.0001")],
)
def test_dollars_never_round_to_nothing(amount, words):
    assert dollars(Decimal(amount)) == words


def test_a_limit_is_shown_in_its_unit():
    assert (amount_of(Metric.COST, 50 * DOLLAR), amount_of(Metric.TOKENS, 5_000)) == ("$50.00", "5K")


def test_only_what_is_full_is_100_percent():
    assert (percent(999, 1_000), percent(1_000, 1_000), percent(1, 0)) == (99, 100, 0)


def test_a_pool_is_told_in_one_line():
    states = [
        account(daily(used=19 * DOLLAR, amount=50 * DOLLAR)),
        account(daily(used=19 * DOLLAR, amount=50 * DOLLAR)),
    ]
    line = pool_line(states, serving=1, used={Metric.COST: 31 * DOLLAR}, now_ms=NOON)
    assert line == "1 of 2 accounts serving · 38 % of today's cost used · room until about 14:00 UTC"


def test_without_limits_nothing_is_forecast():
    assert room([account()], used={Metric.COST: DOLLAR}, now_ms=NOON) == "no limit for the day"


def test_one_account_without_a_limit_is_said():
    states = [account(daily(used=1, amount=2)), account()]
    assert room(states, used={Metric.COST: 1}, now_ms=NOON) == "not every account has a limit for the day"


def test_without_traffic_there_is_no_forecast():
    assert "no forecast" in room([account(daily(used=1, amount=2))], used={}, now_ms=NOON)


def test_what_lasts_beyond_midnight_lasts_for_the_day():
    states = [account(daily(used=0, amount=100 * DOLLAR))]
    assert room(states, used={Metric.COST: DOLLAR}, now_ms=NOON) == "room for the rest of the day (UTC)"


def test_what_is_used_up_has_no_room():
    states = [account(daily(used=1, reserved=1, amount=2))]
    assert room(states, used={Metric.COST: 1}, now_ms=NOON) == "no room until 00:00 UTC"


def test_the_first_limit_to_run_out_decides():
    states = [account(daily(used=0, amount=10 * DOLLAR), daily(Metric.TOKENS, used=0, amount=100))]
    assert room(states, used={Metric.COST: DOLLAR, Metric.TOKENS: 100}, now_ms=NOON).endswith("13:00 UTC")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "  =1", "\t=1"])
def test_a_text_never_becomes_a_formula(text):
    assert list(csv_lines(["a"], [[text]]))[1].lstrip('"').startswith("'")


def test_numbers_and_instants_stay_what_they_are():
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    line = list(csv_lines(["a"], [[-5, Decimal("0.10"), at, None, True]]))[1]
    assert line == "-5,0.10,2026-11-28T12:00:00+00:00,,True\r\n"


def test_a_chart_says_in_words_what_it_shows():
    chart = bars(title="requests", total="7", labels=["12:00", "13:00"], values=[2, 5])
    assert chart.summary == "requests: 7 in 2 steps, most at 13:00"


def test_money_in_a_chart_is_text():
    assert '"0.30"' in bars(title="cost", total="", labels=["a"], values=[Decimal("0.30")]).data


def test_nano_dollars_are_dollars():
    assert nano_dollars(1_500_000_000) == "$1.50"
