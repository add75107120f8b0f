"""Reading the engine's streams as one consumer of a group. IO only; what an entry means is decided elsewhere.

The client is its own: redis-py's defaults (five seconds a socket, ten hidden retries) would turn a blocking read or an
outage of Redis into a worker that stands still for a minute.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from quota.engine.stream import stream_key
from quota.facts import entry_order
from quota.following import FollowingRedis
from quota.metrics.shelves import counts_key
from quota.reading import Places, Reader

GROUP: Final = "ledger"
BLOCK_MS: Final = 1_000
SOCKET_TIMEOUT_SECONDS: Final = 3.0
"""Longer than a blocking read, shorter than anybody's patience."""
TAIL: Final = 10_000
"""Entries that stay in a stream although they are acknowledged, for those who replay."""
_COUNTED_AT_MOST: Final = 100_000
_TRIM_STEP: Final = 1_000
_TRIM_STEPS: Final = 50
_FORGET_CONSUMER_MS: Final = 3_600_000

Raw = tuple[bytes, Mapping[bytes, bytes]]
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the ledger is behind one stream."""

    undelivered: int
    """Entries that no worker has got yet."""
    pending: int
    """Entries that a worker has got and not yet acknowledged."""
    oldest_ms: int | None
    """When the oldest of either was written (milliseconds since 1970); None if there is none."""

    @property
    def entries(self) -> int:
        return self.undelivered + self.pending


def open_client(url: str) -> Any:  # noqa: ANN401 - redis-py's types leave open which protocol is spoken
    """Connect lazily, answer or fail within the socket's timeout, repeat nothing by itself."""
    return FollowingRedis.from_url(
        url,
        protocol=2,  # one shape of replies, whatever the server speaks
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class Streams:
    """The streams of some pools, read as consumer `name`. Raises redis-py's errors."""

    def __init__(self, client: Any, *, name: str, group: str = GROUP) -> None:  # noqa: ANN401 - see open_client
        self._redis = client
        self._name = name
        self._group = group
        self._count = 1
        self._pools: dict[bytes, str] = {}
        self._reader = Reader(self._read)

    async def follow(self, pools: Sequence[str]) -> None:
        """Read these pools from now on, each from its first entry or from where the group stands."""
        for pool in pools:
            key = stream_key(pool).encode()
            if key not in self._pools:
                await self._join_group(key)
        self._pools = {stream_key(pool).encode(): pool for pool in pools}

    async def forget(self) -> None:
        """Take nothing for granted any more: Redis may have come back empty."""
        self._pools = {}
        await self._reader.end()

    async def read(self, *, count: int, block_ms: int | None = BLOCK_MS) -> dict[str, list[Raw]]:
        """Give the next new entries of each pool, at most `count` of each; empty when none came in time."""
        if not self._pools:
            return {}
        self._count = count
        found = await self._reader.first(dict.fromkeys(self._pools, ">"), block_ms=block_ms)
        return {self._pools[key]: entries for key, entries in found.items()}

    async def take_over(self, pool: str, *, idle_ms: int, count: int) -> list[Raw]:
        """Take entries that some consumer (we too) got `idle_ms` ago or earlier and has not acknowledged."""
        start: Any = "0-0"
        while True:
            reply = await self._redis.xautoclaim(
                stream_key(pool), self._group, self._name, idle_ms, start_id=start, count=count
            )
            start, entries = reply[0], [entry for entry in reply[1] if entry[1]]
            if entries or start in {b"0-0", "0-0"}:
                return entries

    async def acknowledge(self, pool: str, ids: Sequence[bytes], *, counts: Mapping[str, int] = _NOTHING) -> None:
        """Say that these are written down for good, and add what they told to the pool's counts in the same step."""
        if not ids:
            return
        pairs = [part for pair in counts.items() for part in pair]
        keys = (stream_key(pool), counts_key(pool))
        await self._redis.eval(_acknowledging(), len(keys), *keys, self._group, len(ids), *ids, *pairs)

    async def trim(self, pool: str, *, tail: int = TAIL) -> int:
        """Drop acknowledged entries beyond the newest `tail`; how many went. Never one that is not acknowledged."""
        key, dropped = stream_key(pool), 0
        limit = await self._first_unacknowledged(key)
        surplus = await self._redis.xlen(key) - tail
        for _ in range(_TRIM_STEPS):
            step = min(surplus - dropped, _TRIM_STEP)
            if step <= 0:
                break
            entries = await self._redis.xrange(key, count=step + 1)
            # MINID keeps what it names: the first one to stay.
            end = min(entry_order(entries[-1][0].decode()), limit)
            gone = await self._redis.xtrim(key, minid=f"{end[0]}-{end[1]}", approximate=False)
            dropped += gone
            if gone < step:
                break
        return dropped

    async def lag(self, pool: str) -> Lag:
        """Tell how far behind the group is."""
        key = stream_key(pool)
        group = await self._group_info(key)
        after = f"({group['last-delivered-id'].decode()}"
        fresh = await self._redis.xrange(key, min=after, count=1)
        undelivered = group.get("lag")
        if undelivered is None:  # Redis cannot tell after deletions
            undelivered = len(await self._redis.xrange(key, min=after, count=_COUNTED_AT_MOST))
        pending = await self._redis.xpending(key, self._group)
        ids = [entry for entry in (*(entry for entry, _ in fresh), pending["min"]) if entry]
        oldest = min((entry_order(entry.decode()) for entry in ids), default=None)
        return Lag(undelivered, pending["pending"], oldest[0] if oldest else None)

    async def forget_dead_consumers(self, pool: str) -> None:
        """Drop consumers that have nothing pending and were not heard of for an hour; names are never used again."""
        for consumer in await self._redis.xinfo_consumers(stream_key(pool), self._group):
            if consumer["pending"] == 0 and consumer["idle"] > _FORGET_CONSUMER_MS:
                await self._redis.xgroup_delconsumer(stream_key(pool), self._group, consumer["name"])

    async def leave(self) -> None:
        """Drop this consumer where it owes nothing; what it owes stays for others to take over."""
        await self._reader.end()
        for key in self._pools:
            for consumer in await self._redis.xinfo_consumers(key, self._group):
                if consumer["name"] == self._name.encode() and consumer["pending"] == 0:
                    await self._redis.xgroup_delconsumer(key, self._group, self._name)

    async def close(self) -> None:
        await self._reader.end()
        await self._redis.aclose()

    async def _read(self, places: Places, block_ms: int | None) -> Any:  # noqa: ANN401 - redis-py's
        return await self._redis.xreadgroup(self._group, self._name, places, count=self._count, block=block_ms) or ()

    async def _join_group(self, key: bytes) -> None:
        try:
            await self._redis.xgroup_create(key, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # somebody made it before
                raise

    async def _group_info(self, key: str) -> dict[str, Any]:
        groups = await self._redis.xinfo_groups(key)
        return next(group for group in groups if group["name"] == self._group.encode())

    async def _first_unacknowledged(self, key: str) -> tuple[int, int]:
        """An id before which everything is acknowledged. The order of the two questions matters."""
        delivered = entry_order((await self._group_info(key))["last-delivered-id"].decode())
        oldest = (await self._redis.xpending(key, self._group))["min"]
        return min(delivered, entry_order(oldest.decode())) if oldest else delivered


@cache
def _acknowledging() -> str:
    return files("quota").joinpath("lua/acknowledge.lua").read_text()
