"""Time as the gateway needs it: a thing to pass in, so that tests need not wait."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What a clock can do."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Seconds from some beginning; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Come back after that time."""


class SystemClock:
    """The real one."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
