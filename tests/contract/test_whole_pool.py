"""Limits of a whole pool: taken in the same step as the account's, whoever asks and whichever account serves."""

import pytest

from quota.engine.errors import EngineMisconfigured
from quota.engine.types import WHOLE_POOL, Block, Client, Limit, Metric, Reason, Usage, Verdict, Window
from tests.contract.stage import NOON, POOL, Stage, utc_ms

MONTH_END = utc_ms(2026, 10, 1)


def budget(amount: int) -> tuple[Limit, ...]:
    return (Limit(Metric.COST, Window.MONTH, amount),)


async def gone(stage: Stage) -> list[tuple[int, int]]:
    """Used and reserved of each of the pool's limits."""
    return [(one.used, one.reserved) for one in (await stage.engine.snapshot(POOL)).whole.limits]


async def test_all_accounts_and_clients_together_fill_it_exactly_and_not_by_one_more(stage: Stage) -> None:
    await stage.open("alpha", "bravo", limits=budget(3))
    for client in (None, Client("ann"), Client("bob")):
        await stage.settle(await stage.lease(client=client, cost=1), cost=1)
    refusal = await stage.refusal(cost=1)
    assert refusal.limited == Block(POOL, Reason.LIMIT, MONTH_END, "cost per month")
    assert (refusal.blocks, refusal.retry_at_ms) == ((), MONTH_END)


async def test_it_opens_again_with_the_month(stage: Stage) -> None:
    await stage.open("alpha", limits=budget(1))
    await stage.settle(await stage.lease(cost=1), cost=1)
    stage.later(MONTH_END - NOON - 1)
    await stage.refusal(cost=1)
    stage.later(1)
    await stage.lease(cost=1)


async def test_an_estimate_is_held_and_the_truth_takes_its_place(stage: Stage) -> None:
    await stage.open("alpha", limits=budget(100))
    lease = await stage.lease(cost=70)
    assert await gone(stage) == [(0, 70)]
    await stage.refusal(cost=31)
    await stage.settle(lease, cost=20)
    assert await gone(stage) == [(20, 0)]


async def test_what_was_never_sent_is_given_back(stage: Stage) -> None:
    await stage.open("alpha", limits=budget(100))
    await stage.settle(await stage.lease(cost=70), Verdict.NEUTRAL, sent=False)
    assert await gone(stage) == [(0, 0)]


async def test_a_lease_whose_holder_died_is_charged_and_a_late_truth_corrects_that(stage: Stage) -> None:
    await stage.open("alpha", limits=budget(100))
    lease = await stage.lease(cost=70, ttl_ms=1_000)
    stage.later(1_001)
    await stage.engine.expire(POOL)
    assert await gone(stage) == [(70, 0)]
    await stage.settle(lease, cost=5)
    assert await gone(stage) == [(5, 0)]


async def test_a_client_s_own_limit_is_told_before_the_pools(stage: Stage) -> None:
    await stage.open("alpha", limits=budget(1))
    refusal = await stage.refusal(client=Client("ann", budget(1)), cost=2)
    assert refusal.limited
    assert refusal.limited.account == ""


async def test_a_refused_request_takes_nothing_of_anybody(stage: Stage) -> None:
    await stage.open("alpha", limits=budget(1))
    for _ in range(5):
        await stage.refusal(cost=2)
    assert ((await stage.look()).in_flight, await gone(stage)) == (0, [(0, 0)])


async def test_a_failover_is_one_request_of_the_pool(stage: Stage) -> None:
    await stage.open("alpha", "bravo", limits=(Limit(Metric.REQUESTS, Window.DAY, 1),))
    first = await stage.lease()
    await stage.settle(first, Verdict.FAILURE)
    await stage.lease(tried=(first.account,))
    await stage.refusal()


async def test_what_was_used_before_the_limit_was_set_counts(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.lease(cost=60), cost=60)
    await stage.open("alpha", limits=budget(100))
    await stage.refusal(cost=41)
    await stage.lease(cost=40)


async def test_a_limit_that_is_taken_away_holds_nobody_up(stage: Stage) -> None:
    await stage.open("alpha", limits=budget(1))
    await stage.refusal(cost=2)
    await stage.open("alpha")
    await stage.lease(cost=2)


async def test_a_pool_that_is_loaded_knows_what_the_ledger_says(stage: Stage) -> None:
    day = NOON // 86_400_000
    await stage.open("alpha", limits=budget(100), clients={WHOLE_POOL: Usage(day=day, month_cost=99)})
    await stage.refusal(cost=2)
    await stage.lease(cost=1)


async def test_what_it_used_can_be_asked_for_without_a_limit(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.lease(cost=60), cost=60)
    asked = await stage.engine.snapshot(POOL, clients=[Client(WHOLE_POOL, budget(100))])
    assert [one.used for one in asked.clients[WHOLE_POOL].limits] == [60]


async def test_a_limit_of_more_than_can_be_counted_is_refused(stage: Stage) -> None:
    with pytest.raises(EngineMisconfigured, match="2\\^53"):
        await stage.open("alpha", limits=budget((1 << 53) + 1))
