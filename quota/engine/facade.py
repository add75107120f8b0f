"""How to open an engine."""

from quota.engine.api import Engine
from quota.engine.connection import Connection
from quota.engine.redis import RedisEngine

DEADLINE_SECONDS = 0.25


def open_engine(url: str, *, deadline: float = DEADLINE_SECONDS) -> Engine:
    """An engine on the Redis at `url` (redis://, rediss:// or unix://). It connects at the first call.

    It belongs to the running event loop; open one per loop. `deadline` (seconds) bounds every call.
    """
    return RedisEngine(Connection(url, deadline=deadline))
