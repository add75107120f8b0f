"""Looking at a pool changes nothing of it and shows everything that decides."""

from quota.engine.types import Account, BreakerState, Metric, Verdict, Window
from tests.contract.stage import NOON, OPEN_MS, POOL, Stage, limited, rpm


async def test_it_shows_all_accounts_or_those_named(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    assert set((await stage.engine.snapshot(POOL)).accounts) == {"alpha", "bravo", "charlie"}
    named = await stage.engine.snapshot(POOL, accounts=["bravo", "nobody"])
    assert set(named.accounts) == {"bravo"}
    assert (await stage.engine.snapshot(POOL, accounts=[])).accounts == {}


async def test_looking_again_shows_the_same(stage: Stage) -> None:
    await stage.open(rpm("alpha", 5), "bravo")
    await stage.lease(tokens=5)
    await stage.trip("bravo")
    assert await stage.engine.snapshot(POOL) == await stage.engine.snapshot(POOL)


async def test_looking_settles_no_overdue_lease(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.lease(ttl_ms=1_000)
    stage.later(1_000)
    assert (await stage.engine.snapshot(POOL)).leases == 1
    assert await stage.told("lease.expired") == []


async def test_looking_starts_no_recovery(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    stage.later(OPEN_MS + 1)
    await stage.engine.snapshot(POOL)
    state = await stage.look()
    assert (state.breaker, state.generation, state.open_until_ms) == (BreakerState.OPEN, 1, NOON + OPEN_MS)


async def test_it_shows_who_an_account_is(stage: Stage) -> None:
    await stage.open(Account(id="alpha", enabled=False, priority=7, organization="org-1"))
    state = await stage.look()
    assert (state.id, state.enabled, state.priority, state.organization) == ("alpha", False, 7, "org-1")


async def test_it_shows_when_an_account_last_served(stage: Stage) -> None:
    await stage.open("alpha")
    stage.later(1_234)
    await stage.call()
    stage.later(1_000)
    assert (await stage.look()).last_used_ms == NOON + 1_234


async def test_it_tells_used_and_reserved_apart(stage: Stage) -> None:
    await stage.open(limited("alpha", (Metric.TOKENS, Window.DAY, 100)))
    await stage.call(tokens=20)
    await stage.lease(tokens=30)
    (limit,) = (await stage.look()).limits
    assert (limit.used, limit.reserved) == (20, 30)


async def test_it_slides_the_minute_without_a_call(stage: Stage) -> None:
    await stage.open(rpm("alpha", 5))
    await stage.call()
    assert (await stage.look()).minute_requests == 1
    stage.later(61_000)
    state = await stage.look()
    assert (state.minute_requests, state.load_ppm) == (0, 0)


async def test_it_counts_the_calls_under_way(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    leases = [await stage.lease() for _ in range(5)]
    await stage.settle(leases[0], Verdict.NEUTRAL)
    assert (await stage.engine.snapshot(POOL)).leases == 4


async def test_its_time_is_the_stores(stage: Stage) -> None:
    await stage.open("alpha")
    stage.later(77)
    assert (await stage.engine.snapshot(POOL)).now_ms == NOON + 77
