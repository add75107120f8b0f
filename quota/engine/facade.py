"""How to open an engine."""

import time

from quota.engine.cluster import FollowingConnection
from quota.engine.redis import RedisEngine
from quota.engine.resilient import ResilientEngine

DEADLINE_SECONDS = 0.25


def open_engine(url: str, *, deadline: float = DEADLINE_SECONDS, processes: int = 1) -> ResilientEngine:
    """An engine on the Redis at `url` (redis://, rediss:// or unix://). It connects at the first call.

    It belongs to the running event loop; open one per loop. `deadline` (seconds) bounds every call. `processes` is how
    many processes share the pools: while Redis is away, each admits that part of what was left.
    """
    store = RedisEngine(FollowingConnection(url, deadline=deadline))
    return ResilientEngine(store, processes=processes, clock=_now_ms)


def open_observer(url: str, *, deadline: float = DEADLINE_SECONDS) -> RedisEngine:
    """What looks at the Redis at `url` and at nothing else: while that is away it says so."""
    return RedisEngine(FollowingConnection(url, deadline=deadline))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
