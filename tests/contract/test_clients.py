"""Limits of those who ask: taken in the same step as the account's, whichever account serves."""

from dataclasses import replace

import pytest

from quota.engine.types import NEVER, Block, Client, Lease, Limit, Metric, Reason, Settlement, Usage, Verdict, Window
from quota.engine.views import ClientState
from tests.contract.stage import NOON, POOL, Stage, rpm, utc_ms

ENDS = {Window.MINUTE: NOON + 61_000, Window.DAY: utc_ms(2026, 9, 16), Window.MONTH: utc_ms(2026, 10, 1)}
EVERY = [(metric, window) for metric in Metric for window in Window]
every_limit = pytest.mark.parametrize(("metric", "window"), EVERY)


def client(*limits: tuple[Metric, Window, int], name: str = "ann", cap: int | None = None) -> Client:
    return Client(name, tuple(Limit(*limit) for limit in limits), cap)


async def seen(stage: Stage, who: Client) -> ClientState:
    return (await stage.engine.snapshot(POOL, clients=[who])).clients[who.id]


@every_limit
async def test_a_client_s_limit_can_be_filled_exactly_and_not_by_one_more(
    stage: Stage, metric: Metric, window: Window
) -> None:
    await stage.open("alpha", "bravo")
    ann = client((metric, window, 3))
    for _ in range(3):
        await stage.settle(await stage.lease(client=ann, tokens=1, cost=1), tokens=1, cost=1)
    refusal = await stage.refusal(client=ann, tokens=1, cost=1)
    assert refusal.limited == Block("", Reason.LIMIT, ENDS[window], f"{metric} per {window}")
    assert (refusal.blocks, refusal.retry_at_ms) == ((), ENDS[window])


@every_limit
async def test_it_fits_again_at_the_instant_that_was_named(stage: Stage, metric: Metric, window: Window) -> None:
    await stage.open("alpha")
    ann = client((metric, window, 1))
    await stage.settle(await stage.lease(client=ann, tokens=1, cost=1), tokens=1, cost=1)
    refusal = await stage.refusal(client=ann, tokens=1, cost=1)
    stage.later(refusal.retry_after_ms - 1)
    await stage.refusal(client=ann, tokens=1, cost=1)
    stage.later(1)
    await stage.lease(client=ann, tokens=1, cost=1)


async def test_one_client_s_limit_is_nothing_to_another(stage: Stage) -> None:
    await stage.open("alpha")
    ann, bob = client((Metric.REQUESTS, Window.DAY, 1)), client((Metric.REQUESTS, Window.DAY, 1), name="bob")
    await stage.lease(client=ann)
    await stage.refusal(client=ann)
    await stage.lease(client=bob)
    await stage.lease()


async def test_a_refused_client_takes_nothing_of_any_account(stage: Stage) -> None:
    await stage.open(rpm("alpha", 5))
    ann = client((Metric.TOKENS, Window.DAY, 10))
    for _ in range(9):
        await stage.refusal(client=ann, tokens=11)
    assert ((await stage.look()).minute_requests, (await stage.look()).in_flight) == (0, 0)


async def test_a_client_whom_no_account_can_serve_has_used_nothing(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1))
    ann = client((Metric.REQUESTS, Window.DAY, 5), (Metric.TOKENS, Window.DAY, 100))
    await stage.lease()
    assert (await stage.refusal(client=ann, tokens=9)).limited is None
    assert [limit.used + limit.reserved for limit in (await seen(stage, ann)).limits] == [0, 0]


async def test_an_estimate_is_held_and_the_truth_takes_its_place(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.COST, Window.MONTH, 100))
    lease = await stage.lease(client=ann, cost=70)
    (held,) = (await seen(stage, ann)).limits
    assert (held.used, held.reserved) == (0, 70)
    await stage.refusal(client=ann, cost=31)
    await stage.settle(lease, cost=60)
    (used,) = (await seen(stage, ann)).limits
    assert (used.used, used.reserved) == (60, 0)
    await stage.lease(client=ann, cost=40)


async def test_a_request_that_fails_over_counts_once_and_its_money_counts_as_spent(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    ann = client((Metric.REQUESTS, Window.MINUTE, 1), (Metric.COST, Window.DAY, 100))
    first = await stage.lease(client=ann, cost=10)
    await stage.settle(first, Verdict.FAILURE, cost=3)
    second = await stage.lease(client=ann, cost=10, tried=(first.account,))
    await stage.settle(second, cost=5)
    requests, money = (await seen(stage, ann)).limits
    assert (requests.used, money.used) == (1, 8)


async def test_a_call_never_sent_gives_back_its_money_and_keeps_the_request(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.REQUESTS, Window.DAY, 9), (Metric.COST, Window.DAY, 9))
    await stage.settle(await stage.lease(client=ann, cost=4), Verdict.NEUTRAL, sent=False)
    assert [limit.used + limit.reserved for limit in (await seen(stage, ann)).limits] == [1, 0]


async def test_a_client_s_concurrency_cap_holds_over_all_accounts_and_frees_with_each_settlement(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    ann = client(cap=2)
    first, _ = await stage.lease(client=ann), await stage.lease(client=ann)
    refusal = await stage.refusal(client=ann)
    assert refusal.limited == Block("", Reason.CONCURRENCY, NOON + 1_000)
    await stage.settle(first)
    await stage.lease(client=ann)


async def test_a_dead_holder_frees_the_client_s_place_and_leaves_the_estimate_charged(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.TOKENS, Window.DAY, 100), cap=1)
    lease = await stage.lease(client=ann, tokens=30, ttl_ms=1_000)
    stage.later(1_000)
    await stage.engine.expire(POOL)
    state = await seen(stage, ann)
    assert (state.in_flight, state.limits[0].used) == (0, 30)
    await stage.settle(lease, tokens=12)
    state = await seen(stage, ann)
    assert (state.in_flight, state.limits[0].used) == (0, 12)


async def test_of_several_limits_the_one_that_lasts_longest_is_named(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.REQUESTS, Window.MINUTE, 1), (Metric.REQUESTS, Window.MONTH, 1), cap=1)
    await stage.lease(client=ann)
    limited = (await stage.refusal(client=ann)).limited
    assert limited is not None
    assert (limited.detail, limited.until_ms) == ("requests per month", ENDS[Window.MONTH])


async def test_a_request_larger_than_the_whole_limit_never_fits(stage: Stage) -> None:
    await stage.open("alpha")
    assert (await stage.refusal(client=client((Metric.COST, Window.DAY, 5)), cost=6)).retry_at_ms == NEVER


async def test_what_costs_nothing_passes_a_limit_that_is_overdrawn(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.TOKENS, Window.DAY, 10), (Metric.COST, Window.MONTH, 10))
    await stage.settle(await stage.lease(client=ann, tokens=5, cost=5), tokens=90, cost=90)
    await stage.refusal(client=ann, tokens=1)
    await stage.lease(client=ann)


async def test_the_same_lease_asked_for_again_costs_the_client_nothing_more(stage: Stage) -> None:
    await stage.open("alpha")
    request = stage.request(client=client((Metric.REQUESTS, Window.DAY, 1)))
    assert await stage.engine.lease(request) == await stage.engine.lease(request)


async def test_limits_are_those_of_the_latest_lease_and_count_what_was_used_without_them(stage: Stage) -> None:
    await stage.open("alpha")
    for _ in range(3):
        await stage.lease(client=client())
    await stage.refusal(client=client((Metric.REQUESTS, Window.MONTH, 3)))
    await stage.lease(client=client((Metric.REQUESTS, Window.MONTH, 4)))


async def test_an_edit_of_the_pool_forgets_nothing_that_still_counts(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.TOKENS, Window.MONTH, 10))
    await stage.settle(await stage.lease(client=ann, tokens=10), tokens=10)
    await stage.open("alpha", "bravo")
    await stage.refusal(client=ann, tokens=1)


async def test_a_store_that_lost_everything_starts_from_what_it_is_told_that_clients_used(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.lose_everything()
    used = {"ann": Usage(day=NOON // 86_400_000, day_tokens=4, month_tokens=9)}
    await stage.engine.configure(POOL, stage.settings, [rpm("alpha", 9)], clients=used)
    limits = (await seen(stage, client((Metric.TOKENS, Window.DAY, 10), (Metric.TOKENS, Window.MONTH, 10)))).limits
    assert [limit.used for limit in limits] == [4, 9]


async def test_what_clients_are_said_to_have_used_means_nothing_to_a_store_that_knows(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.TOKENS, Window.DAY, 10))
    await stage.settle(await stage.lease(client=ann, tokens=1), tokens=1)
    settings = replace(stage.settings, version=99)
    await stage.engine.configure(POOL, settings, [rpm("alpha", 9)], clients={"ann": Usage(day=NOON // 86_400_000)})
    assert (await seen(stage, ann)).limits[0].used == 1


async def test_a_grant_of_a_lost_store_is_charged_to_its_client_once(stage: Stage) -> None:
    await stage.open("alpha")
    ann = client((Metric.COST, Window.DAY, 10), (Metric.REQUESTS, Window.MINUTE, 5))
    foreign = Lease("f", POOL, "alpha", 0, False, NOON, NOON, NOON // 86_400_000, cost=2, epoch="gone", client="ann")
    for _ in range(2):
        await stage.engine.settle(POOL, "f", Settlement(Verdict.SUCCESS, cost=7, granted=foreign))
    assert [limit.used for limit in (await seen(stage, ann)).limits] == [7, 1]
