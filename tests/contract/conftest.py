"""Every test here runs twice: on the engine in memory and on Redis."""

from collections.abc import AsyncIterator

import pytest

from quota.engine.connection import Connection
from quota.engine.memory import MemoryEngine
from quota.engine.redis import RedisEngine
from tests.contract.stage import NOON, Clock, Stage


@pytest.fixture(params=["memory", "redis"])
async def stage(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Stage]:
    clock = Clock(NOON)
    if request.param == "memory":
        yield Stage(MemoryEngine(clock=clock), clock)
        return
    engine = RedisEngine(Connection(redis_url, deadline=5.0), clock=clock)
    yield Stage(engine, clock)
    await engine.close()
