"""A running simulator inside a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
    world: World | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningSimulator]:
    """Serve a world (the demo world, if none is given) on loopback until the block ends; hanging answers end too."""
    world = world or demo_world()
    runner = web.AppRunner(build_app(world), access_log=None, handler_cancellation=True, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0][1]
        yield RunningSimulator(f"http://{host}:{bound}", world)
    finally:
        await runner.cleanup()
