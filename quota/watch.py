"""Watching: look at a pool, judge what is found, tell what changed. Repeatable, by any number of workers."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from quota.alerting.findings import Watched, findings, watched_limits
from quota.alerting.values import Finding, Scene
from quota.engine.api import Engine
from quota.engine.types import Event
from quota.records import QUOTA_ALERT, QUOTA_SUMMARY, AlertMoved, DaySummary

REST: Final = 10
"""How many times as long as a look takes until the next one."""


class AlertStore(Protocol):
    """The database as watching uses it. Methods raise Django's database errors."""

    async def scene(self, pool: str) -> Scene | None:
        """What must be known of a pool; None if it is gone or somebody else is looking at it."""

    async def judge(self, pool: str, found: Sequence[Finding], *, now_ms: int) -> int:
        """Make the alerts say what was found at `now_ms`; how many steps that took."""

    async def claim_untold(self, pool: str) -> list[tuple[int, AlertMoved]]:
        """Take the steps that are not told yet."""

    async def mark_told(self, ids: Iterable[int]) -> None:
        """Note that these are told."""

    async def summary_due(self, pool: str, limits: Sequence[Watched]) -> DaySummary | None:
        """The summary of the day that has ended, if it is to be told now."""

    async def mark_summarized(self, pool: str) -> None:
        """Note that it is told."""


class Watch:
    """`clock` gives seconds that only grow. A huge pool takes long: a tenth of the time at most goes into it."""

    def __init__(self, *, engine: Engine, store: AlertStore, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._not_before: dict[str, float] = {}

    async def look(self, pool: str) -> None:
        """Bring the alerts of a pool up to date and tell their steps. Raises the engine's and the database's errors."""
        begun = self._clock()
        if begun >= self._not_before.get(pool, begun):
            await self._look(pool)
            self._not_before[pool] = begun + REST * (self._clock() - begun)

    async def _look(self, pool: str) -> None:
        scene = await self._store.scene(pool)
        if scene is None:
            return
        snapshot = await self._engine.snapshot(pool, clients=scene.clients)
        await self._store.judge(pool, findings(scene, snapshot), now_ms=snapshot.now_ms)
        await self._tell(pool)
        await self._sum_up(pool, tuple(watched_limits(scene, snapshot)))

    async def _sum_up(self, pool: str, limits: Sequence[Watched]) -> None:
        # Told before it is noted: twice at worst, which readers know by its day.
        if summary := await self._store.summary_due(pool, limits):
            await self._engine.emit(pool, [Event(QUOTA_SUMMARY, summary.to_json())])
            await self._store.mark_summarized(pool)

    async def _tell(self, pool: str) -> None:
        if steps := await self._store.claim_untold(pool):
            await self._engine.emit(pool, [Event(QUOTA_ALERT, moved.to_json()) for _, moved in steps])
            await self._store.mark_told(pk for pk, _ in steps)
