"""The worker's life: drain the streams, tick the engine, watch and publish pools, until told to stop.

Any number may run.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from quota.drain import Drain
from quota.engine.api import Engine
from quota.engine.errors import EngineEmpty, EngineError, EngineUnavailable
from quota.ledger import Written
from quota.publish import PoolImage, configure
from quota.watch import Watch

logger = logging.getLogger(__name__)

TROUBLE: Final = (RedisError, EngineError, DatabaseError, InterfaceError, OSError, TimeoutError)
"""What passes by itself: a server that restarts, a network that hiccups, a migration that is not applied yet."""


Work = tuple[Callable[[], Awaitable[object]], float]
"""What to do again and again, and how many seconds apart."""


class Source(Protocol):
    """The database as the ticks use it. Methods raise Django's database errors."""

    async def image(self, pool: str) -> PoolImage | None:
        """Read a pool as it should be; None if it is gone."""

    async def forget_pardoned(self, image: PoolImage) -> None:
        """Note that the engine has heard of these."""

    async def mark_silent(self) -> int:
        """Say of activities nobody heard of for a day that they are unknown."""

    async def forget_sessions(self) -> int:
        """Let go of what is kept for sessions of long ago."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds."""

    tick_every: float = 1.0
    watch_every: float = 1.0
    publish_every: float = 30.0
    first_pause: float = 0.1
    longest_pause: float = 5.0
    stop_within: float = 8.0


class Worker:
    """`run` until told to stop, or `once` through everything there is."""

    def __init__(
        self,
        *,
        drain: Drain,
        engine: Engine,
        source: Source,
        watch: Watch,
        errands: Sequence[Work] = (),
        rhythm: Rhythm | None = None,
    ) -> None:
        self._drain = drain
        self._watch = watch
        self._errands = errands
        self._engine = engine
        self._source = source
        self._rhythm = rhythm or Rhythm()

    @property
    def total(self) -> Written:
        """What was written so far."""
        return self._drain.total

    async def once(self) -> Written:
        """Settle what is overdue and write all there is. Raises one of `TROUBLE`."""
        await self._drain.everything()
        await self._tick()
        await self._look()
        written = await self._drain.everything()
        for errand, _ in self._errands:
            await errand()
        return written

    async def run(self, stop: asyncio.Event) -> bool:
        """Work until `stop`, then finish the batch. False if that took too long and was cut off.

        Trouble is waited out. Raises only what is a mistake of ours; then everything else has been stopped too.
        """
        tasks = [asyncio.create_task(self._repeat(work, every, stop)) for work, every in self._works()]
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        done, late = await asyncio.wait(tasks, timeout=self._rhythm.stop_within)
        for task in late:
            task.cancel()
        for task in done:
            task.result()
        return not late

    def _works(self) -> list[Work]:
        rhythm = self._rhythm
        return [
            (self._round, 0.0),
            (self._tick, rhythm.tick_every),
            (self._look, rhythm.watch_every),
            (self._publish, rhythm.publish_every),
            *self._errands,
        ]

    async def _repeat(self, work: Callable[[], Awaitable[object]], every: float, stop: asyncio.Event) -> None:
        pause = 0.0
        while not stop.is_set():
            try:
                await work()
                pause = 0.0
            except TROUBLE as error:
                _log_trouble(_name(work), error, first=not pause)
                pause = min(max(pause * 2, self._rhythm.first_pause), self._rhythm.longest_pause)
            await _sleep_unless(stop, max(every, pause))

    async def _round(self) -> None:
        try:
            await self._drain.round()
        except RedisError:
            await self._drain.begin_again()
            raise

    async def _tick(self) -> None:
        """Settle the leases of the dead, which nobody else does while there is no traffic."""
        await self._for_each_pool(self._expire)

    async def _look(self) -> None:
        """Find what deserves attention, or no longer does."""
        try:
            await self._for_each_pool(self._watch_pool)
        except EngineUnavailable:
            await self._watch.without_redis(self._drain.pools)
            raise

    async def _publish(self) -> None:
        """Repair what an edit could not tell Redis, and load what Redis has lost."""
        await self._for_each_pool(self._load)
        await self._source.mark_silent()
        await self._source.forget_sessions()
        await self._watch.forget_gone()

    async def _for_each_pool(self, work: Callable[[str], Awaitable[None]]) -> None:
        """What the engine has against one pool must not keep the others waiting; it is raised when they are done."""
        trouble: list[EngineError] = []
        for pool in self._drain.pools:
            try:
                await work(pool)
            except EngineUnavailable:
                raise
            except EngineError as error:
                trouble.append(error)
        if trouble:
            raise trouble[0]

    async def _expire(self, pool: str) -> None:
        try:
            await self._engine.expire(pool)
        except EngineEmpty:
            await self._load(pool)

    async def _watch_pool(self, pool: str) -> None:
        with suppress(EngineEmpty):  # the tick loads it
            await self._watch.look(pool)

    async def _load(self, pool: str) -> None:
        image = await self._source.image(pool)
        if image is not None:
            await configure(self._engine, image)
            await self._source.forget_pardoned(image)


def _name(work: Callable[[], Awaitable[object]]) -> str:
    return getattr(work, "__name__", "an errand")


def _log_trouble(work: str, error: BaseException, *, first: bool) -> None:
    """Loud once, quiet while it lasts. Only the kind of error: some carry a URL with a password in it."""
    level = logging.WARNING if first else logging.DEBUG
    name = work.strip("_")
    logger.log(level, "worker: %s waits for %s to pass", name, type(error).__name__, extra={"action": "worker_trouble"})


async def _sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
