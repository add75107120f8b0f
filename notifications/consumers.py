"""The websocket at /ws/live/: what the relay publishes, one event at a time, to staff.

Each socket has a bounded mailbox, so a slow browser costs a few hundred letters and then its connection, and never
holds up the channel layer or another socket. Frames from the server, all JSON with a `type`: `hello`, `heartbeat`,
`missed` (how many events were thrown away), and the kinds of `kinds.Kind`. What a browser sends is ignored.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path

from notifications import wiring
from notifications.mailbox import Letter, Mailbox
from notifications.relay import LIVE_GROUP

NOT_ALLOWED: Final = 4403
TOO_SLOW: Final = 4408
TRY_AGAIN: Final = 1013

Scope = Mapping[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds, except the number of letters kept for a slow reader (who is cut off when twice as many are lost)."""

    letters: int = 256
    heartbeat_s: float = 20.0
    recheck_s: float = 60.0
    send_s: float = 10.0
    close_s: float = 2.0


@dataclass(frozen=True, slots=True)
class World:
    """What a socket asks of its surroundings; tests pass their own."""

    welcome: Callable[[Scope], bool] = wiring.from_our_page
    permitted: Callable[[Scope], Awaitable[bool]] = wiring.may_watch
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """One browser's socket."""

    def __init__(self, *, rules: Rules | None = None, world: World | None = None) -> None:
        super().__init__()
        self._rules = rules or Rules()
        self._world = world or World()
        self._mailbox = Mailbox(capacity=self._rules.letters)
        self._serving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (ASGI, untyped in channels)
        """Serve one connection, and leave nothing behind however it ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()

    async def connect(self) -> None:
        if not self._world.welcome(self.scope) or not await self._world.permitted(self.scope):
            await self.close(NOT_ALLOWED)
            return
        await self.accept()
        self._put("hello", heartbeat_s=self._rules.heartbeat_s)
        self._serving = asyncio.create_task(self._serve())
        await self.channel_layer.group_add(LIVE_GROUP, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Browsers have nothing to say here."""

    async def live_events(self, message: Mapping[str, Any]) -> None:
        """From the channel layer: events to pass on. Never waits for the browser."""
        for event in message["events"]:
            self._mailbox.put(event)

    async def live_stop(self, _message: Mapping[str, Any]) -> None:
        """From this socket's own watch: it is over, even if the browser never takes the closing frame."""
        raise StopConsumer

    async def _serve(self) -> None:
        """Write and keep watch until one of them has a reason to close."""
        duties = [asyncio.create_task(self._write()), asyncio.create_task(self._keep_watch())]
        try:
            done, _ = await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
        await self._end(done.pop())

    async def _write(self) -> int:
        """Send letters as fast as the browser takes them; the code to close with when it is too slow."""
        while True:
            missed, letter = await self._mailbox.take()
            if missed > 2 * self._rules.letters:
                return TOO_SLOW
            letters = [{"type": "missed", "count": missed}, letter] if missed else [letter]
            for it in letters:
                if not await self._sent(it):
                    return TOO_SLOW

    async def _sent(self, letter: Letter) -> bool:
        try:
            async with asyncio.timeout(self._rules.send_s):
                await self.send(text_data=json.dumps(letter, separators=(",", ":")))
        except TimeoutError:
            return False
        return True

    async def _keep_watch(self) -> int:
        """Heartbeats, and the right to be here; the code to close with when it is gone."""
        checked = self._world.clock()
        while True:
            await self._world.sleep(self._rules.heartbeat_s)
            if self._world.clock() - checked >= self._rules.recheck_s:
                checked = self._world.clock()
                if not await self._world.permitted(self.scope):
                    return NOT_ALLOWED
            self._put("heartbeat")

    async def _end(self, duty: asyncio.Task[int]) -> None:
        """Close with the code that ended `duty`; a duty that broke down asks the browser to come again."""
        trouble = duty.exception()
        if trouble and not isinstance(trouble, OSError):  # the server's way to say that the browser has left
            kind = type(trouble).__name__
            logger.warning("live view: a socket broke down: %s", kind, extra={"action": "live_broken"})
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._rules.close_s):
                await self.close(TRY_AGAIN if trouble else duty.result())
        await self.channel_layer.send(self.channel_name, {"type": "live.stop"})

    async def _leave(self) -> None:
        if self._serving is None:
            return
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        with contextlib.suppress(Exception):  # a channel layer that is away has forgotten this socket already
            await self.channel_layer.group_discard(LIVE_GROUP, self.channel_name)

    def _put(self, kind: str, **said: object) -> None:
        self._mailbox.put({"type": kind, "server_time_ms": self._world.now_ms(), **said})


websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]
