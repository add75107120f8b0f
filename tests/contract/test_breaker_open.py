"""Open: nothing passes until the time is up; whatever still comes home changes nothing."""

import pytest

from quota.engine.types import BreakerState, Reason, Verdict
from tests.contract.stage import NOON, OPEN_MS, Stage


async def test_it_refuses_and_says_until_when_and_why(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    refusal = await stage.refusal()
    (block,) = refusal.blocks
    assert (block.reason, block.until_ms, block.detail) == (Reason.BREAKER_OPEN, NOON + OPEN_MS, "http 503")
    assert refusal.retry_at_ms == NOON + OPEN_MS


async def test_it_refuses_up_to_the_last_millisecond(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS - 1)
    await stage.refusal()


async def test_at_the_very_instant_named_it_lets_one_through(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS)
    assert (await stage.lease()).probe
    assert (await stage.look()).breaker is BreakerState.HALF_OPEN


async def test_it_stays_open_while_nobody_asks(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS * 100)
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_other_accounts_serve_meanwhile(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.trip()
    assert {await stage.call() for _ in range(10)} == {"bravo"}


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_a_late_result_of_a_call_from_before_changes_nothing_of_it(stage: Stage, verdict: Verdict) -> None:
    await stage.open("alpha")
    late = await stage.lease(ttl_ms=600_000)
    await stage.trip()
    before = await stage.look()
    stage.later(60_000)
    await stage.settle(late, verdict, why="late")
    after = await stage.look()
    assert (after.breaker, after.generation, after.open_until_ms) == (before.breaker, before.generation, NOON + OPEN_MS)


async def test_what_a_late_call_used_is_charged_all_the_same(stage: Stage) -> None:
    await stage.open("alpha")
    late = await stage.lease(ttl_ms=600_000, tokens=50)
    await stage.trip()
    await stage.settle(late, Verdict.FAILURE, tokens=20)
    state = await stage.look()
    assert (state.day_tokens, state.reserved_tokens, state.in_flight) == (20, 0, 0)


async def test_a_repeated_call_for_a_lease_granted_before_gets_its_grant(stage: Stage) -> None:
    await stage.open("alpha")
    granted = await stage.lease()
    await stage.trip()
    assert await stage.lease(lease_id=granted.id) == granted
