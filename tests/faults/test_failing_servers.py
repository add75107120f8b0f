"""A server that freezes, dies and comes back, with its memory or without."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace

import pytest
from msgspec import structs

from nubabel import valkey
from quota.engine.api import Engine
from quota.engine.errors import EngineEmpty, EngineUnavailable
from quota.engine.types import Account, Lease, LeaseRequest, PoolSettings, Settlement, Verdict
from tests.faults.crowd import Stream, eventually, store
from tests.faults.workers import POOL

Start = Callable[..., valkey.Running]
AT_MOST = 0.3
SUCCESS = Settlement(Verdict.SUCCESS, tokens=7, cost=3)
CALLS: dict[str, Callable[[Engine], Awaitable[object]]] = {
    "lease": lambda engine: engine.lease(request("x")),
    "settle": lambda engine: engine.settle(POOL, "x", SUCCESS),
    "renew": lambda engine: engine.renew(POOL, "x", ttl_ms=1_000),
    "snapshot": lambda engine: engine.snapshot(POOL),
    "ping": lambda engine: engine.ping(),
}


def request(name: str) -> LeaseRequest:
    return LeaseRequest(POOL, name, "m", "g", tokens=10, cost=5)


async def take(engine: Engine, name: str) -> Lease:
    lease = await engine.lease(request(name))
    assert isinstance(lease, Lease)
    return lease


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def opened(server: valkey.Running) -> AsyncIterator[Engine]:
    """An engine with the deadline it has in life, on a pool of two."""
    engine = store(server.url, deadline=0.25)
    try:
        await configure(engine)
        yield engine
    finally:
        await engine.close()


async def configure(engine: Engine) -> None:
    await engine.configure(POOL, PoolSettings(version=1), [Account(id="alpha"), Account(id="bravo")])


async def cost_of(call: Awaitable[object]) -> float:
    began = time.monotonic()
    with pytest.raises(EngineUnavailable):
        await call
    return time.monotonic() - began


async def answers_again(engine: Engine) -> None:
    async def answers() -> bool:
        try:
            await engine.ping()
        except EngineUnavailable:
            return False
        return True

    await eventually(answers, within=10)


# Frozen


@pytest.mark.parametrize("call", CALLS)
async def test_a_frozen_server_costs_a_call_three_tenths_of_a_second(server: valkey.Running, call: str) -> None:
    async with opened(server) as engine:
        with frozen(server.pid):
            costs = [await cost_of(CALLS[call](engine)) for _ in range(3)]
        assert sorted(costs)[1] <= AT_MOST  # the middle one: a busy machine may be late once


async def test_it_costs_sixty_four_calls_at_once_no_more(server: valkey.Running) -> None:
    async with opened(server) as engine:
        with frozen(server.pid):
            costs = await asyncio.gather(*(cost_of(engine.lease(request(f"l{index}"))) for index in range(64)))
        assert sorted(costs)[32] <= AT_MOST


async def test_it_costs_a_process_that_was_not_connected_yet_no_more(server: valkey.Running) -> None:
    engine = store(server.url, deadline=0.25)
    with frozen(server.pid):
        costs = [await cost_of(engine.lease(request(f"l{index}"))) for index in range(3)]
    await engine.close()
    assert sorted(costs)[1] <= AT_MOST


async def test_a_call_it_carries_out_after_all_is_the_one_a_repetition_gets(server: valkey.Running) -> None:
    async with opened(server) as engine:
        with frozen(server.pid):
            await cost_of(engine.lease(request("mine")))
        await answers_again(engine)
        lease = await take(engine, "mine")
        assert await take(engine, "mine") == lease
        snapshot = await engine.snapshot(POOL)
        assert (snapshot.leases, sum(state.in_flight for state in snapshot.accounts.values())) == (1, 1)


async def test_thawed_it_serves_at_once(server: valkey.Running) -> None:
    async with opened(server) as engine:
        with frozen(server.pid):
            await cost_of(engine.ping())
        await answers_again(engine)
        await take(engine, "after")


# Dead


async def kill(server: valkey.Running) -> None:
    os.kill(server.pid, signal.SIGKILL)

    async def is_gone() -> bool:
        return not valkey.is_alive(server.pid)

    await eventually(is_gone, within=10)


async def test_a_dead_server_is_known_at_once(server: valkey.Running) -> None:
    async with opened(server) as engine:
        await kill(server)
        assert min([await cost_of(engine.lease(request("x"))) for _ in range(3)]) < 0.05


async def test_killed_and_restarted_with_its_log_it_has_lost_nothing(start_valkey: Start) -> None:
    server = start_valkey()
    async with opened(server) as engine:
        leases = [await take(engine, f"l{index}") for index in range(60)]
        for lease in leases[::2]:
            await engine.settle(POOL, lease.id, SUCCESS)
        await engine.force_open(POOL, "bravo", actor="ann")
        before = await engine.snapshot(POOL)
        told = await entries(server)

        await kill(server)
        server = start_valkey()
        await answers_again(engine)

        assert replace(await engine.snapshot(POOL), now_ms=before.now_ms) == before
        assert await entries(server) == told
        assert [await take(engine, lease.id) for lease in leases[1::2]] == leases[1::2]
        assert all([(await engine.settle(POOL, lease.id, SUCCESS)).changed for lease in leases[1::2]])


async def test_killed_in_full_flight_it_has_lost_nothing_it_had_answered(start_valkey: Start) -> None:
    server = start_valkey()
    async with opened(server) as engine:
        granted: list[Lease] = []

        async def lease_until_it_dies(caller: int) -> None:
            with suppress(EngineUnavailable):
                for index in range(100_000):
                    lease = await take(engine, f"{caller}-{index}")
                    granted.append(lease)

        async def warm() -> bool:
            return len(granted) > 300

        callers = asyncio.gather(*(lease_until_it_dies(caller) for caller in range(16)))
        await eventually(warm, within=20)
        await kill(server)
        await callers
        start_valkey()
        await answers_again(engine)
        assert [await take(engine, lease.id) for lease in granted] == granted


async def test_restarted_empty_it_says_so_and_admits_nothing(start_valkey: Start) -> None:
    server = start_valkey(durable=False)
    async with opened(server) as engine:
        await kill(server)
        start_valkey(durable=False)
        await answers_again(engine)
        for call in (CALLS["lease"], CALLS["settle"], CALLS["renew"], CALLS["snapshot"]):
            with pytest.raises(EngineEmpty):
                await call(engine)


async def test_configured_anew_it_takes_home_the_calls_of_its_earlier_life(start_valkey: Start) -> None:
    server = start_valkey(durable=False)
    async with opened(server) as engine:
        lease = await take(engine, "long")
        await kill(server)
        server = start_valkey(durable=False)
        await answers_again(engine)
        await configure(engine)
        for _ in range(2):
            await engine.settle(POOL, lease.id, structs.replace(SUCCESS, granted=lease))
        assert (await engine.snapshot(POOL)).accounts[lease.account].month_tokens == 7


async def entries(server: valkey.Running) -> list[object]:
    stream = Stream(server.url)
    try:
        return list(stream.entries())
    finally:
        stream.close()
