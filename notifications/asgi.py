"""`GET /api/activity/stream`: a pool's events and numbers as server-sent events.

A small ASGI application in front of Django, whose ASGI handler keeps a thread for every request that is under way. A
listener costs two tasks and no memory of its own: see `live.feed`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

from notifications.errors import LiveRefused
from notifications.live import sse
from notifications.live.access import Door, Scope
from notifications.live.conversation import Patience, conversation
from notifications.live.frames import Frame
from notifications.live.hub import Hub
from notifications.live.selection import Selection, checked_id, selection_of
from notifications.live.watcher import FellBehind, Over, Watcher

PATHS: Final = frozenset({"/api/activity/stream", "/api/events/stream"})
AT_ONCE: Final = 100
"""Events in one piece of the answer."""

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

logger = logging.getLogger(__name__)


def answers(path: str) -> bool:
    """Whether this application serves an address; its trailing slash is optional."""
    return path.removesuffix("/") in PATHS


@dataclass(frozen=True, slots=True)
class EventStream:
    """The application. What it works with is passed in."""

    door: Door
    hub: Callable[[], Hub]
    patience: Patience = field(default_factory=Patience)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one listener until it leaves, reads too slowly, or may not listen any more."""
        listening = asyncio.create_task(self._answer(scope, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({listening, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            leaving.cancel()
            await asyncio.gather(listening, leaving, return_exceptions=True)
        _log(listening)

    async def _answer(self, scope: Scope, send: Send) -> None:
        try:
            selection = await self._asked(scope)
            async with self.hub().watching(selection.pool, last_event_id=selection.last_event_id) as channel:
                await self._listen(scope, Watcher(channel, selection), send)
        except LiveRefused as refused:
            await self._refuse(send, refused)
        except (FellBehind, TimeoutError, OSError):
            return  # without an end: nobody shall take the stream for whole

    async def _asked(self, scope: Scope) -> Selection:
        """What is wanted, by somebody who may. Raises LiveRefused."""
        if scope["method"] != "GET":
            raise LiveRefused(405, "method_not_allowed", "Events are read with GET.")
        selection = selection_of(scope.get("query_string", b""))
        pool = await self.door.admit(scope, selection.pool)
        last = checked_id(_header(scope, b"last-event-id")) or selection.last_event_id
        return replace(selection, pool=pool.id, last_event_id=last)

    async def _listen(self, scope: Scope, watcher: Watcher, send: Send) -> None:
        await self._put(send, {"type": "http.response.start", "status": 200, "headers": sse.HEADERS})
        await self._say(send, sse.greeting())
        told = conversation(watcher, patience=self.patience, still_allowed=lambda: self.door.admit(scope, watcher.pool))
        try:
            async with aclosing(told) as talk:
                async for frames in talk:
                    await self._say_all(send, frames, position=watcher.position)
        except (Over, LiveRefused):
            await self._put(send, {"type": "http.response.body", "body": b": goodbye\n\n", "more_body": False})

    async def _say_all(self, send: Send, frames: Sequence[Frame], *, position: str) -> None:
        if not frames:
            await self._say(send, sse.heartbeat(position))
        for start in range(0, len(frames), AT_ONCE):
            await self._say(send, sse.encoded(frames[start : start + AT_ONCE]))

    async def _say(self, send: Send, piece: bytes) -> None:
        await self._put(send, {"type": "http.response.body", "body": piece, "more_body": True})

    async def _refuse(self, send: Send, refused: LiveRefused) -> None:
        body = sse.problem(refused.code, str(refused))
        await self._put(
            send, {"type": "http.response.start", "status": refused.status, "headers": _headers(refused, body)}
        )
        await self._put(send, {"type": "http.response.body", "body": body})

    async def _put(self, send: Send, message: Any) -> None:  # noqa: ANN401 - ASGI
        """Raises TimeoutError when nobody takes it in time."""
        async with asyncio.timeout(self.patience.send):
            await send(message)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


def _headers(refused: LiveRefused, body: bytes) -> list[tuple[bytes, bytes]]:
    more = {401: (b"www-authenticate", b"Bearer"), 405: (b"allow", b"GET"), 503: (b"retry-after", b"2")}
    return [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *([more[refused.status]] if refused.status in more else []),
    ]


def _log(listening: "asyncio.Task[None]") -> None:
    """What was not foreseen ends one stream and is written down."""
    if not listening.cancelled() and (trouble := listening.exception()):
        logger.error("events: a stream broke down", exc_info=trouble, extra={"action": "live_broken"})
