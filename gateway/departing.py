"""An answer on its way to the caller, who may be slow, or gone."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Any, Final, Self, cast

from gateway.errors import UpstreamFault
from gateway.responses import Response, Stream
from gateway.rounds import Alarm, rounds
from gateway.watchdog import Watchdog

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

SEND_SECONDS: Final = 60.0
"""So long one piece of an answer may wait for its reader before he counts as gone."""
SOON_SECONDS: Final = 0.25
"""What is done by then was not worth a task that watches for the caller's leaving."""
_SERVERS_OWN: Final = frozenset({"date"})
"""The HTTP server writes this one itself."""


async def while_connected(work: Coroutine[Any, Any, None], *, receive: Receive) -> None:
    """Do `work`; cancel it when the caller leaves. Only for after the body was read: what comes then is his leaving."""
    with _Caller(receive) as caller:
        try:
            await work
        except asyncio.CancelledError:
            if not caller.has_left():
                raise


class _Caller(Alarm):
    """Cancels the task that serves him when he leaves, unless it is done with him by then."""

    __slots__ = ("_leaving", "_left", "_receive", "_rounds", "_serving")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._rounds = rounds()
        self._serving = asyncio.current_task(self._rounds.loop)
        self._leaving: asyncio.Task[None] | None = None
        self._left = False

    def __enter__(self) -> Self:
        self._rounds.set(self, SOON_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._rounds.clear(self)
        if self._leaving is not None:
            self._leaving.cancel()
        if self._left and self._serving is not None:
            self._serving.uncancel()
        self._serving = None

    def has_left(self) -> bool:
        """Whether that, and nothing else, is why the work was cancelled."""
        return self._left and self._serving is not None and self._serving.cancelling() == 1

    def ring(self) -> None:
        """It takes long enough to watch for his leaving."""
        self._leaving = asyncio.ensure_future(self._disconnected())

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._serving is not None:
            self._left = True
            self._serving.cancel()


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
            with Watchdog() as watchdog:
                async for chunk in chunks:
                    watchdog.begin(SEND_SECONDS)
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    watchdog.end()
        await send_piece(send, b"", more=False)
    except (UpstreamFault, TimeoutError):
        return
    finally:
        await stream.aclose()


async def send_piece(send: Send, body: bytes, *, more: bool) -> None:
    """Send a piece of the body. Raises TimeoutError when nobody takes it for `SEND_SECONDS`."""
    with Watchdog() as watchdog:
        watchdog.begin(SEND_SECONDS)
        await send({"type": "http.response.body", "body": body, "more_body": more})
