"""What a web process does when its server starts and stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from importlib import import_module
from typing import Any

logger = logging.getLogger(__name__)

Closer = Callable[[], Awaitable[None]]


async def application(_scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - the ASGI signature
    """The server says two things, in this order: begin, and, much later, end."""
    await receive()
    await asyncio.to_thread(warm_up)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await close_all(closers())
    await send({"type": "lifespan.shutdown.complete"})


def warm_up() -> None:
    """Import the SDK before the first request instead of inside it: it takes 1.5 s and more."""
    import_module("anthropic")


def closers() -> tuple[Closer, ...]:
    """In this order: what the gateway still settles needs the engine."""
    from gateway.wiring import close_wiring
    from nubabel.live import close_live
    from quota.wiring import close_engine

    return close_live, close_wiring, close_engine


async def close_all(closing: Iterable[Closer]) -> None:
    """One that fails must not keep the others open."""
    for close in closing:
        try:
            await close()
        except Exception:
            logger.exception("could not close %s", getattr(close, "__qualname__", close))
