"""SIGTERM in the middle of fifty streams, to the real process: nobody is cut short, and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from accounts.models import Pool
from quota.engine.facade import open_engine
from quota.facts import ActivityStatus
from quota.models import Activity
from quota.running import running_worker
from simulator.clock import ManualClock
from simulator.testing import RunningSimulator, running_simulator
from tests.journeys.processes import PATIENCE, Web, pool_of, standing_world, web

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
STREAMS, WAVE = 50, 5
FIRST_EVENTS = 4
"""After so many a stream has shown content: its start, the block's start, a ping, the first words."""


@dataclass
class Scene:
    """The pool, its key, and the simulator whose clock the test moves."""

    simulator: RunningSimulator
    clock: ManualClock
    pool: Pool
    key: str

    async def begun(self, web: Web, count: int) -> "list[Listener]":
        """Streams that have shown their first content, and now stand still."""
        listeners: list[Listener] = []
        begins = asyncio.create_task(self._begin(listeners, web, count))
        while not begins.done():
            await asyncio.wait({begins, *(listener.task for listener in listeners)}, timeout=0.1)
            for listener in listeners:
                assert not listener.task.done(), f"a stream ended early: {listener.body!r}"
        await begins
        return listeners

    async def _begin(self, listeners: "list[Listener]", web: Web, count: int) -> None:
        """A few at a time, because processes have just started; then the same number of events for all."""
        async with asyncio.timeout(PATIENCE):
            for _ in range(0, count, WAVE):
                listeners += [Listener(web) for _ in range(WAVE)]
                await self.clock.asleep(len(listeners))
            for _ in range(FIRST_EVENTS):
                await self.clock.asleep(count)
                self.clock.advance(1)
            await asyncio.gather(*(listener.heard.wait() for listener in listeners))

    async def play_on(self) -> None:
        """Let time pass for as long as anybody waits for it."""
        while True:
            await self.clock.asleep(1)
            self.clock.advance(1)
            await asyncio.sleep(0)

    async def leases(self) -> int:
        engine = open_engine(django_settings.REDIS_URL, deadline=5.0)
        try:
            return (await engine.snapshot(str(self.pool.pk))).leases
        finally:
            await engine.close()


class Listener:
    """Reads one stream, and knows whether it was whole."""

    def __init__(self, web: Web) -> None:
        self.heard = asyncio.Event()
        self.body = b""
        self.task = asyncio.create_task(self._listen(web))

    async def _listen(self, web: Web) -> None:
        async with web.post(stream=True) as answer:
            async for piece in answer.content.iter_any():
                self.body += piece
                if b"content_block_delta" in self.body:
                    self.heard.set()

    @property
    def whole(self) -> bool:
        """Begun and ended as it should be; that the bytes are complete, aiohttp checks by their framing."""
        blocks = self.body.count(b"event: content_block_start"), self.body.count(b"event: content_block_stop")
        return blocks[0] == blocks[1] > 0 and b"event: message_stop\n" in self.body[-120:]


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    world, clock = standing_world()
    async with running_simulator(world) as simulator:
        settings.ALLOWED_BASE_URLS = (simulator.url,)
        pool, key = await sync_to_async(pool_of)(simulator)
        yield Scene(simulator, clock, pool, key)


async def recorded() -> dict[str, int]:
    """How many requests of each status the worker writes down."""
    async with running_worker() as worker:
        await worker.once()
    rows = await sync_to_async(lambda: list(Activity.objects.values_list("status", flat=True)))()
    return {status: rows.count(status) for status in set(rows)}


@pytest.mark.parametrize("processes", ["1", "2"])
async def test_fifty_streams_end_whole_a_newcomer_is_served_while_it_leaves_and_nothing_is_left(
    scene: Scene, processes: str
) -> None:
    async with web(scene.simulator, scene.key, UNREADY_SECONDS="4", WEB_CONCURRENCY=processes) as server:
        listeners = await scene.begun(server, STREAMS)
        server.told_to_stop()
        await server.until("ready", 503)
        async with server.post(stream=False) as newcomer:
            assert (newcomer.status, newcomer.headers["connection"]) == (200, "close")
        await server.until("live", 0)
        with pytest.raises(aiohttp.ClientConnectionError):
            await server.post(stream=False)
        assert not any(listener.task.done() for listener in listeners)
        time = asyncio.create_task(scene.play_on())
        await asyncio.wait_for(asyncio.gather(*(listener.task for listener in listeners)), PATIENCE)
        assert await server.exit_code(within=20) == 0
        time.cancel()
    assert all(listener.whole for listener in listeners)
    assert await scene.leases() == 0
    assert await recorded() == {ActivityStatus.COMPLETED: STREAMS + 1}


async def test_streams_longer_than_the_grace_are_ended_settled_and_recorded(scene: Scene) -> None:
    async with web(scene.simulator, scene.key, UNREADY_SECONDS="0", DRAIN_SECONDS="1") as server:
        listeners = await scene.begun(server, 5)
        server.told_to_stop()
        assert await server.exit_code(within=20) == 0
        ends = await asyncio.gather(*(listener.task for listener in listeners), return_exceptions=True)
    assert all(isinstance(end, aiohttp.ClientError) for end in ends)
    assert await scene.leases() == 0
    assert sum((await recorded()).values()) == len(listeners)


async def test_whoever_signals_again_and_again_need_not_wait(scene: Scene) -> None:
    async with web(scene.simulator, scene.key, UNREADY_SECONDS="300", DRAIN_SECONDS="300") as server:
        listeners = await scene.begun(server, 5)
        ended = asyncio.create_task(server.process.wait())
        async with asyncio.timeout(PATIENCE):
            while not ended.done():
                server.told_to_stop()
                await asyncio.wait({ended}, timeout=1.1)
        await asyncio.gather(*(listener.task for listener in listeners), return_exceptions=True)
        assert server.process.returncode == 0
    assert await scene.leases() == 0
    assert sum((await recorded()).values()) == len(listeners)
