"""Every test here runs on the engine in memory, on Redis, and on Redis behind what stands in for it when it is away."""

from collections.abc import AsyncIterator

import pytest

from quota.engine.connection import Connection
from quota.engine.memory import MemoryEngine
from quota.engine.redis import RedisEngine
from quota.engine.resilient import ResilientEngine
from tests.contract.stage import NOON, Clock, Stage


@pytest.fixture(params=["memory", "redis", "resilient"])
async def stage(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Stage]:
    clock = Clock(NOON)
    if request.param == "memory":
        twin = MemoryEngine(clock=clock)
        yield Stage(twin, clock, store=twin)
        return
    store = RedisEngine(Connection(redis_url, deadline=5.0), clock=clock)
    engine = store if request.param == "redis" else ResilientEngine(store, processes=4, clock=clock)
    yield Stage(engine, clock, store=store)
    await engine.close()
