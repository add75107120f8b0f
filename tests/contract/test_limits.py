"""Limits: each metric in each window, filled to the last unit and never beyond."""

import pytest

from quota.engine.types import NEVER, Metric, Reason, Settlement, Verdict, Window
from tests.contract.stage import NOON, POOL, Stage, limited, utc_ms

ENDS = {Window.MINUTE: NOON + 61_000, Window.DAY: utc_ms(2026, 9, 16), Window.MONTH: utc_ms(2026, 10, 1)}
EVERY = [(metric, window) for metric in Metric for window in Window]
HELD = [(metric, window) for metric in (Metric.TOKENS, Metric.COST) for window in Window]
every_limit = pytest.mark.parametrize(("metric", "window"), EVERY)
every_held_limit = pytest.mark.parametrize(("metric", "window"), HELD)


async def fill(stage: Stage, metric: Metric, window: Window) -> None:
    """A limit of three, and three calls that take one of each metric."""
    await stage.open(limited("alpha", (metric, window, 3)))
    for _ in range(3):
        lease = await stage.lease(tokens=1, cost=1)
        await stage.settle(lease, tokens=1, cost=1)


@every_limit
async def test_a_limit_can_be_filled_exactly_and_not_by_one_more(stage: Stage, metric: Metric, window: Window) -> None:
    await fill(stage, metric, window)
    (block,) = (await stage.refusal(tokens=1, cost=1)).blocks
    assert (block.reason, block.detail) == (Reason.LIMIT, f"{metric} per {window}")


@every_limit
async def test_the_refusal_names_the_instant_from_which_it_fits_again(
    stage: Stage, metric: Metric, window: Window
) -> None:
    await fill(stage, metric, window)
    refusal = await stage.refusal(tokens=1, cost=1)
    assert refusal.retry_at_ms == ENDS[window]
    stage.later(refusal.retry_after_ms - 1)
    await stage.refusal(tokens=1, cost=1)
    stage.later(1)
    await stage.lease(tokens=1, cost=1)


@every_limit
async def test_a_limit_of_nothing_admits_nothing_ever(stage: Stage, metric: Metric, window: Window) -> None:
    await stage.open(limited("alpha", (metric, window, 0)))
    assert (await stage.refusal(tokens=1, cost=1)).retry_at_ms == NEVER


@every_limit
async def test_the_snapshot_shows_how_much_is_gone_and_when_it_returns(
    stage: Stage, metric: Metric, window: Window
) -> None:
    await fill(stage, metric, window)
    (state,) = (await stage.look()).limits
    assert (state.limit.amount, state.used, state.reserved, state.resets_ms) == (3, 3, 0, ENDS[window])


@every_limit
async def test_a_call_that_was_never_sent_gives_everything_back(stage: Stage, metric: Metric, window: Window) -> None:
    await fill(stage, metric, window)
    await stage.open(limited("alpha", (metric, window, 4)))
    lease = await stage.lease(tokens=1, cost=1)
    await stage.settle(lease, Verdict.NEUTRAL, sent=False)
    assert (await stage.look()).limits[0].used == 3
    await stage.lease(tokens=1, cost=1)


@every_held_limit
async def test_an_estimate_is_held_against_the_limit_while_the_call_runs(
    stage: Stage, metric: Metric, window: Window
) -> None:
    await stage.open(limited("alpha", (metric, window, 100)))
    await stage.lease(tokens=70, cost=70)
    assert (await stage.refusal(tokens=31, cost=31)).blocks[0].reason is Reason.LIMIT
    await stage.lease(tokens=30, cost=30)


@every_held_limit
async def test_settling_below_the_estimate_makes_room_at_once(stage: Stage, metric: Metric, window: Window) -> None:
    await stage.open(limited("alpha", (metric, window, 100)))
    await stage.settle(await stage.lease(tokens=100, cost=100), tokens=60, cost=60)
    await stage.refusal(tokens=41, cost=41)
    await stage.lease(tokens=40, cost=40)


@every_held_limit
async def test_settling_above_the_estimate_is_charged_in_full(stage: Stage, metric: Metric, window: Window) -> None:
    await stage.open(limited("alpha", (metric, window, 100)))
    await stage.settle(await stage.lease(tokens=10, cost=10), tokens=130, cost=130)
    assert (await stage.look()).limits[0].used == 130
    await stage.refusal()


@pytest.mark.parametrize("window", [Window.DAY, Window.MONTH])
async def test_where_only_a_call_under_way_stands_in_the_way_the_next_try_is_soon(stage: Stage, window: Window) -> None:
    await stage.open(limited("alpha", (Metric.TOKENS, window, 100)))
    await stage.lease(tokens=100)
    assert (await stage.refusal(tokens=50)).retry_after_ms == 1_000


async def test_an_estimate_larger_than_the_whole_limit_never_fits(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.TOKENS, Window.DAY, 100)))
    assert (await stage.refusal(tokens=101)).retry_at_ms == NEVER


async def test_every_limit_an_account_has_must_fit(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.TOKENS, Window.MINUTE, 100), (Metric.COST, Window.MONTH, 5)))
    await stage.refusal(tokens=101, cost=1)
    await stage.refusal(tokens=1, cost=6)
    await stage.lease(tokens=100, cost=5)


async def test_of_several_limits_the_one_that_lasts_longest_is_named(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.REQUESTS, Window.MINUTE, 1), (Metric.REQUESTS, Window.DAY, 1)))
    await stage.call()
    assert (await stage.refusal()).retry_at_ms == ENDS[Window.DAY]


async def test_a_refusal_reserves_nothing(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.REQUESTS, Window.DAY, 5), (Metric.TOKENS, Window.DAY, 10)))
    for _ in range(20):
        await stage.refusal(tokens=11)
    state = await stage.look()
    assert [limit.used + limit.reserved for limit in state.limits] == [0, 0]
    assert state.minute_requests == 0


async def test_requests_count_when_admitted_not_when_settled(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.REQUESTS, Window.MINUTE, 2)))
    await stage.lease()
    await stage.lease()
    await stage.refusal()


async def test_an_account_without_limits_is_never_refused_for_one(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(50):
        await stage.lease(tokens=10**9, cost=10**12)


async def test_money_of_millions_of_dollars_is_counted_to_the_nano_dollar(stage: Stage) -> None:
    millions = 9_000_000 * 10**9 - 1
    await stage.open(limited("alpha", (Metric.COST, Window.MONTH, millions)))
    await stage.settle(await stage.lease(cost=millions - 1), cost=millions - 1)
    await stage.refusal(cost=2)
    await stage.lease(cost=1)


async def test_a_concurrency_cap_holds_and_frees_with_each_settlement(stage: Stage) -> None:
    await stage.open(limited("alpha", max_concurrency=2))
    first, _ = await stage.lease(), await stage.lease()
    refusal = await stage.refusal()
    assert (refusal.blocks[0].reason, refusal.retry_after_ms) == (Reason.CONCURRENCY, 1_000)
    await stage.engine.settle(POOL, first.id, Settlement(verdict=Verdict.SUCCESS))
    await stage.lease()
    await stage.refusal()
