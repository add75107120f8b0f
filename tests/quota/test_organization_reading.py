"""The Admin API's answers: read exactly, or refused by name."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.credentials import Secret
from quota.errors import AdminAnswerOdd
from quota.organizations import reading
from quota.organizations.counts import Count, lines
from quota.organizations.matching import fits, matched
from quota.organizations.reading import CostFacts, KeyFacts, UsageFacts

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@given(st.integers(0, 10**11 - 1), st.integers(0, 6))
def test_cents_become_nano_dollars_exactly(units: int, places: int) -> None:
    cents = Decimal(units).scaleb(-places)
    assert reading.nano_of_cents(f"{cents:f}") == int(cents * 10_000_000)


@pytest.mark.parametrize("amount", ["", "much", "NaN", "Infinity", "1e999999", None, 12, 1.5])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    with pytest.raises(AdminAnswerOdd):
        reading.nano_of_cents(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [[{}], [{"id": 1}], [None], ["x"]])
def test_an_answer_of_another_shape_is_refused_by_name(rows: list[Any]) -> None:
    for read in (reading.keys, reading.rate_limits, reading.analytics_usage, reading.analytics_cost):
        with pytest.raises(AdminAnswerOdd):
            read(rows)


SECRET = Secret("sk-ant-api03-abcdefgh-middle-of-the-key-wxyz")


@pytest.mark.parametrize(
    ("hint", "fitting"),
    [
        ("sk-ant-api03-abc...wxyz", True),
        ("sk-ant-api03-abc...wxyy", False),
        ("sk-ant-api03-abd...wxyz", False),
        ("sk-ant-api03-abc", False),
        ("...", False),
        ("", False),
        (f"{SECRET.reveal()}...wxyz", False),
    ],
)
def test_a_hint_fits_by_beginning_and_end(hint: str, fitting: bool) -> None:
    assert fits(hint, SECRET) is fitting


def test_two_keys_that_look_alike_are_left_to_people() -> None:
    keys = [KeyFacts(name, name, "active", "sk-ant-api03-abc...wxyz") for name in ("one", "two")]
    assert matched(keys, {"alpha": SECRET}) == {}


def test_one_key_that_two_accounts_may_hold_is_left_to_people() -> None:
    keys = [KeyFacts("one", "one", "active", "sk-ant-api03-abc...wxyz")]
    assert matched(keys, {"alpha": SECRET, "bravo": SECRET}) == {}
    assert matched(keys, {"alpha": SECRET}) == {"alpha": "one"}


def test_two_counts_stand_side_by_side_the_latest_day_first() -> None:
    today, yesterday = date(2026, 11, 28), date(2026, 11, 27)
    ours = {("alpha", yesterday): Count(100, 5), ("alpha", today): Count(70, 3)}
    theirs = {("alpha", yesterday): Count(130, 9)}
    found = lines(ours, theirs, complete_until=NOW, now=NOW)
    assert [(line.day, line.tokens, line.cost_nano, line.final) for line in found] == [
        (today, -70, -3, False),
        (yesterday, 30, 4, True),
    ]
    assert found[1].drift_ppm == 30 * 1_000_000 // 130


def test_a_cost_that_was_not_told_by_key_is_no_difference() -> None:
    day = date(2026, 11, 27)
    (line,) = lines({("a", day): Count(1, 5)}, {("a", day): Count(1, None)}, complete_until=None, now=NOW)
    assert (line.tokens, line.cost_nano) == (0, None)


def test_rows_of_one_key_and_day_are_added_up() -> None:
    day = date(2026, 11, 27)
    rows = [UsageFacts("", day, None, 1, 2), UsageFacts("", day, 3, 10, 20), UsageFacts("k", day, 1)]
    assert reading.merged(rows) == [UsageFacts("", day, 3, 11, 22), UsageFacts("k", day, 1)]


def test_what_costs_without_tokens_has_a_row_too() -> None:
    day = date(2026, 11, 27)
    costs = reading.added_up([CostFacts("k", day, 5), CostFacts("k", day, 7)])
    assert costs == {("k", day): 12}
    assert reading.merged([], also=costs) == [UsageFacts("k", day)]
