"""What a web process does when its server starts and stops."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

logger = logging.getLogger(__name__)

Closer = Callable[[], Awaitable[None]]


async def application(_scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - the ASGI signature
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await close_all(closers())
            await send({"type": "lifespan.shutdown.complete"})
            return


def closers() -> tuple[Closer, ...]:
    """In this order: what the gateway still settles needs the engine."""
    from gateway.wiring import close_wiring
    from quota.wiring import close_engine

    return close_wiring, close_engine


async def close_all(closing: Iterable[Closer]) -> None:
    """One that fails must not keep the others open."""
    for close in closing:
        try:
            await close()
        except Exception:
            logger.exception("could not close %s", getattr(close, "__qualname__", close))
