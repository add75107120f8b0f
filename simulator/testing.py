"""A running simulator inside a test: in its own event loop, or in a thread beside synchronous code."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from aiohttp import web

from simulator.app import build_app
from simulator.world import World, demo_world


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """Where it listens, and the world behind it."""

    url: str
    world: World

    def key(self, account: str) -> str:
        """Give an account's API key."""
        return self.world.accounts[account].key


@asynccontextmanager
async def running_simulator(
    world: World | None = None, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RunningSimulator]:
    """Serve a world (the demo world, if none is given) on loopback until the block ends; hanging answers end too.

    With `tls` it is reached by https, at whatever name of this machine the certificate is for.
    """
    world = world or demo_world()
    runner = web.AppRunner(build_app(world), access_log=None, handler_cancellation=True, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        bound = runner.addresses[0][1]
        yield RunningSimulator(f"{'https' if tls else 'http'}://{host}:{bound}", world)
    finally:
        await runner.cleanup()


@contextmanager
def threaded_simulator(
    world: World | None = None, *, timeout: float = 10.0, tls: ssl.SSLContext | None = None
) -> Iterator[RunningSimulator]:
    """Serve a world from a thread of its own, for synchronous tests. Starting and stopping may take `timeout` seconds.

    Script its faults before the requests they are meant for; a `ManualClock` belongs to the other variant.
    """
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    started: Future[RunningSimulator] = Future()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(_until(stop, started, world, tls),), name="simulator", daemon=True
    )
    thread.start()
    try:
        yield started.result(timeout)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout)
        loop.close()


async def _until(
    stop: asyncio.Event, started: "Future[RunningSimulator]", world: World | None, tls: ssl.SSLContext | None
) -> None:
    try:
        async with running_simulator(world, tls=tls) as running:
            started.set_result(running)
            await stop.wait()
    except OSError as error:
        started.set_exception(error)
