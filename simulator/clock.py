"""Time as an argument: the world asks its clock, never the operating system."""

import asyncio
import heapq
import time
from itertools import count
from typing import Protocol


class Clock(Protocol):
    """What the simulator needs of time. Instants are Unix seconds."""

    def now(self) -> float:
        """Give the present instant."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once that many seconds have passed on this clock."""
        ...


class SystemClock:
    """The real time, for demos and benchmarks."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class InstantClock:
    """Stands still until somebody sleeps or moves it; then the time has simply passed. Nobody ever waits."""

    def __init__(self, *, start: float = 1_795_348_800.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


class ManualClock:
    """Stands still until `advance`; sleepers wake in order when their instant is reached."""

    def __init__(self, *, start: float = 1_795_348_800.0) -> None:
        self._now = start
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._fell_asleep = asyncio.Event()

    def now(self) -> float:
        return self._now

    @property
    def sleeping(self) -> int:
        """How many sleepers have not been woken yet."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def asleep(self, count: int = 1) -> None:
        """Return once that many sleep at the same time."""
        while self.sleeping < count:
            self._fell_asleep.clear()
            await self._fell_asleep.wait()

    def advance(self, seconds: float) -> None:
        """Move the time on and wake everybody whose instant has come."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), future))
        self._fell_asleep.set()
        await future
