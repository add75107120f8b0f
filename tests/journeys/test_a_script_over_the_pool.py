"""Code that is not async calls the pool with `asyncio.run`, as README shows, and finds nothing left open."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from asgiref.sync import async_to_sync

import gateway
from gateway.preparing import PoolRules
from gateway.wiring import get_wiring
from quota.engine.types import Account, PoolSettings
from simulator.testing import running_simulator
from tests.journeys.pool import POOL, Keys, world_of
from tests.journeys.test_the_sdk_over_the_pool import HELLO, MODEL


async def script():
    """Ask with one client after the other, on what a process outside of the server runs on."""
    async with running_simulator(world_of("alpha")) as simulator:

        async def via():
            return replace(get_wiring().ports, credentials=Keys(simulator)), PoolRules(id=POOL, name="default")

        await get_wiring().ports.engine.configure(POOL, PoolSettings(version=1), [Account(id="alpha")])
        for _ in range(2):
            async with gateway.client(via=via) as claude:
                message = await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
        return message.type


WAYS = {"asyncio": lambda: asyncio.run(script()), "asgiref": async_to_sync(script)}


@pytest.mark.parametrize("way", WAYS)
def test_a_script_that_is_done_leaves_nothing_open(way):
    program = (
        "import django; django.setup()\n"
        "from tests.journeys.test_a_script_over_the_pool import WAYS\n"
        f"print([WAYS[{way!r}]() for _ in range(2)])"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-W", "always::ResourceWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert done.stdout.strip().splitlines()[-1] == "['message', 'message']"
    assert "Unclosed" not in done.stderr
    assert "ResourceWarning: unclosed" not in done.stderr
