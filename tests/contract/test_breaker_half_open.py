"""Half-open: one probe at a time, with a deadline; what it brings home decides."""

import pytest

from quota.engine.types import BreakerSettings, BreakerState, Reason, Verdict
from tests.contract.stage import OPEN_MS, POOL, Stage, reasons


async def test_only_one_call_passes(stage: Stage) -> None:
    await stage.open("alpha")
    probe = await stage.half_open()
    refusal = await stage.refusal()
    assert reasons(refusal) == {"alpha": Reason.PROBING}
    assert refusal.retry_at_ms == probe.deadline_ms


@pytest.mark.parametrize("verdict", [Verdict.SUCCESS, Verdict.ALIVE])
async def test_an_answering_probe_closes_it(stage: Stage, verdict: Verdict) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), verdict)
    state = await stage.look()
    assert (state.breaker, state.failures, state.probing, state.breaker_why) == (BreakerState.CLOSED, 0, False, "")


@pytest.mark.parametrize("verdict", [Verdict.FAILURE, Verdict.OVERLOADED])
async def test_one_failing_probe_opens_it_again_for_the_whole_time(stage: Stage, verdict: Verdict) -> None:
    await stage.open("alpha")
    probe = await stage.half_open()
    stage.later(2_000)
    await stage.settle(probe, verdict)
    state = await stage.look()
    assert (state.breaker, state.open_until_ms) == (BreakerState.OPEN, stage.clock.now_ms + OPEN_MS)


async def test_a_neutral_probe_frees_the_place_and_decides_nothing(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), Verdict.NEUTRAL)
    assert (await stage.look()).breaker is BreakerState.HALF_OPEN
    assert (await stage.lease()).probe


async def test_a_probe_that_was_never_sent_frees_the_place(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), Verdict.NEUTRAL, sent=False)
    assert (await stage.lease()).probe


async def test_a_dead_prober_blocks_nobody_beyond_its_deadline(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.half_open(ttl_ms=30_000)
    stage.later(29_999)
    await stage.refusal()
    stage.later(1)
    assert (await stage.lease()).probe


async def test_the_late_answer_of_a_dead_prober_decides_nothing(stage: Stage) -> None:
    await stage.open("alpha")
    dead = await stage.half_open(ttl_ms=1_000)
    stage.later(1_000)
    second = await stage.lease()
    await stage.settle(dead, Verdict.FAILURE)
    assert (await stage.look()).probing
    await stage.settle(second)
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_renewing_the_probe_keeps_the_place_longer(stage: Stage) -> None:
    await stage.open("alpha")
    probe = await stage.half_open(ttl_ms=1_000)
    assert await stage.engine.renew(POOL, probe.id, ttl_ms=50_000)
    stage.later(49_999)
    assert reasons(await stage.refusal()) == {"alpha": Reason.PROBING}


async def test_a_probe_that_begins_to_answer_closes_it_before_it_has_ended(stage: Stage) -> None:
    await stage.open("alpha")
    probe = await stage.half_open()
    assert await stage.engine.renew(POOL, probe.id, ttl_ms=60_000, alive=True)
    assert (await stage.look()).breaker is BreakerState.CLOSED
    assert not (await stage.lease()).probe


@pytest.mark.parametrize("verdict", [Verdict.SUCCESS, Verdict.FAILURE, Verdict.ALIVE])
async def test_a_call_from_before_the_trip_decides_nothing(stage: Stage, verdict: Verdict) -> None:
    await stage.open("alpha")
    old = await stage.lease(ttl_ms=900_000)
    await stage.half_open()
    await stage.settle(old, verdict)
    state = await stage.look()
    assert (state.breaker, state.probing) == (BreakerState.HALF_OPEN, True)


async def test_as_many_good_probes_as_the_pool_asks_for_close_it(stage: Stage) -> None:
    await stage.open("alpha", breaker=BreakerSettings(successes_to_close=3))
    await stage.settle(await stage.half_open())
    for _ in range(2):
        assert (await stage.look()).breaker is BreakerState.HALF_OPEN
        await stage.call()
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_a_failure_among_them_begins_the_count_again(stage: Stage) -> None:
    await stage.open("alpha", breaker=BreakerSettings(successes_to_close=2))
    await stage.settle(await stage.half_open())
    await stage.fail("alpha")
    stage.later(OPEN_MS)
    await stage.call()
    assert (await stage.look()).breaker is BreakerState.HALF_OPEN


async def test_every_transition_begins_a_new_generation(stage: Stage) -> None:
    await stage.open("alpha")
    seen = [(await stage.lease()).generation]
    await stage.trip()
    seen.append((await stage.look()).generation)
    stage.later(OPEN_MS)
    probe = await stage.lease()
    seen.append(probe.generation)
    await stage.settle(probe)
    seen.append((await stage.look()).generation)
    assert seen == [0, 1, 2, 3]


async def test_closing_forgets_the_failures_from_before(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open())
    await stage.fail("alpha", 4)
    assert (await stage.look()).breaker is BreakerState.CLOSED
