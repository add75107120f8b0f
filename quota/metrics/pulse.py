"""A process's report, every few seconds: that it lives, who waits in it, what it counted, how far away Redis is.

What is handed over in a call whose answer is lost is handed over again: these counts may be too high after trouble.
"""

import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Any, Final
from uuid import uuid4

from redis.exceptions import RedisError

from notifications.deliveries import COUNTED
from quota.metrics import tallies
from quota.metrics.catalogue import REDIS_LATENCY, SLACK
from quota.metrics.shelves import ALIVE, ALIVE_MS, REPORTS, TALLIES
from quota.streams import open_client

EVERY_SECONDS: Final = 5.0
_TROUBLE: Final = (RedisError, OSError, TimeoutError)

logger = logging.getLogger(__name__)


def nobody() -> Mapping[str, int]:
    """Say that nobody waits here."""
    return {}


class Pulse:
    """`waiting` says how many requests wait in this process, by pool."""

    def __init__(self, *, url: str, role: str, waiting: Callable[[], Mapping[str, int]] = nobody) -> None:
        self._redis: Any = open_client(url)
        self._name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._role = role
        self._waiting = waiting
        self._slack: Mapping[str, int] = dict(COUNTED)

    async def run(self, *, every: float = EVERY_SECONDS) -> None:
        """Report until cancelled; trouble with Redis is waited out."""
        try:
            while True:
                with suppress(*_TROUBLE):
                    await self.beat()
                await asyncio.sleep(every)
        finally:
            await self.leave()

    async def beat(self) -> None:
        """Report once. Raises redis-py's errors."""
        began = time.perf_counter()
        await self._redis.ping()
        tallies.observe(REDIS_LATENCY, seconds=time.perf_counter() - began)
        await self._hand_over(json.dumps({"role": self._role, "waiting": dict(self._waiting())}))

    async def leave(self) -> None:
        """Hand over what is left, and say that this process is gone."""
        with suppress(*_TROUBLE):
            await self._hand_over("")
        await self._redis.aclose()

    async def _hand_over(self, report: str) -> None:
        self._count_slack()
        counts = tallies.taken()
        pairs = [part for pair in counts.items() for part in pair]
        try:
            await self._redis.eval(_pulse(), 3, TALLIES, ALIVE, REPORTS, self._name, report, ALIVE_MS, *pairs)
        except BaseException:
            tallies.put_back(counts)
            raise

    def _count_slack(self) -> None:
        now = dict(COUNTED)
        for result, count in now.items():
            if grown := count - self._slack.get(result, 0):
                tallies.add(SLACK, result, by=grown)
        self._slack = now


@cache
def _pulse() -> str:
    return files("quota").joinpath("lua/pulse.lua").read_text()
