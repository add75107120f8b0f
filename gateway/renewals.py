"""Keeping the leases of long calls alive.

One task per process renews them all, half a lifetime before they end. It is not the task that carries the stream, so a
caller who reads slowly or a stream that never pauses cannot keep it from running (the stream lets others run every so
often: see `gateway.delivery`). A renewal that fails changes nothing for the call: it goes on, and is settled late.
"""

import asyncio
import logging
from dataclasses import dataclass

from gateway.clock import Clock
from quota.engine.api import Engine
from quota.engine.errors import EngineError
from quota.engine.types import Lease

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Watched:
    """A lease to keep. Set `alive` once its call has begun to answer; after `until` it is left to expire."""

    engine: Engine
    lease: Lease
    ttl_ms: int
    due: float
    until: float
    alive: bool = False


class Renewals:
    """All leases this process keeps alive."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._watched: set[Watched] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def watched(self) -> int:
        """How many leases are kept alive now."""
        return len(self._watched)

    def watch(self, engine: Engine, lease: Lease, *, ttl_ms: int, for_seconds: float) -> Watched:
        """Renew `lease` from now on until `forget`, at most for `for_seconds`: an abandoned call must not hold it."""
        now = self._clock.monotonic()
        watched = Watched(engine, lease, ttl_ms, now + ttl_ms / 2_000, now + for_seconds)
        self._watched.add(watched)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="lease renewals")
        return watched

    def forget(self, watched: Watched) -> None:
        """Stop renewing; the call is over."""
        self._watched.discard(watched)  # the task ends by itself when it wakes and there is nothing left

    async def renew_due(self) -> None:
        """Renew what is due, all at once."""
        now = self._clock.monotonic()
        self._watched = {watched for watched in self._watched if now < watched.until}
        await asyncio.gather(*(self._renew(watched, now) for watched in self._watched if watched.due <= now))

    async def _run(self) -> None:
        while self._watched:
            await self._clock.sleep(min(watched.ttl_ms for watched in self._watched) / 4_000)
            await self.renew_due()

    async def _renew(self, watched: Watched, now: float) -> None:
        try:
            kept = await watched.engine.renew(
                watched.lease.pool, watched.lease.id, ttl_ms=watched.ttl_ms, alive=watched.alive
            )
        except EngineError as error:
            # Tried again at the next round; half a lifetime is left.
            logger.warning("a lease could not be renewed", extra={"action": "renew", "why": type(error).__name__})
            return
        watched.due = now + watched.ttl_ms / 2_000
        if not kept:
            self.forget(watched)
