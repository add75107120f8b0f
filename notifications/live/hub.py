"""Keeps channels up to date while anybody listens: one reader of the streams and one look at the numbers.

However many listen, a process reads each event once and asks for each pool's numbers a few times a second at most. When
nobody listens it does nothing at all.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from notifications.errors import LiveRefused
from notifications.live.board import Picture
from notifications.live.channel import Batch, Channel
from notifications.live.frames import BEGINNING, order

PAGE: Final = 500
LOOKED_BACK: Final = 1_000
"""Stream entries that are read when a pool's first listener comes."""
LOOKED_BACK_AT_MOST: Final = 10_000
"""Entries that are read for a listener who was away for long. The worker keeps no more of what is written down."""

END_TRIES: Final = 5
END_AGAIN_S: Final = 1.0

logger = logging.getLogger(__name__)


class Stream(Protocol):
    """The event streams. Every call has a deadline and may raise anything."""

    async def after(self, places: Mapping[str, str], *, block_ms: int) -> Mapping[str, Batch]:
        """Give what came after each pool's id; wait for the first of it at most so long."""

    async def before(self, pool: str, entry_id: str, *, count: int) -> Batch:
        """Give the last entries before an id, or of all if it is empty."""

    async def close(self) -> None: ...


Look = Callable[[str], Awaitable[Picture]]
"""A pool's numbers as they are now. May raise anything."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds (`_ms`: milliseconds)."""

    block_ms: int = 500
    pause_s: float = 0.05
    """Between two readings, so that a flood is passed on in handfuls."""
    look_s: float = 0.3
    idle_s: float = 2.0
    """Numbers move with time too, and with edits; so they are looked at although nothing happened."""
    share: float = 0.1
    """At most this part of the time is spent on looking, however large the pools …"""
    longest_s: float = 5.0
    """… but nobody waits longer than this for the next look."""
    deadline_s: float = 5.0
    first_retry_s: float = 0.1
    last_retry_s: float = 2.0


@dataclass(slots=True)
class _Held:
    channel: Channel
    listeners: int = 0
    opening: "asyncio.Lock" = field(default_factory=asyncio.Lock)
    begun: bool = False
    looked_at: float = float("-inf")


class Hub:
    """Belongs to one event loop. `stopping` says whether this process takes nothing new any more."""

    def __init__(
        self,
        *,
        stream: Stream,
        look: Look,
        stopping: Callable[[], bool] = lambda: False,
        rhythm: Rhythm | None = None,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._stream = stream
        self._look = look
        self._stopping = stopping
        self._rhythm = rhythm or Rhythm()
        self._clock = clock
        self._now_ms = now_ms
        self._held: dict[str, _Held] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._deaf_since_ms: int | None = None

    @asynccontextmanager
    async def watching(self, pool: str, *, last_event_id: str = "") -> AsyncIterator[Channel]:
        """A channel for as long as the block lasts. Raises LiveRefused (503) when the store does not answer now."""
        held = self._held.setdefault(pool, _Held(Channel(pool)))
        held.listeners += 1
        try:
            await self._prepare(held, last_event_id=last_event_id)
            self._start()
            yield held.channel
        finally:
            held.listeners -= 1
            if not held.listeners:
                self._held.pop(pool, None)
            self._rest_if_alone()

    async def close(self) -> None:
        """End every channel and let go of the store."""
        self._end_all()
        tasks, self._tasks = self._tasks, []
        await _end(tasks)
        await self._stream.close()

    def _end_all(self) -> None:
        for held in self._held.values():
            held.channel.end()

    # Beginning

    async def _prepare(self, held: _Held, *, last_event_id: str) -> None:
        try:
            async with asyncio.timeout(self._rhythm.deadline_s), held.opening:
                await self._begin(held)
                await self._reach_back(held.channel, last_event_id)
        except Exception as error:
            logger.warning("live view: cannot begin: %s", type(error).__name__, extra={"action": "live_begin"})
            raise LiveRefused(503, "unavailable", "Events cannot be read at the moment. Come again.") from error

    async def _begin(self, held: _Held) -> None:
        if held.begun:
            return
        await self._look_at(held)  # first, because events are told with names
        held.channel.begin(await self._stream.before(held.channel.pool, "", count=PAGE))
        held.begun = True
        await self._deepen(held.channel, until=None, at_most=LOOKED_BACK - PAGE)

    async def _reach_back(self, channel: Channel, last_event_id: str) -> None:
        if last_event_id and channel.feed.place_after(last_event_id) is None:
            await self._deepen(channel, until=order(last_event_id), at_most=LOOKED_BACK_AT_MOST)

    async def _deepen(self, channel: Channel, *, until: tuple[int, int] | None, at_most: int) -> None:
        read = 0
        while read < at_most and channel.feed.has_room:
            start = channel.feed.complete_after
            if start == BEGINNING or (until is not None and (order(start) or (0, 0)) <= until):
                return
            page = await self._stream.before(channel.pool, start, count=PAGE)
            if not page.size:
                return
            channel.reach_back(page)
            read += PAGE

    # Going on

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]

    def _rest_if_alone(self) -> None:
        if not self._held:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def _is_wanted(self) -> bool:
        """Whether the task that asks was not told to end; see `_end`."""
        return asyncio.current_task() in self._tasks

    async def _read(self) -> None:
        retry_s = self._rhythm.first_retry_s
        while self._is_wanted():
            if self._stopping():
                self._end_all()
            try:
                heard = await self._read_once()
                self._deaf_since_ms, retry_s = None, self._rhythm.first_retry_s
                await asyncio.sleep(self._rhythm.pause_s if heard else 0)
            except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, listeners wait for its end
                if self._deaf_since_ms is None:
                    logger.warning("live view: cannot read: %s", type(error).__name__, extra={"action": "live_deaf"})
                    self._deaf_since_ms = self._now_ms()
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, self._rhythm.last_retry_s)

    async def _read_once(self) -> bool:
        channels = [held.channel for held in self._held.values() if held.begun]
        places = {channel.pool: channel.feed.last_id for channel in channels}
        if not places:
            await asyncio.sleep(self._rhythm.look_s)
            return False
        async with asyncio.timeout(self._rhythm.deadline_s):
            heard = await self._stream.after(places, block_ms=self._rhythm.block_ms)
        for channel in channels:
            if channel.pool in heard:
                channel.hear(heard[channel.pool])
        return bool(heard)

    async def _watch(self) -> None:
        while self._is_wanted():
            began = self._clock()
            for held in tuple(self._held.values()):
                if held.begun and self._is_due(held):
                    await self._look_at(held)
            pause = (self._clock() - began) / self._rhythm.share
            await asyncio.sleep(min(max(self._rhythm.look_s, pause), self._rhythm.longest_s))

    def _is_due(self, held: _Held) -> bool:
        return held.channel.touched or self._clock() - held.looked_at >= self._rhythm.idle_s

    async def _look_at(self, held: _Held) -> None:
        held.channel.touched, held.looked_at = False, self._clock()
        try:
            async with asyncio.timeout(self._rhythm.deadline_s):
                picture = await self._look(held.channel.pool)
        except Exception as error:  # noqa: BLE001 - the engine's, the database's; the numbers are old until it is over
            logger.info("live view: cannot look: %s", type(error).__name__, extra={"action": "live_blind"})
            held.channel.stale(self._deaf_since_ms or self._now_ms())
            return
        held.channel.show(picture, stale_since_ms=self._deaf_since_ms)


async def _end(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancel, more than once if need be: a client that is just giving a connection up can swallow a cancellation."""
    left = set(tasks)
    for _ in range(END_TRIES):
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=END_AGAIN_S)
