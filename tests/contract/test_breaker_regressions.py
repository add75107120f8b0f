"""Breakers of others have broken in these ways; each test is named for the thread that tells of it."""

import asyncio
from collections import Counter

import pytest

from quota.engine.errors import EngineEmpty
from quota.engine.types import (
    Account,
    BreakerSettings,
    BreakerState,
    Lease,
    LeaseRequest,
    PoolSettings,
    Reason,
    Settlement,
    Verdict,
)
from tests.contract.stage import NOON, OPEN_MS, OPUS, POOL, Stage, reasons


async def test_polly_1979_a_probe_that_ends_in_an_ignored_error_leaves_no_account_half_open_for_ever(
    stage: Stage,
) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), Verdict.NEUTRAL)
    await stage.call()
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_polly_216_a_slow_probe_lets_no_second_one_in(stage: Stage) -> None:
    await stage.open("alpha")
    probe = await stage.half_open()
    for _ in range(10):
        stage.later(5_000)
        assert await stage.engine.renew(POOL, probe.id, ttl_ms=60_000)
        assert reasons(await stage.refusal()) == {"alpha": Reason.PROBING}


async def test_polly_217_a_call_begun_while_closed_does_not_decide_half_open(stage: Stage) -> None:
    await stage.open("alpha")
    old = await stage.lease(ttl_ms=900_000)
    probe = await stage.half_open()
    await stage.settle(old)
    assert (await stage.look()).breaker is BreakerState.HALF_OPEN
    await stage.settle(probe, Verdict.FAILURE)
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_polly_311_an_ignored_error_of_the_probe_does_not_open_it_again(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), Verdict.NEUTRAL)
    assert (await stage.look()).breaker is BreakerState.HALF_OPEN


async def test_polly_287_faults_of_one_of_our_own_processes_open_it_for_nobody(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(80):
        await stage.call("alpha", Verdict.NEUTRAL, sent=False)
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_resilience4j_544_the_last_of_several_probes_may_end_in_an_ignored_error(stage: Stage) -> None:
    await stage.open("alpha", breaker=BreakerSettings(successes_to_close=2))
    await stage.settle(await stage.half_open())
    await stage.call(verdict=Verdict.NEUTRAL)
    await stage.call()
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_resilience4j_935_a_place_taken_and_never_reported_is_free_after_the_deadline(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.half_open(ttl_ms=5_000)
    stage.later(5_000)
    await stage.call()
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_resilience4j_674_a_second_probe_in_the_same_half_open_is_no_transition(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), Verdict.NEUTRAL)
    before = await stage.told("breaker")
    await stage.lease()
    assert await stage.told("breaker") == before


async def test_resilience4j_1432_of_many_calls_at_the_moment_of_opening_one_passes(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS)
    answers = await asyncio.gather(*(stage.ask() for _ in range(50)))
    assert [answer.probe for answer in answers if isinstance(answer, Lease)] == [True]


async def test_resilience4j_858_looking_at_the_pool_takes_no_place(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS)
    for _ in range(5):
        assert not (await stage.look()).probing
    assert (await stage.lease()).probe


async def test_gobreaker_91_calls_to_an_upstream_that_hangs_do_not_pile_up(stage: Stage) -> None:
    await stage.open(Account(id="alpha", max_concurrency=3))
    answers = [await stage.ask() for _ in range(50)]
    assert sum(isinstance(answer, Lease) for answer in answers) == 3


async def test_gobreaker_53_half_open_lets_one_call_through_whatever_closes_it(stage: Stage) -> None:
    await stage.open("alpha", breaker=BreakerSettings(successes_to_close=5))
    await stage.half_open()
    await stage.refusal()


async def test_pybreaker_24_no_later_failure_moves_the_end_of_the_open_time(stage: Stage) -> None:
    await stage.open("alpha")
    crowd = [await stage.lease(ttl_ms=900_000) for _ in range(20)]
    for lease in crowd:
        stage.later(1_000)
        await stage.settle(lease, Verdict.FAILURE)
    assert (await stage.look()).open_until_ms == NOON + 5_000 + OPEN_MS


async def test_pybreaker_26_another_worker_that_starts_resets_nothing(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.configure("alpha")
    assert (await stage.look()).failures == 4


async def test_pybreaker_28_state_that_is_gone_is_said_to_be_gone(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.lose_everything()
    with pytest.raises(EngineEmpty):
        await stage.ask()


async def test_pybreaker_44_time_is_kept_in_milliseconds(stage: Stage) -> None:
    stage.clock.now_ms = NOON + 123
    await stage.open("alpha")
    await stage.trip()
    stage.clock.now_ms = NOON + 122 + OPEN_MS
    await stage.refusal()
    stage.later(1)
    await stage.lease()


async def test_pybreaker_88_the_same_account_in_two_pools_has_two_breakers(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.engine.configure("other", PoolSettings(version=1), [Account(id="alpha")])
    await stage.trip()
    answer = await stage.engine.lease(LeaseRequest(pool="other", lease_id="there", model=OPUS, group="opus-5"))
    assert isinstance(answer, Lease)


async def test_pybreaker_excluded_errors_between_failures_do_not_keep_it_closed(stage: Stage) -> None:
    await stage.open("alpha")
    for verdict in (Verdict.ALIVE, Verdict.NEUTRAL, Verdict.ALIVE, Verdict.NEUTRAL):
        await stage.fail("alpha")
        await stage.call("alpha", verdict)
    await stage.fail("alpha")
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_opossum_276_any_single_answer_of_the_probe_leads_out_of_half_open(stage: Stage) -> None:
    for verdict, state in ((Verdict.SUCCESS, BreakerState.CLOSED), (Verdict.FAILURE, BreakerState.OPEN)):
        await stage.open("alpha")
        await stage.engine.reset_breaker(POOL, "alpha", actor="ann")
        await stage.settle(await stage.half_open(), verdict)
        assert (await stage.look()).breaker is state


async def test_omniroute_13836_probes_that_never_settle_one_after_another_block_nobody_for_days(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS)
    for _ in range(20):
        assert (await stage.lease(ttl_ms=60_000)).probe
        stage.later(60_000)
    await stage.call()
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_erpc_1118_answers_that_are_no_successes_still_prove_that_the_account_is_back(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), Verdict.ALIVE)
    assert (await stage.look()).breaker is BreakerState.CLOSED


async def test_openliberty_7080_half_open_is_no_open_door(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.half_open()
    served = Counter([(await stage.lease()).account for _ in range(30)])
    assert served == {"bravo": 30}


async def test_safe_client_gateway_3442_a_hung_upstream_costs_one_probe_per_deadline(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS)
    probes = 0
    for _ in range(120):
        probes += isinstance(await stage.ask(ttl_ms=30_000), Lease)
        stage.later(1_000)
    assert probes == 4


async def test_envoy_27066_the_outage_guard_counts_the_answer_it_is_looking_at(stage: Stage) -> None:
    names = ("alpha", "bravo", "charlie")
    await stage.open(*names, breaker=BreakerSettings(threshold=1))
    await stage.call("alpha", Verdict.OVERLOADED)
    await stage.call("bravo", Verdict.OVERLOADED)  # the second of three: the half is reached by this very one
    assert (await stage.look("bravo")).breaker is BreakerState.CLOSED


async def test_envoy_6016_an_account_that_recovered_is_not_punished_for_its_past(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(4):
        await stage.settle(await stage.half_open())
    await stage.trip()
    assert (await stage.look()).open_until_ms == stage.clock.now_ms + OPEN_MS


async def test_claude_relay_399_what_is_shown_is_what_decides(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.half_open()
    state = await stage.look()
    assert (state.breaker, state.probing, reasons(await stage.refusal())) == (
        BreakerState.HALF_OPEN,
        True,
        {"alpha": Reason.PROBING},
    )


async def test_claude_relay_415_an_account_can_always_be_set_right_by_hand(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.call("alpha", Verdict.REJECTED)
    await stage.engine.force_open(POOL, "alpha", actor="ann")
    await stage.engine.clear_cooldown(POOL, "alpha", actor="ann")
    await stage.engine.reset_breaker(POOL, "alpha", actor="ann")
    await stage.lease()


async def test_claude_relay_455_no_timer_undoes_what_a_person_did(stage: Stage) -> None:
    await stage.open("alpha")
    late = await stage.lease(ttl_ms=900_000)
    await stage.trip()
    await stage.engine.force_open(POOL, "alpha", actor="ann")
    stage.later(OPEN_MS)
    await stage.settle(late)
    assert reasons(await stage.refusal()) == {"alpha": Reason.FORCED_OPEN}


async def test_sub2api_641_a_person_can_end_a_cooldown_that_is_longer_than_its_cause(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.call("alpha", Verdict.REJECTED)
    await stage.refusal()
    await stage.engine.clear_cooldown(POOL, "alpha", actor="ann")
    await stage.lease()


async def test_better_ccflare_139_an_account_whose_key_is_dead_is_not_offered_again(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.call("alpha", Verdict.REJECTED, why="http 401")
    stage.later(40 * 86_400_000)
    assert {await stage.call() for _ in range(6)} == {"bravo"}


async def test_agent_os_2137_an_error_in_the_middle_of_a_stream_reaches_the_breaker(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(5):
        lease = await stage.lease()
        assert await stage.engine.renew(POOL, lease.id, ttl_ms=60_000)
        await stage.engine.settle(POOL, lease.id, Settlement(verdict=Verdict.FAILURE, why="event: error"))
    state = await stage.look()
    assert (state.breaker, state.breaker_why) == (BreakerState.OPEN, "event: error")
