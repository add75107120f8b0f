"""redis-py's clients, going where a Redis Cluster keeps a key. On a single server they are what redis-py makes.

As in the engine (quota.engine.cluster): a node that is asked for another one's answers MOVED and where to; nothing ran
then, so the command is sent there, and later ones of that hash tag at once. A node that does not answer is forgotten:
the next command asks the address of REDIS_URL again, which knows who took over. redis-py's own RedisCluster works on
clusters alone, and would have to be chosen before anybody has been asked.

Commands with keys of several slots are no node's to answer; see quota.reading.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Generic, TypeVar

import redis
import redis.asyncio
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import MovedError
from redis.exceptions import TimeoutError as Overdue

HOPS: Final = 4
"""A cluster that is being rearranged may send us on more than once."""

T = TypeVar("T")


class _Homes(Generic[T]):
    """Which node keeps what, as far as it is known. `make` connects to a node."""

    def __init__(self, make: Callable[[str, int], T]) -> None:
        self._make = make
        self._nodes: dict[tuple[str, int], T] = {}
        self._homes: dict[bytes, T] = {}

    @property
    def nodes(self) -> tuple[T, ...]:
        return tuple(self._nodes.values())

    def of(self, command: tuple[Any, ...]) -> T | None:
        return self._homes.get(_tag(command)) if self._homes else None

    def moved(self, command: tuple[Any, ...], said: MovedError) -> T:
        node = self._nodes.get(said.node_addr) or self._nodes.setdefault(said.node_addr, self._make(*said.node_addr))
        if tag := _tag(command):
            self._homes[tag] = node
        return node

    def lost(self, node: T) -> None:
        self._homes = {tag: home for tag, home in self._homes.items() if home is not node}


class FollowingRedis(redis.asyncio.Redis):
    """For asyncio."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - redis-py's
        super().__init__(**options)
        self._homes: _Homes[redis.asyncio.Redis] = _Homes(self._node)

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """As redis-py's; MOVED is followed."""
        home = self._homes.of(args)
        for hop in range(HOPS + 1):
            try:
                asked: Any = super() if home is None else home
                return await asked.execute_command(*args, **options)
            except MovedError as moved:
                if hop == HOPS:
                    raise
                home = self._homes.moved(args, moved)
            except (Unreachable, Overdue):
                if home is not None:
                    self._homes.lost(home)
                raise
        raise AssertionError("unreachable")

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Let go of every node."""
        for node in self._homes.nodes:
            await node.aclose()
        await super().aclose(close_connection_pool)

    def _node(self, host: str, port: int) -> redis.asyncio.Redis:
        pool = self.connection_pool
        there = {**pool.connection_kwargs, **_place(host, port)}
        made = redis.asyncio.ConnectionPool(connection_class=pool.connection_class, **there)
        return redis.asyncio.Redis.from_pool(made)


class FollowingCacheClient(redis.Redis):
    """For Django's cache, which makes clients all the time, on one pool of connections: what they learn is shared."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - redis-py's
        super().__init__(**options)
        self._homes = _HOMES.setdefault(self.connection_pool, _Homes(partial(beside, self)))

    def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """As redis-py's; MOVED is followed."""
        home = self._homes.of(args)
        for hop in range(HOPS + 1):
            try:
                asked: Any = super() if home is None else home
                return asked.execute_command(*args, **options)
            except MovedError as moved:
                if hop == HOPS:
                    raise
                home = self._homes.moved(args, moved)
            except (Unreachable, Overdue):
                if home is not None:
                    self._homes.lost(home)
                raise
        raise AssertionError("unreachable")


def beside(client: redis.Redis, host: str, port: int) -> redis.Redis:
    """A client of another node, reached as this one is. Whoever asks for it closes it."""
    pool = client.connection_pool
    there = {**pool.connection_kwargs, **_place(host, port)}
    return redis.Redis.from_pool(redis.ConnectionPool(connection_class=pool.connection_class, **there))


_HOMES: Final[dict[redis.ConnectionPool, _Homes[redis.Redis]]] = {}
"""One pool for each address, for as long as the process lives."""


def _place(host: str, port: int) -> dict[str, Any]:
    """A node that knows no name of its own is where we asked."""
    return {"host": host, "port": port} if host else {"port": port}


def _tag(command: tuple[Any, ...]) -> bytes:
    """The hash tag of a command's first key; nothing for one without keys, or whose key has none."""
    at = 3 if command[0] in {"EVAL", "EVALSHA"} else 1
    if command[0] in {"XREAD", "XREADGROUP"}:
        at = next((at for at, part in enumerate(command) if part in {"STREAMS", b"STREAMS"}), 0) + 1
    key = command[at] if len(command) > at else b""
    raw = key.encode() if isinstance(key, str) else key if isinstance(key, bytes) else b""
    return raw.partition(b"{")[2].partition(b"}")[0]
