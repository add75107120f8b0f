"""On Redis the time is the server's own: processes with clocks of their own cannot disagree about it."""

import time

import pytest

from quota.engine.facade import open_engine
from quota.engine.types import Account, Lease, LeaseRequest, PoolSettings, Settlement, Verdict


@pytest.fixture
async def engines(redis_url: str):
    both = open_engine(redis_url, deadline=5), open_engine(redis_url, deadline=5)
    yield both
    for engine in both:
        await engine.close()


async def test_two_processes_take_their_time_from_the_server(engines) -> None:
    await engines[0].configure("p", PoolSettings(version=1), [Account(id="a")])
    began = time.time_ns() // 1_000_000
    leases = [await engine.lease(LeaseRequest("p", f"l{i}", "m", "g")) for i, engine in enumerate(engines)]
    ended = time.time_ns() // 1_000_000
    assert all(isinstance(lease, Lease) for lease in leases)
    assert began - 5 <= leases[0].granted_ms <= leases[1].granted_ms <= ended + 5


async def test_what_one_process_took_another_gives_back(engines) -> None:
    first, second = engines
    await first.configure("p", PoolSettings(version=1), [Account(id="a", max_concurrency=1)])
    lease = await first.lease(LeaseRequest("p", "l1", "m", "g"))
    assert not isinstance(await second.lease(LeaseRequest("p", "l2", "m", "g")), Lease)
    assert (await second.settle("p", lease.id, Settlement(Verdict.SUCCESS))).changed
    assert isinstance(await first.lease(LeaseRequest("p", "l3", "m", "g")), Lease)
