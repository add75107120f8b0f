"""A world with a clock that stands still, a simulator serving it, and the real SDK talking to it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import anthropic
import pytest

from simulator.clock import ManualClock
from simulator.testing import RunningSimulator, running_simulator
from simulator.world import World, demo_world

Connect = Callable[..., anthropic.AsyncAnthropic]


@pytest.fixture
def clock() -> ManualClock:
    """Noon of 2026-11-22, UTC, until a test moves it."""
    return ManualClock()


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Alpha, beta and gamma, each in an organization of its own."""
    return demo_world(clock=clock)


@pytest.fixture
async def sim(world: World) -> AsyncIterator[RunningSimulator]:
    async with running_simulator(world) as running:
        yield running


@pytest.fixture
async def connect(sim: RunningSimulator) -> AsyncIterator[Connect]:
    """Make SDK clients for an account (or a key); they are closed afterwards."""
    made: list[anthropic.AsyncAnthropic] = []

    def connect(account: str = "alpha", *, key: str | None = None, **options: Any) -> anthropic.AsyncAnthropic:
        options = {"max_retries": 0, "timeout": 20.0} | options
        client = anthropic.AsyncAnthropic(api_key=key or sim.key(account), base_url=sim.url, **options)
        made.append(client)
        return client

    yield connect
    for client in made:
        await client.close()


@pytest.fixture
def alpha(connect: Connect) -> anthropic.AsyncAnthropic:
    """The SDK on alpha's key."""
    return connect("alpha")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A bare HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session
