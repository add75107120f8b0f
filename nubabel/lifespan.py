"""What a web process opens when it starts and closes, in reverse order, when it stops."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

logger = logging.getLogger(__name__)

Closer = Callable[[], Awaitable[None]]

_CLOSERS: Final[list[Closer]] = []


def at_stop(close: Closer) -> None:
    """Have `close` awaited when the server stops."""
    _CLOSERS.append(close)


async def application(_scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - the ASGI signature
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await close_all()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def close_all() -> None:
    """One that fails must not keep the others open."""
    while _CLOSERS:
        close = _CLOSERS.pop()
        try:
            await close()
        except Exception:
            logger.exception("could not close %s", getattr(close, "__qualname__", close))
