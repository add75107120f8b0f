"""Serving while the store is away, and telling it the truth when it is back."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest

from nubabel import valkey
from quota.engine.errors import EngineError, EngineUnavailable
from quota.engine.facade import open_engine
from quota.engine.memory import MemoryEngine
from quota.engine.resilient import ResilientEngine
from quota.engine.types import (
    Account,
    Client,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Refusal,
    Settled,
    Settlement,
    Verdict,
    Window,
)

POOL = "p"
NOW_MS = 1_798_700_000_000
DAILY_TOKENS = Limit(Metric.TOKENS, Window.DAY, 1_000)
PER_MINUTE = Limit(Metric.REQUESTS, Window.MINUTE, 8)


class Store(MemoryEngine):
    """A store that can be away."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW_MS)
        self.away = False
        self.refuses = False
        self.asked = 0

    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        self._answer()
        return await super().lease(request)

    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        self._answer()
        return await super().settle(pool, lease_id, settlement)

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise EngineUnavailable("away")
        if self.refuses:
            raise EngineError("no")


class World:
    """A store, an engine in front of it that has seen the pool, and its clock."""

    def __init__(self) -> None:
        self.store = Store()
        self.seconds = 0.0
        self.slept = asyncio.Event()
        self.engine = ResilientEngine(
            self.store, processes=4, clock=lambda: NOW_MS, monotonic=lambda: self.seconds, sleep=self._sleep
        )

    async def _sleep(self, seconds: float) -> None:
        """Until the test says that a second has passed."""
        self.slept.clear()
        await self.slept.wait()

    async def begin(self, *, serve_degraded: bool = True, limits: tuple[Limit, ...] = (DAILY_TOKENS,)) -> None:
        settings = PoolSettings(version=1, serve_degraded=serve_degraded)
        await self.engine.configure(POOL, settings, [Account("a", limits=limits)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def lease(self, name: str, *, tokens: int = 10) -> Lease | Refusal:
        return await self.engine.lease(LeaseRequest(POOL, name, "m", "g", tokens=tokens))

    async def settle(self, lease: Lease, *, tokens: int = 10) -> Settled:
        return await self.engine.settle(POOL, lease.id, Settlement(Verdict.SUCCESS, tokens=tokens, granted=lease))

    async def come_back(self) -> None:
        self.store.away = False
        self.seconds += 1.1

    async def used(self) -> int:
        return (await self.store.snapshot(POOL)).accounts["a"].day_tokens


@pytest.fixture
async def world() -> World:
    made = World()
    await made.begin()
    return made


async def granted(answer: Lease | Refusal) -> Lease:
    assert isinstance(answer, Lease)
    return answer


async def test_a_pool_is_served_from_this_process_s_share_while_the_store_is_away(world: World) -> None:
    world.store.away = True
    answers = [await world.lease(f"l{i}", tokens=100) for i in range(4)]
    assert [type(answer) for answer in answers] == [Lease, Lease, Refusal, Refusal]  # 1,000 / 4 processes


async def test_the_minute_s_limit_is_shared_too() -> None:
    world = World()
    await world.begin(limits=(PER_MINUTE,))
    world.store.away = True
    answers = [await world.lease(f"l{i}") for i in range(3)]
    assert [type(answer) for answer in answers] == [Lease, Lease, Refusal]


async def test_what_was_used_before_is_not_there_to_be_shared(world: World) -> None:
    before = await granted(await world.lease("before", tokens=900))
    await world.settle(before, tokens=900)
    world.seconds += 6
    await world.settle(await granted(await world.lease("look")), tokens=0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.store.away = True
    assert isinstance(await world.lease("l1", tokens=26), Refusal)  # (1,000 - 900 - look) / 4


async def test_a_pool_that_refuses_when_degraded_says_so() -> None:
    world = World()
    await world.begin(serve_degraded=False)
    world.store.away = True
    with pytest.raises(EngineUnavailable):
        await world.lease("l1")


async def test_a_store_known_to_be_away_is_asked_once_a_second(world: World) -> None:
    world.store.away = True
    for i in range(10):
        await world.lease(f"l{i}", tokens=1)
    asked = world.store.asked
    world.seconds += 1.1
    await world.lease("again", tokens=1)
    assert (asked, world.store.asked) == (1, 2)


async def ask(world: World, name: str, client: Client, *, tokens: int = 10) -> Lease | Refusal:
    return await world.engine.lease(LeaseRequest(POOL, name, "m", "g", tokens=tokens, client=client))


async def spent(world: World, client: Client) -> int:
    return (await world.store.snapshot(POOL, clients=[client])).clients[client.id].limits[0].used


async def test_a_client_gets_this_process_s_share_of_what_was_left_of_its_limits(world: World) -> None:
    ann = Client("ann", (Limit(Metric.TOKENS, Window.DAY, 400),))
    lease = await granted(await ask(world, "l1", ann, tokens=200))
    await world.settle(lease, tokens=200)
    world.seconds += 6  # time to look at the pool again
    await ask(world, "l2", Client("bob"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.store.away = True
    assert isinstance(await ask(world, "l3", ann, tokens=51), Refusal)
    assert isinstance(await ask(world, "l4", ann, tokens=50), Lease)
    assert isinstance(await ask(world, "l5", ann, tokens=1), Refusal)


async def test_the_whole_pool_s_limit_is_shared_among_the_processes_too(world: World) -> None:
    rich = Account("a", limits=())
    settings = PoolSettings(version=9, limits=(Limit(Metric.TOKENS, Window.DAY, 400),))
    await world.engine.configure(POOL, settings, [rich])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    world.store.away = True
    ann = Client("ann")
    assert isinstance(await ask(world, "l1", ann, tokens=101), Refusal)
    assert isinstance(await ask(world, "l2", ann, tokens=100), Lease)
    assert isinstance(await ask(world, "l3", ann, tokens=1), Refusal)


async def test_what_a_client_used_meanwhile_is_charged_to_it_when_the_store_is_back(world: World) -> None:
    ann = Client("ann", (Limit(Metric.TOKENS, Window.DAY, 400),))
    world.store.away = True
    lease = await granted(await ask(world, "l1", ann))
    await world.settle(lease, tokens=77)
    await world.come_back()
    await world.lease("l2")
    await world.engine._tell()
    assert await spent(world, ann) == 77


async def test_what_was_served_meanwhile_is_charged_when_the_store_is_back(world: World) -> None:
    world.store.away = True
    lease = await granted(await world.lease("l1"))
    await world.settle(lease, tokens=77)
    await world.come_back()
    await world.lease("l2")
    await world.engine._tell()
    assert await world.used() == 77


async def test_what_was_served_meanwhile_is_charged_once(world: World) -> None:
    world.store.away = True
    lease = await granted(await world.lease("l1"))
    await world.settle(lease, tokens=77)
    await world.come_back()
    await world.settle(lease, tokens=77)
    await world.engine._tell()
    assert await world.used() == 77


async def test_a_lease_of_the_store_settled_while_it_is_away_is_settled_later(world: World) -> None:
    lease = await granted(await world.lease("l1"))
    world.store.away = True
    await world.settle(lease, tokens=5)
    await world.come_back()
    await world.engine._tell()
    snapshot = await world.store.snapshot(POOL)
    assert (snapshot.leases, snapshot.accounts["a"].day_tokens) == (0, 5)


async def test_an_ask_whose_answer_never_came_is_given_back(world: World) -> None:
    world.store.away = True
    await world.lease("lost")
    world.store.away = False
    await world.store.lease(LeaseRequest(POOL, "lost", "m", "g", tokens=10))  # the store had granted it after all
    world.seconds += 1.1
    await world.engine._tell()
    assert (await world.store.snapshot(POOL)).leases == 0


async def test_the_truth_is_told_even_if_nobody_asks_for_a_lease_again(world: World) -> None:
    lease = await granted(await world.lease("l1"))
    world.store.away = True
    await world.settle(lease, tokens=5)
    await asyncio.sleep(0)
    await world.come_back()
    world.slept.set()
    await asyncio.wait_for(asyncio.gather(*world.engine._errands), 1)
    assert await world.used() == 5


async def test_what_one_pool_has_to_wait_for_does_not_hold_up_the_others(world: World) -> None:
    lease = await granted(await world.lease("l1"))
    world.store.away = True
    await world.engine.settle("unloaded", "x", Settlement(Verdict.SUCCESS))
    await world.settle(lease, tokens=5)
    await world.come_back()
    await world.engine._tell()
    assert (await world.used(), len(world.engine._untold)) == (5, 1)


async def test_what_the_store_refuses_for_good_is_dropped_and_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    lease = await granted(await world.lease("l1"))
    world.store.away = True
    await world.settle(lease, tokens=5)
    await world.come_back()
    world.store.refuses = True
    await world.engine._tell()
    assert not world.engine._untold
    assert "refused for good" in caplog.text


async def test_the_store_is_trusted_again_when_it_answers(world: World) -> None:
    world.store.away = True
    await world.lease("l1")
    await world.come_back()
    lease = await granted(await world.lease("l2"))
    assert (world.engine.degraded, lease.epoch == "local") == (False, False)


@pytest.mark.faults
async def test_a_frozen_redis_costs_a_call_three_tenths_of_a_second_and_then_nothing(
    start_valkey: Callable[..., valkey.Running],
) -> None:
    server = start_valkey("frozen", durable=False)
    engine = open_engine(server.url)
    await engine.configure(POOL, PoolSettings(version=1), [Account("a")])
    await engine.lease(LeaseRequest(POOL, "warm", "m", "g"))
    await asyncio.gather(*engine._errands)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        first = await engine.lease(LeaseRequest(POOL, "l1", "m", "g"))
        first_took = time.monotonic() - began
        second = await engine.lease(LeaseRequest(POOL, "l2", "m", "g"))
        both_took = time.monotonic() - began
    finally:
        os.kill(server.pid, signal.SIGCONT)
        await engine.close()
    assert isinstance(first, Lease)
    assert isinstance(second, Lease)
    assert first_took <= 0.3
    assert both_took - first_took < 0.05
