"""What a web process does when its server starts and stops."""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from nubabel import tracing

logger = logging.getLogger(__name__)

GARBAGE_THRESHOLDS: Final = (10_000, 20, 20)
"""A request makes hundreds of short-lived objects: at the usual 700 every other one pays for a collection."""

Closer = Callable[[], Awaitable[None]]


async def application(_scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - the ASGI signature
    """The server says two things, in this order: begin, and, much later, end."""
    await receive()
    await asyncio.to_thread(tracing.begin)
    await asyncio.to_thread(warm_up)
    pulse = asyncio.create_task(_pulse())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    pulse.cancel()
    await asyncio.wait([pulse])
    await close_all(closers())
    await send({"type": "lifespan.shutdown.complete"})


def warm_up() -> None:
    """Import the SDK before the first request instead of inside it: it takes 1.5 s and more.

    What is loaded by then stays; the collector of garbage need not look at it again and again.
    """
    import_module("anthropic")
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def closers() -> tuple[Closer, ...]:
    """In this order: what the gateway still settles needs the engine, and is told of in traces."""
    from gateway.wiring import close_wiring
    from nubabel.live import close_live
    from quota.wiring import close_engine, close_gatherer

    return close_live, close_wiring, close_gatherer, close_engine, tracing.end


async def _pulse() -> None:
    """Report to the metrics, as long as this process serves."""
    from gateway.wiring import get_wiring  # both want Django's apps ready
    from quota.metrics.pulse import Pulse
    from quota.wiring import get_engine, redis_url

    with suppress(Exception):  # nobody asked for this yet: whoever does will be told
        await get_engine().ping()  # greet Redis (over TLS that takes a while) before the first request does
    await Pulse(url=redis_url(), role="web", waiting=get_wiring().ports.room.everywhere).run()


async def close_all(closing: Iterable[Closer]) -> None:
    """One that fails must not keep the others open."""
    for close in closing:
        try:
            await close()
        except Exception:
            logger.exception("could not close %s", getattr(close, "__qualname__", close))
