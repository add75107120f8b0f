"""Pool name or id → the rules the gateway needs, from memory, at most two seconds behind the database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, cast

from accounts.default_pool import DEFAULT_POOL, default_of
from gateway.errors import UnknownPool
from gateway.preparing import PoolRules

if TYPE_CHECKING:
    from accounts.models import Pool
    from quota.estimate import Policy

FRESH_SECONDS: Final = 2.0
GRACE_SECONDS: Final = 300.0
"""While the database does not answer, what is known is used this long."""
PATIENCE_SECONDS: Final = 2.0
"""The database gets so long to answer. Who asks in the seconds after that does not wait for it again."""

Load = Callable[[], Awaitable[tuple[PoolRules, ...]]]


class Pools:
    """Looks pools up. Belongs to one event loop. `load` reads all pools and may raise anything."""

    def __init__(self, *, load: Load, clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._known: Mapping[str, PoolRules] = {}
        self._loaded_at = float("-inf")
        self._failed_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None

    async def get(self, name_or_id: str) -> PoolRules:
        """Give a pool's rules; of the default pool for an empty name (see `accounts.default_pool`).

        Raises `UnknownPool`, and whatever the database raises if nothing recent is known.
        """
        if name_or_id not in self._known or self._is_worth_asking():
            await self._refresh()
        rules = self._known.get(name_or_id)
        if rules is None:
            raise UnknownPool(name_or_id or DEFAULT_POOL)
        return rules

    def name_of(self, pool_id: str) -> str:
        """The pool's name, if it is known here; else the id."""
        rules = self._known.get(pool_id)
        return rules.name if rules is not None else pool_id

    def _is_worth_asking(self) -> bool:
        now = self._clock()
        stale, hopeless = now - self._loaded_at >= FRESH_SECONDS, now - self._failed_at < FRESH_SECONDS
        return stale and (not hopeless or now - self._loaded_at >= GRACE_SECONDS)

    async def _refresh(self) -> None:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.ensure_future(self._reload())
        try:
            await asyncio.shield(self._loading)
        except Exception:
            if self._clock() - self._loaded_at >= GRACE_SECONDS:
                raise

    async def _reload(self) -> None:
        asked_at = self._clock()
        try:
            pools = await self._load()
        except Exception:
            self._failed_at = self._clock()
            raise
        meant = default_of(pools)
        unnamed = {"": meant} if meant else {}
        self._known = {pool.id: pool for pool in pools} | {pool.name: pool for pool in pools} | unnamed
        self._loaded_at = asked_at


async def load_rules() -> tuple[PoolRules, ...]:
    """Read all pools."""
    from accounts.database import in_database  # Django's apps must be ready, which importing this must not need
    from accounts.models import Pool

    return await in_database(lambda: tuple(_rules(pool) for pool in Pool.objects.all()), deadline=PATIENCE_SECONDS)


def _rules(pool: "Pool") -> PoolRules:
    return PoolRules(
        id=str(pool.pk),
        name=pool.name,
        strategy=pool.strategy,
        queue_ms=pool.queue_seconds * 1_000,
        queue_size=pool.queue_size,
        estimate_policy=cast("Policy", pool.estimate_policy),
        degraded=pool.degraded,
        simulated=pool.simulated,
    )
