"""Days and months begin at midnight UTC; what a call costs belongs to the day it was admitted in."""

import pytest

from quota.engine.types import Metric, Window
from tests.contract.stage import Stage, limited, utc_ms

DAILY = (Metric.TOKENS, Window.DAY, 100)
MONTHLY = (Metric.TOKENS, Window.MONTH, 100)


async def spend(stage: Stage, tokens: int) -> None:
    await stage.settle(await stage.lease(tokens=tokens), tokens=tokens)


@pytest.mark.parametrize(
    ("instant", "midnight"),
    [
        ((2026, 12, 31, 23, 59, 59), (2027, 1, 1)),
        ((2028, 2, 28, 5), (2028, 2, 29)),
        ((2027, 3, 28, 0, 30), (2027, 3, 29)),  # clocks change in Europe that night; UTC does not care
    ],
)
async def test_a_day_ends_at_midnight_utc(stage: Stage, instant: tuple[int, ...], midnight: tuple[int, ...]) -> None:
    stage.at(*instant)
    await stage.open(limited("alpha", DAILY))
    await spend(stage, 100)
    assert (await stage.refusal(tokens=1)).retry_at_ms == utc_ms(*midnight)
    stage.at(*midnight)
    await spend(stage, 100)


@pytest.mark.parametrize(
    ("instant", "first"),
    [
        ((2026, 12, 1), (2027, 1, 1)),
        ((2028, 2, 29, 12), (2028, 3, 1)),
        ((2027, 2, 28, 23), (2027, 3, 1)),
        ((2026, 4, 30, 23, 59), (2026, 5, 1)),
    ],
)
async def test_a_month_ends_at_midnight_before_the_first(
    stage: Stage, instant: tuple[int, ...], first: tuple[int, ...]
) -> None:
    stage.at(*instant)
    await stage.open(limited("alpha", MONTHLY))
    await spend(stage, 100)
    assert (await stage.refusal(tokens=1)).retry_at_ms == utc_ms(*first)
    stage.clock.now_ms = utc_ms(*first) - 1
    await stage.refusal(tokens=1)
    stage.later(1)
    await spend(stage, 100)


async def test_a_new_day_in_the_same_month_keeps_the_months_usage(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY, MONTHLY))
    await spend(stage, 60)
    stage.at(2026, 9, 16)
    await stage.refusal(tokens=41)
    await spend(stage, 40)
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens) == (40, 100)


async def test_a_call_over_midnight_is_charged_to_the_day_it_began(stage: Stage) -> None:
    stage.at(2026, 9, 15, 23, 59, 50)
    await stage.open(limited("alpha", DAILY, MONTHLY))
    lease = await stage.lease(tokens=80)
    stage.at(2026, 9, 16, 0, 0, 10)
    await stage.settle(lease, tokens=70)
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens, state.reserved_tokens) == (0, 70, 0)


async def test_a_call_over_the_turn_of_the_month_is_charged_to_neither_new_window(stage: Stage) -> None:
    stage.at(2026, 9, 30, 23, 59, 50)
    await stage.open(limited("alpha", DAILY, MONTHLY))
    lease = await stage.lease(tokens=80)
    stage.at(2026, 10, 1, 0, 0, 10)
    await spend(stage, 100)
    await stage.settle(lease, tokens=70)
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens, state.reserved_tokens) == (100, 100, 0)


async def test_the_event_names_the_day_a_call_was_charged_to(stage: Stage) -> None:
    stage.at(2026, 9, 15, 23, 59, 50)
    await stage.open("alpha")
    lease = await stage.lease()
    stage.at(2026, 9, 16, 0, 0, 10)
    await stage.settle(lease)
    (settled,) = await stage.told("lease.settled")
    assert int(settled["day"]) == lease.day == utc_ms(2026, 9, 15) // 86_400_000


async def test_an_idle_account_shows_a_new_day_without_a_call_to_begin_it(stage: Stage) -> None:
    await stage.open(limited("alpha", DAILY))
    await spend(stage, 100)
    stage.at(2026, 10, 2)
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens, state.load_ppm) == (0, 0, 0)
