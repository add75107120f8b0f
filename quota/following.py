"""redis-py's clients, going where a Redis Cluster keeps a key. On a single server they are what redis-py makes.

As in the engine (quota.engine.cluster): a node that is asked for another one's answers MOVED and where to; nothing ran
then, so the command is sent there, and later ones of that hash tag at once. A node that does not answer is forgotten:
the next command asks the address of REDIS_URL again, which knows who took over. redis-py's own RedisCluster works on
clusters alone, and would have to be chosen before anybody has been asked.

Commands with keys of several slots are no node's to answer; see quota.reading.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, Final, Generic, TypeVar

import redis
import redis.asyncio
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import MovedError, RedisError
from redis.exceptions import TimeoutError as Overdue

from quota.engine.cluster import HOPS
from quota.engine.keys import hash_tag

_TROUBLE: Final = (MovedError, Unreachable, Overdue)

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
        return self._homes.get(hash_tag(command)) if self._homes else None

    def after(self, trouble: RedisError, command: tuple[Any, ...], asked: T | None, *, hop: int) -> T:
        """Say whom to ask next. Raises `trouble` where that is nobody; a node that does not answer is forgotten."""
        if isinstance(trouble, MovedError) and hop < HOPS:
            return self._moved(command, trouble)
        if asked is not None and not isinstance(trouble, MovedError):
            self._homes = {tag: home for tag, home in self._homes.items() if home is not asked}
        raise trouble

    def _moved(self, command: tuple[Any, ...], said: MovedError) -> T:
        node = self._nodes.get(said.node_addr) or self._nodes.setdefault(said.node_addr, self._make(*said.node_addr))
        if tag := hash_tag(command):
            self._homes[tag] = node
        return node


class FollowingRedis(redis.asyncio.Redis):
    """For asyncio."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - redis-py's
        super().__init__(**options)
        self._homes: _Homes[redis.asyncio.Redis] = _Homes(self._node)

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """As redis-py's; MOVED is followed."""
        home, hops = self._homes.of(args), count()
        while True:
            asked: Any = super() if home is None else home
            try:
                return await asked.execute_command(*args, **options)
            except _TROUBLE as trouble:
                home = self._homes.after(trouble, args, home, hop=next(hops))

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
        home, hops = self._homes.of(args), count()
        while True:
            asked: Any = super() if home is None else home
            try:
                return asked.execute_command(*args, **options)
            except _TROUBLE as trouble:
                home = self._homes.after(trouble, args, home, hop=next(hops))


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
