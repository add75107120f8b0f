"""When several accounts fail alike at once, the cause is not theirs: outages and dead keys."""

from quota.engine.types import NEVER, Account, BreakerSettings, BreakerState, Hold, Scope, Verdict
from tests.contract.stage import NOON, POOL, Stage

FOUR = ("alpha", "bravo", "charlie", "delta")
ONE_STRIKE = BreakerSettings(threshold=1)


async def overload(stage: Stage, *names: str) -> None:
    leases = [await stage.lease(only=name) for name in names]
    for lease in leases:
        await stage.settle(lease, Verdict.OVERLOADED, why="http 529")


async def test_once_half_of_the_accounts_are_overloaded_at_once_no_breaker_moves(stage: Stage) -> None:
    await stage.open(*FOUR)
    for _ in range(20):
        await overload(stage, *FOUR)
    assert {(await stage.look(name)).breaker for name in FOUR} == {BreakerState.CLOSED}


async def test_fewer_than_half_are_their_own_trouble(stage: Stage) -> None:
    await stage.open(*FOUR, "echo", breaker=ONE_STRIKE)
    await overload(stage, "alpha", "bravo")
    assert [(await stage.look(name)).breaker for name in ("alpha", "bravo")] == [BreakerState.OPEN] * 2


async def test_one_account_overloaded_many_times_is_not_many_accounts(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    for _ in range(5):
        await overload(stage, "alpha")
    assert (await stage.look()).breaker is BreakerState.OPEN


async def test_overloads_ten_seconds_apart_are_no_wave(stage: Stage) -> None:
    await stage.open(*FOUR, breaker=ONE_STRIKE)
    await overload(stage, "alpha")
    stage.later(10_000)
    await overload(stage, "bravo")
    assert (await stage.look("bravo")).breaker is BreakerState.OPEN


async def test_a_millisecond_less_apart_they_are(stage: Stage) -> None:
    await stage.open(*FOUR, breaker=ONE_STRIKE)
    await overload(stage, "alpha")
    stage.later(9_999)
    await overload(stage, "bravo")
    assert (await stage.look("bravo")).breaker is BreakerState.CLOSED


async def test_in_a_pool_of_two_each_stands_for_itself(stage: Stage) -> None:
    await stage.open("alpha", "bravo", breaker=ONE_STRIKE)
    await overload(stage, "alpha", "bravo")
    assert {(await stage.look(name)).breaker for name in ("alpha", "bravo")} == {BreakerState.OPEN}


async def test_accounts_that_are_switched_off_do_not_count(stage: Stage) -> None:
    off = [Account(id=f"off-{index}", enabled=False) for index in range(8)]
    await stage.open("alpha", "bravo", "charlie", *off, breaker=ONE_STRIKE)
    await overload(stage, "alpha", "bravo")
    assert (await stage.look("bravo")).breaker is BreakerState.CLOSED


async def test_the_guard_can_be_switched_off(stage: Stage) -> None:
    await stage.open(*FOUR, breaker=ONE_STRIKE, outage_guard=False)
    await overload(stage, *FOUR)
    assert {(await stage.look(name)).breaker for name in FOUR} == {BreakerState.OPEN}


async def test_an_outage_is_announced_once_a_minute_while_it_lasts(stage: Stage) -> None:
    await stage.open(*FOUR)
    for _ in range(7):
        await overload(stage, *FOUR)
        stage.later(9_000)
    assert len(await stage.told("pool.outage")) == 1
    stage.later(1_000)
    await overload(stage, *FOUR)
    assert len(await stage.told("pool.outage")) == 2


async def test_in_an_outage_an_overload_of_the_probe_only_frees_the_place(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    probe = await stage.half_open()
    await overload(stage, "bravo")
    await stage.settle(probe, Verdict.OVERLOADED)
    state = await stage.look()
    assert (state.breaker, state.probing) == (BreakerState.HALF_OPEN, False)


async def test_a_rejected_key_is_out_until_a_person_says_otherwise(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.call("alpha", Verdict.REJECTED, why="http 401")
    (block,) = (await stage.refusal()).blocks
    assert (block.until_ms, block.detail) == (NEVER, "invalid_key")
    assert await stage.told("account.rejected") == [{"pool": POOL, "account": "alpha", "why": "http 401"}]


async def test_a_rejection_is_no_failure_of_the_breakers_kind(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.call("alpha", Verdict.REJECTED)
    assert (await stage.look()).failures == 4


async def test_several_keys_rejected_within_a_minute_have_a_cause_in_common_and_all_come_back(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    await stage.call("alpha", Verdict.REJECTED)
    stage.later(59_999)
    await stage.call("bravo", Verdict.REJECTED, why="http 401")
    assert {await stage.call() for _ in range(4)} == {"charlie"}
    stage.later(60_000)
    assert {await stage.call() for _ in range(6)} == {"alpha", "bravo", "charlie"}


async def test_the_common_cause_is_told_with_the_accounts_it_struck(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.call("bravo", Verdict.REJECTED)
    await stage.call("alpha", Verdict.REJECTED, why="http 401")
    assert await stage.told("pool.common_cause") == [{"pool": POOL, "accounts": "alpha,bravo", "why": "http 401"}]


async def test_rejections_a_minute_apart_are_two_dead_keys(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    await stage.call("alpha", Verdict.REJECTED)
    stage.later(60_000)
    await stage.call("bravo", Verdict.REJECTED)
    assert {block.until_ms for block in (await stage.refusal()).blocks} == {NEVER}


async def test_one_key_rejected_twice_is_one_dead_key(stage: Stage) -> None:
    await stage.open("alpha")
    leases = [await stage.lease() for _ in range(2)]
    for lease in leases:
        await stage.settle(lease, Verdict.REJECTED)
    assert (await stage.refusal()).retry_at_ms == NEVER


async def test_a_common_cause_does_not_free_an_account_held_for_longer(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    bravo = await stage.lease(only="bravo")
    await stage.call("bravo", Verdict.ALIVE, holds=(Hold(Scope.ACCOUNT, "billing", until_ms=NOON + 3_600_000),))
    await stage.call("alpha", Verdict.REJECTED)
    await stage.settle(bravo, Verdict.REJECTED)
    stage.later(60_000)
    assert (await stage.refusal(only="bravo")).retry_at_ms == NOON + 3_600_000
