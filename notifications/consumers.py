"""The websocket at /ws/live/: a pool's events and numbers, to staff.

Frames from the server, all JSON with a `type`: `hello` (the server's time, how far events are), `heartbeat`,
`snapshot`, `reload`, and the kinds of `kinds.Kind`. What a browser sends is ignored. Parameters are those of
server-sent events (`live.selection`). A slow browser costs a place in a list, and then its connection: see `live.feed`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer

from notifications.errors import LiveRefused
from notifications.live.access import Door, PoolName, Scope
from notifications.live.conversation import Patience, conversation
from notifications.live.frames import text_of
from notifications.live.hub import Hub
from notifications.live.selection import Selection, selection_of
from notifications.live.watcher import FellBehind, Over, Watcher

NOT_ALLOWED: Final = 4403
NO_SUCH_POOL: Final = 4404
NONSENSE: Final = 4400
TOO_SLOW: Final = 4408
RESTARTING: Final = 1012
TRY_AGAIN: Final = 1013
CLOSE_S: Final = 2.0
"""So many seconds a browser may take to hear that it is over."""
_CODES: Final = {400: NONSENSE, 401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NO_SUCH_POOL, 503: TRY_AGAIN}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """What a socket asks of its surroundings. `welcome` looks at the page that opens it."""

    door: Door
    hub: Callable[[], Hub]
    welcome: Callable[[Scope], bool]
    patience: Patience = field(default_factory=lambda: Patience(heartbeat=20.0))
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """One browser's socket."""

    def __init__(self, *, world: World) -> None:
        super().__init__()
        self._world = world
        self._serving: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (ASGI, untyped in channels)
        """Serve one connection until either side ends it, and leave nothing behind."""
        connected = asyncio.ensure_future(super().__call__(scope, receive, send))
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({connected, over}, return_when=asyncio.FIRST_COMPLETED)
            if connected.done():
                connected.result()
        finally:
            tasks = [task for task in (connected, over, self._serving) if task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def connect(self) -> None:
        """Refuse pages of others; tell our own why, which only an accepted socket can hear."""
        if not self._world.welcome(self.scope):
            await self.close(NOT_ALLOWED)
            return
        await self.accept()
        self._serving = asyncio.create_task(self._serve())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Browsers have nothing to say here."""

    async def _serve(self) -> None:
        try:
            code = await self._said_everything()
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(CLOSE_S):
                    await self.close(code)
        finally:
            self._over.set()  # even if the browser never takes the closing frame

    async def _said_everything(self) -> int:
        """Talk until there is a reason to close; its code."""
        try:
            selection = selection_of(self.scope.get("query_string", b""))
            pool = await self._world.door.admit(self.scope, selection.pool)
            await self._talk(pool, selection)
        except LiveRefused as refused:
            return _CODES.get(refused.status, TRY_AGAIN)
        except (FellBehind, TimeoutError):
            return TOO_SLOW
        except Over:
            return RESTARTING
        except OSError:
            pass  # the server's way to say that the browser has left
        except Exception as trouble:  # noqa: BLE001 - whatever it is, the browser comes again
            kind = type(trouble).__name__
            logger.warning("live view: a socket broke down: %s", kind, extra={"action": "live_broken"})
        return TRY_AGAIN

    async def _talk(self, pool: PoolName, selection: Selection) -> None:
        world, last = self._world, selection.last_event_id
        async with world.hub().watching(pool.id, last_event_id=last) as channel:
            watcher = Watcher(channel, replace(selection, pool=pool.id))
            await self._say(self._hello(watcher, pool))
            told = conversation(
                watcher, patience=world.patience, still_allowed=lambda: world.door.admit(self.scope, pool.id)
            )
            async with aclosing(told) as talk:
                async for frames in talk:
                    for frame in frames:
                        await self._put(frame.text)
                    if not frames:
                        await self._say({"type": "heartbeat", **self._where(watcher)})

    def _hello(self, watcher: Watcher, pool: PoolName) -> Mapping[str, Any]:
        named = {"id": pool.id, "name": pool.name}
        heartbeat_s = self._world.patience.heartbeat
        return {"type": "hello", **self._where(watcher), "pool": named, "heartbeat_s": heartbeat_s}

    def _where(self, watcher: Watcher) -> Mapping[str, Any]:
        return {"server_time_ms": self._world.now_ms(), "id": watcher.position}

    async def _say(self, said: Mapping[str, Any]) -> None:
        await self._put(text_of(said))

    async def _put(self, text: str) -> None:
        """Raises TimeoutError when the browser does not take it in time."""
        async with asyncio.timeout(self._world.patience.send):
            await self.send(text_data=text)
