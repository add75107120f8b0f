"""A web process as the Procfile starts it, over this test's database and Redis, and a simulator that stands still."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import aiohttp
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from accounts.access import issue_access_key
from accounts.models import Pool
from accounts.scopes import Scope
from quota.bootstrap import make_demo_pool
from simulator.clock import ManualClock
from simulator.latency import Fixed, Pace
from simulator.testing import RunningSimulator
from simulator.world import World
from tests import stores
from tests.nubabel.test_serve import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0
MESSAGE = {"model": "claude-sonnet-5-5", "max_tokens": 60, "messages": [{"role": "user", "content": "hello"}]}


def standing_world() -> tuple[World, ManualClock]:
    """Two accounts whose streams give one event for each second that the clock is moved."""
    clock = ManualClock()
    world = World(seed=7, clock=clock, pace=Pace(between=Fixed(1.0)))
    for name in ("alpha", "beta"):
        world.add_account(name)
    return world, clock


def pool_of(simulator: RunningSimulator) -> tuple[Pool, str]:
    """The pool of the world's accounts, in the database, and an access key to it."""
    pool = make_demo_pool(base_url=simulator.url, keys={name: simulator.key(name) for name in simulator.world.accounts})
    pool.accounts.update(limit_requests_minute=None)
    plain, _ = issue_access_key(name="journey", scopes=[Scope.MESSAGES], pool=pool)
    return pool, plain


@dataclass
class Web:
    """A running `web` of the Procfile."""

    url: str
    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession
    key: str

    def told_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def exit_code(self, *, within: float) -> int:
        return await asyncio.wait_for(self.process.wait(), within)

    async def health(self, name: str) -> int:
        """The status, 0 when nobody listens."""
        try:
            async with self.http.get(f"{self.url}/health/{name}") as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def until(self, name: str, status: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.health(name) != status:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    def post(self, *, stream: bool) -> "aiohttp.client._RequestContextManager":
        headers = {"x-api-key": self.key, "anthropic-version": "2023-06-01"}
        return self.http.post(f"{self.url}/v1/messages", json={**MESSAGE, "stream": stream}, headers=headers)


@asynccontextmanager
async def web(
    simulator: RunningSimulator, key: str, *, log: IO[str] | None = None, **variables: str
) -> AsyncIterator[Web]:
    """Run the Procfile's command until the block ends, at PORT or at any port. What it logs goes to `log`."""
    port = variables.pop("PORT", "") or str(free_port())
    process = await _started("web", simulator, log=log, PORT=port, **variables)
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE)) as http:
        try:
            running = Web(f"http://127.0.0.1:{port}", process, http, key)
            await running.until("ready", 200)
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def worker(simulator: RunningSimulator, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the Procfile's worker until the block ends: the ledger is written, watches look."""
    process = await _started("worker", simulator, log=None, **variables)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def _started(
    name: str, simulator: RunningSimulator, *, log: IO[str] | None, **variables: str
) -> asyncio.subprocess.Process:
    (command,) = re.findall(rf"^{name}: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    environment = await _environment(simulator, **variables)
    return await asyncio.create_subprocess_exec(*("sh", "-c", f"exec {command}"), cwd=ROOT, env=environment, stderr=log)


async def _environment(simulator: RunningSimulator, **variables: str) -> dict[str, str]:
    database = await sync_to_async(lambda: stores.address_of(connection.settings_dict))()
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "nubabel.settings",
        "DATABASE_URL": database,
        "REDIS_URL": settings.REDIS_URL,
        "SIMULATOR_PORT": str(urlsplit(simulator.url).port),
        **variables,
    }
