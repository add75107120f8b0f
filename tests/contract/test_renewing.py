"""Renewing: a long call keeps its lease; a call that begins to answer says so at once."""

from quota.engine.types import BreakerState, Verdict
from tests.contract.stage import NOON, POOL, Stage


async def test_it_moves_the_deadline_to_now_plus_the_time_given(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(ttl_ms=10_000)
    stage.later(9_999)
    assert await stage.engine.renew(POOL, lease.id, ttl_ms=10_000)
    stage.clock.now_ms = NOON + 19_998
    assert await stage.engine.expire(POOL) == 0
    stage.later(1)
    assert await stage.engine.expire(POOL) == 1


async def test_it_may_shorten_a_lease_too(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(ttl_ms=60_000)
    await stage.engine.renew(POOL, lease.id, ttl_ms=1_000)
    stage.later(1_000)
    assert await stage.engine.expire(POOL) == 1


async def test_an_expired_lease_cannot_be_renewed(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(ttl_ms=10_000)
    stage.later(10_000)
    assert not await stage.engine.renew(POOL, lease.id, ttl_ms=10_000)
    assert (await stage.look()).in_flight == 0


async def test_nor_can_one_that_was_settled_or_never_granted(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease()
    await stage.settle(lease)
    assert not await stage.engine.renew(POOL, lease.id, ttl_ms=10_000)
    assert not await stage.engine.renew(POOL, "nobody", ttl_ms=10_000)


async def test_a_call_that_answers_ends_the_run_of_failures_at_once(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    lease = await stage.lease()
    await stage.engine.renew(POOL, lease.id, ttl_ms=10_000, alive=True)
    assert (await stage.look()).failures == 0


async def test_without_that_word_renewing_says_nothing_about_the_account(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    lease = await stage.lease()
    await stage.engine.renew(POOL, lease.id, ttl_ms=10_000)
    assert (await stage.look()).failures == 4


async def test_a_call_that_answered_and_then_broke_off_counts_as_a_failure(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease()
    await stage.engine.renew(POOL, lease.id, ttl_ms=10_000, alive=True)
    await stage.settle(lease, Verdict.FAILURE)
    assert (await stage.look()).failures == 1


async def test_a_probe_that_answered_and_then_broke_off_is_a_failure_of_the_closed_breaker(stage: Stage) -> None:
    await stage.open("alpha")
    probe = await stage.half_open()
    await stage.engine.renew(POOL, probe.id, ttl_ms=10_000, alive=True)
    await stage.settle(probe, Verdict.FAILURE)
    state = await stage.look()
    assert (state.breaker, state.failures) == (BreakerState.CLOSED, 1)


async def test_an_answer_of_a_call_from_before_a_trip_closes_nothing(stage: Stage) -> None:
    await stage.open("alpha")
    old = await stage.lease(ttl_ms=900_000)
    await stage.trip()
    await stage.engine.renew(POOL, old.id, ttl_ms=900_000, alive=True)
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_a_renewed_lease_is_settled_like_any_other(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=100, ttl_ms=10_000)
    stage.later(9_000)
    await stage.engine.renew(POOL, lease.id, ttl_ms=10_000)
    stage.later(9_000)
    assert not (await stage.settle(lease, tokens=40)).late
    assert (await stage.look()).day_tokens == 40
