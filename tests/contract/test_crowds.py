"""Pools far larger than the pages in which the scripts work give the same answers as small ones."""

import pytest

from quota.engine.types import NEVER, Account, BreakerSettings, Hold, Lease, Reason, Scope, Strategy, Verdict
from tests.contract.stage import HAIKU, NOON, OPUS, POOL, Stage, rpm

HAIKU_CALL = {"model": HAIKU, "group": "haiku-5-5"}
BILLING = Hold(Scope.ACCOUNT, "billing", for_ms=30_000)


def names(count: int, start: str = "a") -> list[str]:
    return [f"{start}{index:03}" for index in range(count)]


async def test_the_only_one_who_may_is_found_among_many_who_may_not(stage: Stage) -> None:
    crowd = [Account(id=name, models=(HAIKU,)) for name in names(300)]
    await stage.open(*crowd, Account(id="z", models=(OPUS,)))
    assert (await stage.lease()).account == "z"


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_three_hundred_equals_share_three_hundred_requests_or_nearly(stage: Stage, strategy: Strategy) -> None:
    await stage.open(*names(300), strategy=strategy)
    served = {(await stage.lease()).account for _ in range(300)}
    assert len(served) == 300 or strategy is Strategy.RANDOM


async def test_a_pinned_request_hears_its_own_accounts_reason_and_time_in_any_crowd(stage: Stage) -> None:
    crowd = names(100)
    await stage.open(*crowd, "z", strategy=Strategy.ROUND_ROBIN)
    for name in crowd:
        await stage.call(name, Verdict.ALIVE, holds=(BILLING,))
    await stage.trip("z")
    refusal = await stage.refusal(only="z")
    assert (refusal.blocks[0].reason, refusal.retry_at_ms) == (Reason.BREAKER_OPEN, NOON + 300_000)


async def test_accounts_switched_off_do_not_hide_the_time_of_those_that_are_merely_full(stage: Stage) -> None:
    off = [Account(id=name, enabled=False) for name in names(80)]
    await stage.open(*off, Account(id="z", max_concurrency=1))
    await stage.lease()
    refusal = await stage.refusal()
    assert (refusal.retry_at_ms, refusal.blocks[0].account) == (NOON + 1_000, "z")


async def test_accounts_that_may_not_serve_this_model_do_not_hide_one_that_will(stage: Stage) -> None:
    crowd = [Account(id=name, models=(HAIKU,)) for name in names(80)]
    await stage.open(*crowd, Account(id="z", models=(OPUS,)))
    for account in crowd:
        lease = await stage.lease(only=account.id, **HAIKU_CALL)
        await stage.settle(lease, Verdict.ALIVE, holds=(BILLING,))
    await stage.trip("z")
    assert (await stage.refusal()).retry_at_ms == NOON + 300_000


async def test_when_hundreds_come_back_at_once_the_one_who_may_is_found(stage: Stage) -> None:
    crowd = [Account(id=name, models=(HAIKU,)) for name in names(250)]
    await stage.open(*crowd, Account(id="z", models=(OPUS,)))
    for account in crowd:
        lease = await stage.lease(only=account.id, **HAIKU_CALL)
        await stage.settle(lease, Verdict.ALIVE, holds=(BILLING,))
    await stage.settle(await stage.lease(), Verdict.ALIVE, holds=(BILLING,))
    stage.later(30_000)
    assert (await stage.lease()).account == "z"


async def test_all_the_leases_of_a_dead_crowd_end_in_a_few_calls(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(250):
        await stage.lease(ttl_ms=1_000, tokens=1)
    stage.later(1_000)
    ended = sum([await stage.engine.expire(POOL) for _ in range(3)])
    state = await stage.look()
    assert (ended, state.in_flight, state.reserved_tokens, state.day_tokens) == (250, 0, 0, 250)


async def test_a_refusal_names_at_most_sixty_four(stage: Stage) -> None:
    await stage.open(*(Account(id=name, enabled=False) for name in names(100)))
    refusal = await stage.refusal()
    assert (len(refusal.blocks), refusal.retry_at_ms) == (64, NEVER)


async def test_a_full_crowd_says_when_the_first_of_it_is_free(stage: Stage) -> None:
    crowd = names(100)
    await stage.open(*(rpm(name, 1) for name in crowd))
    for name in reversed(crowd):
        stage.later(100)
        await stage.call(name)
    stage.later(1_000)
    assert (await stage.refusal()).retry_at_ms == NOON + 61_000


async def test_one_healthy_account_forbids_an_early_probe_in_any_crowd(stage: Stage) -> None:
    crowd = names(70)
    early = BreakerSettings(threshold=1, early_probe=True)
    await stage.open(*crowd, Account(id="z", max_concurrency=1), breaker=early)
    await stage.lease(only="z")
    for name in crowd:
        await stage.fail(name)
    assert not isinstance(await stage.ask(), Lease)
