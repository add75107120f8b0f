"""Closed: calls pass, failures in a row are counted, the fifth opens."""

import pytest

from quota.engine.types import BreakerSettings, BreakerState, Verdict
from tests.contract.stage import NOON, OPEN_MS, Stage


async def test_four_failures_in_a_row_leave_it_closed(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    state = await stage.look()
    assert (state.breaker, state.failures) == (BreakerState.CLOSED, 4)


async def test_the_fifth_opens_it_for_three_hundred_seconds(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 5)
    state = await stage.look()
    assert (state.breaker, state.open_until_ms) == (BreakerState.OPEN, NOON + OPEN_MS)


async def test_the_reason_of_the_last_failure_can_be_read(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.call("alpha", Verdict.FAILURE, why="connect timeout")
    assert (await stage.look()).breaker_why == "connect timeout"


async def test_a_success_ends_the_run(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.call("alpha")
    await stage.fail("alpha", 4)
    assert (await stage.look()).breaker is BreakerState.CLOSED


@pytest.mark.parametrize("verdict", [Verdict.ALIVE, Verdict.NEUTRAL])
async def test_what_says_nothing_about_failing_neither_counts_nor_ends_the_run(stage: Stage, verdict: Verdict) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.call("alpha", verdict)
    assert (await stage.look()).failures == 4
    await stage.fail("alpha")
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_an_overload_counts_as_a_failure_where_nobody_else_sees_one(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(5):
        await stage.call("alpha", Verdict.OVERLOADED)
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_every_account_has_a_run_of_its_own(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    for _ in range(4):
        await stage.fail("alpha")
        await stage.fail("bravo")
    assert [(await stage.look(name)).failures for name in ("alpha", "bravo")] == [4, 4]


async def test_in_a_row_means_the_order_in_which_calls_end(stage: Stage) -> None:
    await stage.open("alpha")
    leases = [await stage.lease() for _ in range(5)]
    for lease in leases[1:]:
        await stage.settle(lease, Verdict.FAILURE)
    await stage.settle(leases[0])
    assert (await stage.look()).failures == 0


async def test_the_call_that_was_begun_first_may_be_the_one_that_opens_it(stage: Stage) -> None:
    await stage.open("alpha")
    leases = [await stage.lease() for _ in range(5)]
    for lease in reversed(leases):
        await stage.settle(lease, Verdict.FAILURE)
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_threshold_and_duration_are_settings_of_the_pool(stage: Stage) -> None:
    await stage.open("alpha", breaker=BreakerSettings(threshold=2, open_ms=7_000))
    await stage.fail("alpha", 2)
    assert (await stage.look()).open_until_ms == NOON + 7_000


async def test_a_lower_threshold_counts_from_the_next_failure_on(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.open("alpha", breaker=BreakerSettings(threshold=2))
    assert (await stage.look()).breaker is BreakerState.CLOSED
    await stage.fail("alpha")
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_no_call_in_it_is_a_probe(stage: Stage) -> None:
    await stage.open("alpha")
    assert not (await stage.lease()).probe


async def test_a_call_whose_holder_died_says_nothing_about_the_account(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.lease(ttl_ms=1_000)
    stage.later(1_000)
    await stage.engine.expire("pool")
    assert (await stage.look()).failures == 4
