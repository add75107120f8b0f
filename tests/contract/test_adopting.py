"""Calls granted by another life of the store come home: charged and recorded once, their verdict is history."""

from msgspec.structs import replace

from quota.engine.types import Lease, Settled, Verdict
from tests.contract.stage import NOON, POOL, Stage, rpm

FOREIGN = Lease(
    id="from-before",
    pool=POOL,
    account="alpha",
    generation=3,
    probe=False,
    granted_ms=NOON - 5_000,
    deadline_ms=NOON + 60_000,
    day=NOON // 86_400_000,
    tokens=100,
    cost=50,
    epoch="another life",
)


async def come_home(stage: Stage, lease: Lease = FOREIGN, *, sent: bool = True) -> Settled:
    return await stage.settle(lease, tokens=30, cost=20, granted=lease, sent=sent)


async def test_it_is_charged_although_nobody_here_granted_it(stage: Stage) -> None:
    await stage.open("alpha")
    assert await come_home(stage) == Settled(changed=True, late=True, account="alpha")
    state = await stage.look()
    assert (state.day_requests, state.day_tokens, state.day_cost) == (1, 30, 20)
    assert (state.in_flight, state.reserved_tokens) == (0, 0)


async def test_once(stage: Stage) -> None:
    await stage.open("alpha")
    await come_home(stage)
    assert not (await come_home(stage)).changed
    assert (await stage.look()).day_tokens == 30
    assert len(await stage.told("lease.settled")) == 1


async def test_it_counts_in_the_minute_it_was_granted_in(stage: Stage) -> None:
    await stage.open(rpm("alpha", 2))
    await come_home(stage)
    await stage.lease()
    assert (await stage.refusal()).retry_at_ms == NOON - 5_000 + 61_000


async def test_one_of_an_earlier_day_costs_the_month_only(stage: Stage) -> None:
    await stage.open("alpha")
    yesterday = NOON - 86_400_000
    await come_home(stage, replace(FOREIGN, granted_ms=yesterday, day=yesterday // 86_400_000))
    state = await stage.look()
    assert (state.day_tokens, state.month_tokens, state.minute_requests) == (0, 30, 0)


async def test_one_never_sent_costs_nothing_and_is_recorded(stage: Stage) -> None:
    await stage.open("alpha")
    assert (await come_home(stage, sent=False)).changed
    state = await stage.look()
    assert (state.day_requests, state.day_tokens) == (0, 0)
    assert (await stage.told("lease.settled"))[0]["sent"] == "0"


async def test_its_verdict_moves_no_breaker(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    await stage.settle(FOREIGN, Verdict.FAILURE, granted=FOREIGN)
    assert (await stage.look()).failures == 4


async def test_of_an_account_that_is_gone_it_is_still_recorded(stage: Stage) -> None:
    await stage.open("bravo")
    assert (await come_home(stage)).account == "alpha"
    assert (await stage.told("lease.settled"))[0]["account"] == "alpha"


async def test_a_call_that_outlived_a_wipe_of_the_store_comes_home(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=100)
    await stage.lose_everything()
    await stage.open("alpha")
    assert not (await stage.engine.renew(POOL, lease.id, ttl_ms=10_000))
    settled = await stage.settle(lease, tokens=30, granted=lease)
    assert (settled.changed, settled.late, (await stage.look()).day_tokens) == (True, True, 30)


async def test_without_its_grant_nobody_can_place_it(stage: Stage) -> None:
    await stage.open("alpha")
    assert not (await stage.settle(FOREIGN, tokens=30)).changed
    assert (await stage.look()).day_tokens == 0
