"""The database side of the worker: ORM work in one thread of its own, whose connection is made anew after trouble."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone

from accounts.models import ClaudeAccount, Pool
from accounts.models.pools import Degraded
from accounts.services import remember_origin
from quota import alert_store, summaries
from quota.activities import mark_silent
from quota.adding_up import forget_sessions
from quota.alert_scenes import read_scene
from quota.alerting.findings import Watched, redis_away
from quota.alerting.values import CauseKind, Finding, Scene, Told
from quota.entries import Entry
from quota.forecasts import explain_with
from quota.ledger import Unreadable, Written, write_surely
from quota.organizations.telling import told_of
from quota.origins import Origin, origins
from quota.publish import PoolImage, forget_pardoned, read_pool
from quota.records import AlertMoved, DaySummary

LOOK_EVERY: Final = timedelta(milliseconds=900)
"""Of all workers together; a little less than one worker's second."""
SILENT_AFTER: Final = timedelta(hours=24)
"""Longer than any call may take."""
SESSIONS_KEPT: Final = timedelta(days=90)
"""There is no end of sessions' names, so their days are not kept for good."""

TOLD_SECONDS: Final = 60.0
"""How long what the Admin API told is not read again."""

_CLOSE_SECONDS: Final = 1.0

T = TypeVar("T")


class DatabaseStore:
    """Drain's `Store`, the worker's `Source`, the watch's `AlertStore`. Methods raise Django's database errors."""

    def __init__(self, *, look_every: timedelta = LOOK_EVERY) -> None:
        self._look_every = look_every
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._origins: dict[str, Origin] = {}
        self._told: dict[uuid.UUID, tuple[float, Told]] = {}
        self.names: Mapping[str, str] = {}

    async def pools(self) -> list[str]:
        pools, accounts = await self.do(_names)
        self.names = pools | accounts
        return sorted(pools)

    async def write(self, pool_id: uuid.UUID, entries: Sequence[Entry], unreadable: Sequence[Unreadable]) -> Written:
        written = await self.do(lambda: write_surely(pool_id, entries, unreadable))
        await self._learn(origins(entries))
        return written

    async def _learn(self, said: Mapping[str, Origin]) -> None:
        """Keep whose keys these are; asks the database only when an answer says something new."""
        for account, origin in said.items():
            if self._origins.get(account) != origin:
                await self.do(partial(_remember, account, origin))
                self._origins[account] = origin

    async def image(self, pool: str) -> PoolImage | None:
        return await self.do(lambda: _image(uuid.UUID(pool)))

    async def forget_pardoned(self, image: PoolImage) -> None:
        await self.do(lambda: forget_pardoned(image))

    async def mark_silent(self) -> int:
        return await self.do(lambda: mark_silent(before=timezone.now() - SILENT_AFTER))

    async def scene(self, pool: str) -> Scene | None:
        return await self.do(partial(self._scene, uuid.UUID(pool)))

    def _scene(self, pool_id: uuid.UUID) -> Scene | None:
        if not alert_store.claim_look(pool_id, now=timezone.now(), every=self._look_every):
            return None
        return read_scene(pool_id, told=self._told_of(pool_id))

    def _told_of(self, pool_id: uuid.UUID) -> Told:
        """Comparing a month is no work for every second, and Anthropic says something new once a minute at most."""
        now = time.monotonic()
        read_at, told = self._told.get(pool_id, (float("-inf"), Told()))
        if now - read_at >= TOLD_SECONDS:
            told = told_of(pool_id, now=timezone.now())
            self._told[pool_id] = (now, told)
        return told

    async def judge(self, pool: str, found: Sequence[Finding], *, now_ms: int) -> int:
        explain = explain_with(uuid.UUID(pool), now=timezone.now())
        return await self.do(partial(alert_store.judge, uuid.UUID(pool), found, now_ms=now_ms, explain=explain))

    async def claim_untold(self, pool: str) -> list[tuple[int, AlertMoved]]:
        return await self.do(lambda: alert_store.claim_untold(uuid.UUID(pool), now=timezone.now()))

    async def mark_told(self, ids: Iterable[int]) -> None:
        await self.do(lambda: alert_store.mark_told(ids))

    async def judge_away(self, pool: str) -> int:
        return await self.do(lambda: _judge_away(uuid.UUID(pool)))

    async def resolve_orphans(self) -> int:
        return await self.do(lambda: alert_store.resolve_orphans(now=timezone.now()))

    async def claim_untold_orphans(self) -> list[tuple[int, AlertMoved]]:
        return await self.do(lambda: alert_store.claim_untold_orphans(now=timezone.now()))

    async def summary_due(self, pool: str, limits: Sequence[Watched]) -> DaySummary | None:
        return await self.do(lambda: summaries.summary_due(uuid.UUID(pool), limits, now=timezone.now()))

    async def mark_summarized(self, pool: str) -> None:
        today = (timezone.now() - summaries.SETTLES).date()
        await self.do(lambda: summaries.mark_summarized(uuid.UUID(pool), today=today))

    async def forget_sessions(self) -> int:
        return await self.do(lambda: forget_sessions(before=timezone.now() - SESSIONS_KEPT))

    async def close(self) -> None:
        """Give the connection back; work that hangs is waited for no longer than a second."""
        closing = asyncio.wrap_future(self._thread.submit(connections.close_all))
        await asyncio.wait([closing], timeout=_CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    async def do(self, work: Callable[[], T]) -> T:
        """Run it in the thread that owns the connection."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _with_connection, work)


def _with_connection(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    except (DatabaseError, InterfaceError):
        # A connection that failed once may be half dead (a restart, a cut); the next try gets a new one.
        connections.close_all()
        raise


def _names() -> tuple[dict[str, str], dict[str, str]]:
    pools, accounts = (
        {str(pk): name for pk, name in model.objects.order_by("pk").values_list("pk", "name")}
        for model in (Pool, ClaudeAccount)
    )
    return pools, accounts


def _judge_away(pool_id: uuid.UUID) -> int:
    pool = Pool.objects.filter(pk=pool_id).first()
    if pool is None:
        return 0
    now = timezone.now()
    found = redis_away(str(pool_id), pool.name, serves=pool.degraded == Degraded.LOCAL)
    return alert_store.judge(pool_id, [found], now_ms=int(now.timestamp() * 1_000), kinds=[CauseKind.REDIS_AWAY])


def _remember(account: str, origin: Origin) -> None:
    remember_origin(account_id=account, organization_id=origin.organization, workspace_id=origin.workspace)


def _image(pool_id: uuid.UUID) -> PoolImage | None:
    try:
        return read_pool(pool_id, today=timezone.now().date())
    except Pool.DoesNotExist:
        return None
