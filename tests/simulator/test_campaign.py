"""Every fault, streamed and whole: whatever the client sees, the simulator itself never breaks."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator.clock import InstantClock
from simulator.faults.registry import FAULTS
from simulator.testing import RunningSimulator, running_simulator
from simulator.world import demo_world

NEEDED: dict[str, dict[str, Any]] = {"status": {"status": 418}, "silence": {"seconds": 1}}
HANGING = {"hang_before_headers", "hang_after_headers"}


@pytest.fixture
async def quick() -> AsyncIterator[RunningSimulator]:
    """A simulator on which no pause takes time."""
    async with running_simulator(demo_world(clock=InstantClock())) as running:
        yield running


async def ask(http: aiohttp.ClientSession, sim: RunningSimulator, *, stream: bool) -> int | None:
    """Give the status, or nothing when the connection broke."""
    headers = {"x-api-key": sim.key("alpha"), "anthropic-version": "2026-10-21"}
    body: dict[str, Any] = {"model": "claude-opus-5-5", "max_tokens": 90, "stream": stream}
    body["messages"] = [{"role": "user", "content": "hello there"}]
    try:
        async with http.post(f"{sim.url}/v1/messages", json=body, headers=headers, allow_redirects=False) as response:
            await response.read()
            return response.status
    except aiohttp.ClientError:
        return None


@pytest.mark.parametrize("case", [(fault, stream) for fault in sorted(FAULTS) for stream in (False, True)])
async def test_the_simulator_survives(
    case: tuple[str, bool], quick: RunningSimulator, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    fault, stream = case
    quick.world.fault(fault, **NEEDED.get(fault, {}))
    asked = asyncio.create_task(ask(http, quick, stream=stream))
    if fault in HANGING:
        await quick.world.gate.arrived()
        quick.world.gate.open()
    await asked
    assert await ask(http, quick, stream=stream) == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert quick.world.gate.waiting == 0
