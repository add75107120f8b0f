"""Everything a scrape tells, read: from the database, from Redis, and from the engine about each pool.

A part that does not answer is left out, and `nubabel_up` says so; the rest is told all the same.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from redis.exceptions import RedisError, ResponseError

from accounts.database import in_database
from quota.engine.api import Engine
from quota.engine.errors import EngineEmpty, EngineError
from quota.metrics import ledger, reconciled, shelves
from quota.metrics.accounts import put_snapshot
from quota.metrics.catalogue import LAG_ENTRIES, LAG_SECONDS, POOL_LOADED, PROCESSES, UP, WAITING, Metric
from quota.metrics.sheet import Labels, Sheet
from quota.streams import Streams, open_client

UNKNOWN: Final = "gone"
"""How an account or a pool that was deleted is called."""
_TROUBLE: Final = (RedisError, EngineError, DatabaseError, InterfaceError, OSError, TimeoutError)

logger = logging.getLogger(__name__)


class Gatherer:
    """Reads it all, one scrape after the other. It belongs to one event loop."""

    def __init__(self, *, url: str, engine: Callable[[], Engine]) -> None:
        self._redis: Any = open_client(url)
        self._streams = Streams(self._redis, name="")
        self._engine = engine
        self._names: Mapping[str, str] = {}
        self._pools: tuple[str, ...] = ()
        self._one_at_a_time = asyncio.Lock()

    async def gather(self) -> Sheet:
        """Read everything now; never raises."""
        async with self._one_at_a_time:
            sheet = Sheet()
            sheet.put(UP, "database", value=int(await _told(self._ledger(sheet), "database")))
            sheet.put(UP, "redis", value=int(await _told(self._counts(sheet), "redis")))
            for pool in self._pools:
                await _told(self._pool(sheet, pool), "pool")
            return sheet

    async def close(self) -> None:
        """Close the connection to Redis."""
        await self._redis.aclose()

    async def _ledger(self, sheet: Sheet) -> None:
        read = await in_database(ledger.read)
        self._names, self._pools = read.names, read.pools
        ledger.put(sheet, read)
        reconciled.put(sheet, await in_database(partial(reconciled.read, timezone.now())), names=self._names)

    async def _counts(self, sheet: Sheet) -> None:
        # One after the other: on a Redis Cluster they are on different nodes.
        counts = [await self._redis.hgetall(key) for key in (shelves.TALLIES, *map(shelves.counts_key, self._pools))]
        reports = await self._redis.hgetall(shelves.REPORTS)
        alive = await self._redis.zrange(shelves.ALIVE, 0, -1, withscores=True)
        seconds, micro = await self._redis.time()
        for stored in counts:
            sheet.add_counts({key.decode(): int(value) for key, value in stored.items()}, rename=self._renamed)
        since = seconds * 1_000 + micro // 1_000 - shelves.ALIVE_MS
        self._put_reports(sheet, [reports[name] for name, at in alive if at >= since and name in reports])

    def _put_reports(self, sheet: Sheet, reports: list[bytes]) -> None:
        told = [json.loads(report) for report in reports]
        roles = [one["role"] for one in told]
        for role in ("web", "worker"):
            sheet.put(PROCESSES, role, value=roles.count(role))
        for pool in self._pools:
            sheet.put(WAITING, self._name(pool), value=sum(one["waiting"].get(pool, 0) for one in told))

    async def _pool(self, sheet: Sheet, pool: str) -> None:
        name = self._name(pool)
        await self._lag(sheet, pool, name)
        try:
            snapshot = await self._engine().snapshot(pool)
        except EngineEmpty:
            sheet.put(POOL_LOADED, name, value=0)
            return
        sheet.put(POOL_LOADED, name, value=1)
        put_snapshot(sheet, snapshot, pool=name, names=self._names)

    async def _lag(self, sheet: Sheet, pool: str, name: str) -> None:
        try:
            lag = await self._streams.lag(pool)
        except (ResponseError, StopIteration):  # nobody has begun to read it, so nothing was written either
            return
        now_s, micro = await self._redis.time()
        age = max(0, now_s * 1_000 + micro // 1_000 - lag.oldest_ms) if lag.oldest_ms is not None else 0
        sheet.put(LAG_ENTRIES, name, value=lag.entries)
        sheet.put(LAG_SECONDS, name, value=age / 1_000)

    def _name(self, key: str) -> str:
        return self._names.get(key, UNKNOWN)

    def _renamed(self, metric: Metric, labels: Labels) -> Labels:
        """Ids of pools and accounts become names."""
        pairs = zip(metric.labels, labels, strict=True)
        return tuple(self._name(value) if kind in {"pool", "account"} else value for kind, value in pairs)


async def _told(work: Awaitable[None], what: str) -> bool:
    """Whether it could be read."""
    try:
        await work
    except _TROUBLE as error:
        logger.warning("metrics: %s left out: %s", what, type(error).__name__, extra={"action": "metrics_partial"})
        return False
    return True
