"""The gateway behind a real HTTP server, over a pool on the simulator: what an SDK meets by its base URL alone."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from accounts.errors import AccessRefused
from accounts.principals import Kind, Principal, presented_key
from accounts.scopes import Scope
from gateway.asgi import Gateway
from tests.journeys.pool import PoolOverSimulator, pool_over

KEY = "nb_live_of-the-journey"
PRINCIPAL = Principal(kind=Kind.ACCESS_KEY, id="journey", name="Journey", scopes=frozenset({Scope.MESSAGES}))


@dataclass
class Served:
    """Where it listens, and the pool behind it."""

    url: str
    pool: PoolOverSimulator
    server: uvicorn.Server


@asynccontextmanager
async def served(world, *, others=(), around=lambda application: application, **options) -> AsyncIterator[Served]:
    """Serve the world's accounts at a URL until the block ends.

    `others`: more access keys and whose they are. `around` puts something between the server and the gateway.
    """
    async with pool_over(world, **options) as pool:

        async def machinery():
            return pool.ports, pool.rules

        gateway = Gateway(
            authenticate=_keys({KEY: PRINCIPAL, **dict(others)}),
            machinery=lambda _: machinery,
            service=lambda: pool.service,
        )
        async with listening(around(gateway)) as (url, server):
            yield Served(url, pool, server)


def _keys(known):
    async def authenticate(headers):
        key = presented_key(headers)
        if key is not None and key not in known:
            raise AccessRefused
        return known.get(key)

    return authenticate


@asynccontextmanager
async def listening(application):
    """Run uvicorn in this loop; the process as the Procfile starts it is in tests.journeys.processes."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=20
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve(sockets=[listener]))  # without its handlers of this process's signals
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        server.should_exit = True
        await task
