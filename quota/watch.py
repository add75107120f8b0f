"""Watching: look at a pool, judge what is found, tell what changed. Repeatable, by any number of workers.

# Note [Without Redis]
#     Steps of alerts go into the pool's stream and from there to people. While Redis is away they cannot, and that is
#     when people must hear: so they are told directly, and again through the stream when it is back. Both are the same
#     letters, of which the outbox keeps one; the live view hears of it late. A worker speaks of what it sees: it may be
#     the only one that is cut off, and then the gateway serves as ever. So an alert says who noticed.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from quota.alerting.findings import Watched, findings, watched_limits
from quota.alerting.values import Finding, Scene
from quota.engine.api import Engine
from quota.engine.types import Event
from quota.records import QUOTA_ALERT, QUOTA_SUMMARY, AlertMoved, DaySummary

REST: Final = 10
"""How many times as long as a look takes until the next one."""
AWAY_SECONDS: Final = 10.0
"""Redis must have been away so long before people are told: a restart is shorter."""


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

    async def judge_away(self, pool: str) -> int:
        """Make the alerts say that Redis does not answer; how many steps that took."""

    async def resolve_orphans(self) -> int:
        """End the alerts of pools that are gone."""

    async def claim_untold_orphans(self) -> list[tuple[int, AlertMoved]]:
        """Take the steps that are not told yet of pools that are gone."""

    async def summary_due(self, pool: str, limits: Sequence[Watched]) -> DaySummary | None:
        """The summary of the day that has ended, if it is to be told now."""

    async def mark_summarized(self, pool: str) -> None:
        """Note that it is told."""


Tell = Callable[[Sequence[AlertMoved]], Awaitable[None]]
"""Tells people directly, not through the stream. May be repeated."""


async def _tell_nobody(_: Sequence[AlertMoved]) -> None:
    pass


class Watch:
    """`clock` gives seconds that only grow. A huge pool takes long: a tenth of the time at most goes into it."""

    def __init__(
        self, *, engine: Engine, store: AlertStore, clock: Callable[[], float], tell: Tell = _tell_nobody
    ) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._tell_directly = tell
        self._not_before: dict[str, float] = {}
        self._away_since: float | None = None

    async def look(self, pool: str) -> None:
        """Bring the alerts of a pool up to date and tell their steps. Raises the engine's and the database's errors."""
        begun = self._clock()
        if begun >= self._not_before.get(pool, begun):
            await self._look(pool)
            self._not_before[pool] = begun + REST * (self._clock() - begun)

    async def without_redis(self, pools: Iterable[str]) -> None:
        """Redis did not answer a look at these: after a while people are told. See Note [Without Redis].

        Raises the database's errors.
        """
        now = self._clock()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since < AWAY_SECONDS:
            return
        for pool in pools:
            await self._store.judge_away(pool)
            if steps := await self._store.claim_untold(pool):
                await self._tell_directly([moved for _, moved in steps])

    async def forget_gone(self) -> None:
        """End what is open of pools that are gone, and say so. Raises the database's errors."""
        await self._store.resolve_orphans()
        if steps := await self._store.claim_untold_orphans():
            await self._tell_directly([moved for _, moved in steps])
            await self._store.mark_told(pk for pk, _ in steps)

    async def _look(self, pool: str) -> None:
        scene = await self._store.scene(pool)
        if scene is None:
            return
        snapshot = await self._engine.snapshot(pool, clients=scene.clients)
        self._away_since = None
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
