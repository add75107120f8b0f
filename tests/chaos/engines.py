"""The engines a campaign can run on, each with the way to read back what it told."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import redis.asyncio

from benchmarks.rig import private_server
from quota.engine.api import Engine
from quota.engine.facade import open_engine
from quota.engine.memory import MemoryEngine
from quota.engine.stream import decode, stream_key
from quota.engine.types import Event
from tests.chaos.campaign import Heard
from tests.journeys.pool import POOL

DEADLINE_SECONDS = 10.0
"""Caller, gateway and simulator share one core here: a late answer of Redis is no outage."""


@asynccontextmanager
async def in_memory() -> AsyncIterator[tuple[Engine, Heard]]:
    """The engine's twin."""
    engine = MemoryEngine(clock=lambda: time.time_ns() // 1_000_000)

    async def heard(_engine: Engine) -> Sequence[Event]:
        return [Event(kind, fields.get("payload", "")) for kind, fields in engine.events(POOL)]

    yield engine, heard


@asynccontextmanager
async def on_redis(url: str) -> AsyncIterator[tuple[Engine, Heard]]:
    """The real engine on the Redis at `url`."""
    engine = open_engine(url, deadline=DEADLINE_SECONDS)

    async def heard(_engine: Engine) -> Sequence[Event]:
        async with redis.asyncio.Redis.from_url(url) as client:
            raw = cast("list[Any]", await client.xrange(stream_key(POOL)))
        entries = [decode(name, fields) for name, fields in raw]
        return [Event(entry.type, entry.fields.get("payload", "")) for entry in entries]

    try:
        yield engine, heard
    finally:
        await engine.close()


@asynccontextmanager
async def on_embedded() -> AsyncIterator[tuple[Engine, Heard]]:
    """The real engine on a Valkey nobody else knows of."""
    with private_server() as server:
        async with on_redis(server.url) as opened:
            yield opened
