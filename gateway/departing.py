"""An answer on its way to the caller, who may be slow, or gone."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Any, Final, cast

from gateway.errors import UpstreamFault
from gateway.responses import Response, Stream

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

SEND_SECONDS: Final = 60.0
"""So long one piece of an answer may wait for its reader before he counts as gone."""
_SERVERS_OWN: Final = frozenset({"date"})
"""The HTTP server writes this one itself."""


async def while_connected(work: Coroutine[Any, Any, None], *, receive: Receive) -> None:
    """Do `work`; cancel it when the caller leaves. Only for after the body was read: what comes then is his leaving."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
        await asyncio.wait((task, gone))
    if not task.cancelled():
        task.result()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_response(send: Send, response: Response) -> None:
    """Send an answer, whole or as it comes. A stream is let go of in any case."""
    if response.stream is None:
        await send_head(send, response.status, (*response.headers, ("content-length", str(len(response.body)))))
        await send_piece(send, response.body, more=False)
        return
    await send_head(send, response.status, response.headers)
    await send_stream(send, response.stream)


async def send_head(send: Send, status: int, headers: Iterable[tuple[str, str]]) -> None:
    """Begin an answer."""
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers if name not in _SERVERS_OWN]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def send_stream(send: Send, stream: Stream) -> None:
    """Pass a stream on. One that breaks, or that nobody reads, gets no end: nobody shall take it for whole."""
    try:
        async with aclosing(cast("Any", aiter(stream))) as chunks:
            async for chunk in chunks:
                await send_piece(send, chunk, more=True)
        await send_piece(send, b"", more=False)
    except (UpstreamFault, TimeoutError):
        return
    finally:
        await stream.aclose()


async def send_piece(send: Send, body: bytes, *, more: bool) -> None:
    """Send a piece of the body. Raises TimeoutError when nobody takes it for `SEND_SECONDS`."""
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})
