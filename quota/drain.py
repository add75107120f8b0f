"""From the engine's streams into the ledger: read, write, acknowledge, in this order, as often as it takes.

An entry is acknowledged only after it is written. Whatever happens between, it comes again (to us, or to another
worker once we are gone), and writing it again changes nothing; see Note [Joining] in `quota.facts`.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from quota.engine.stream import decode
from quota.entries import Entry
from quota.facts import ENTRY
from quota.ledger import Unreadable, Written
from quota.metrics.counting import counts_of
from quota.streams import BLOCK_MS, TAIL, Raw, Streams

logger = logging.getLogger(__name__)

_SHOWN: Final = 2_000
"""Characters of an undecodable entry that are kept."""


class Store(Protocol):
    """The database as the drain uses it. Methods raise Django's database errors."""

    @property
    def names(self) -> Mapping[str, str]:
        """Id → name of every pool and account, as of the latest look at the pools."""

    async def pools(self) -> list[str]:
        """Give the ids of all pools."""

    async def write(self, pool_id: uuid.UUID, entries: Sequence[Entry], unreadable: Sequence[Unreadable]) -> Written:
        """Take a batch into the ledger; what cannot be written is set aside."""


class Teller(Protocol):
    """Who tells people of what is written. Takes a bounded time, and may hear of an entry twice.

    Raises Django's database errors; then the entries are told again.
    """

    async def publish(self, entries: Iterable[Entry], *, names: Mapping[str, str]) -> None: ...


class Mute:
    """Tells nobody."""

    async def publish(self, entries: Iterable[Entry], *, names: Mapping[str, str]) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once and how often. Entries, milliseconds (`_ms`) and seconds."""

    batch: int = 500
    block_ms: int = BLOCK_MS
    take_over_idle_ms: int = 30_000
    take_over_every: float = 5.0
    look_around_every: float = 2.0
    trim_every: float = 10.0
    tail: int = TAIL


class Drain:
    """One consumer at work. `clock` gives seconds that only grow."""

    def __init__(
        self,
        *,
        streams: Streams,
        store: Store,
        clock: Callable[[], float],
        pace: Pace | None = None,
        teller: Teller | None = None,
    ) -> None:
        self._streams = streams
        self._store = store
        self._clock = clock
        self._pace = pace or Pace()
        self._teller = teller or Mute()
        self._done_at: dict[str, float] = {}
        self._owed: dict[str, list[Raw]] = {}
        self.pools: list[str] = []
        self.total = Written()

    async def everything(self) -> Written:
        """Write all there is now. Raises redis-py's and Django's errors; what is left then stays where it is."""
        await self.begin_again()
        await self._look_around()
        await self._take_over()
        while await self._read(block_ms=None):
            pass
        await self._trim()
        return self.total

    async def round(self) -> None:
        """Write what came within a blocking read. Raises as `everything`; call it again until it succeeds."""
        await self._pay()
        await self._every(self._pace.look_around_every, self._look_around)
        await self._every(self._pace.take_over_every, self._take_over)
        await self._every(self._pace.trim_every, self._trim)
        await self._read(block_ms=self._pace.block_ms)

    async def begin_again(self) -> None:
        """Take nothing for granted: Redis may have come back empty."""
        self._done_at.clear()
        await self._streams.forget()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        now, name = self._clock(), work.__name__
        if now - self._done_at.get(name, float("-inf")) >= seconds:
            await work()
            self._done_at[name] = now

    async def _look_around(self) -> None:
        self.pools = await self._store.pools()
        await self._streams.follow(self.pools)

    async def _take_over(self) -> None:
        for pool in self.pools:
            while entries := await self._streams.take_over(
                pool, idle_ms=self._pace.take_over_idle_ms, count=self._pace.batch
            ):
                await self._take(pool, entries)

    async def _trim(self) -> None:
        for pool in self.pools:
            await self._streams.trim(pool, tail=self._pace.tail)
            await self._streams.forget_dead_consumers(pool)

    async def _read(self, *, block_ms: int | None) -> bool:
        found = await self._streams.read(count=self._pace.batch, block_ms=block_ms)
        # All of it is ours now; what one pool's trouble keeps us from writing must not be forgotten for the others.
        self._owed.update(found)
        await self._pay()
        return bool(found)

    async def _pay(self) -> None:
        for pool, entries in list(self._owed.items()):
            await self._take(pool, entries)
            del self._owed[pool]

    async def _take(self, pool: str, raw: Sequence[Raw]) -> None:
        entries, unreadable = decoded(raw)
        written = await self._store.write(uuid.UUID(pool), entries, unreadable)
        await self._teller.publish(entries, names=self._store.names)
        ids = [entry_id for entry_id, _ in raw]
        await self._streams.acknowledge(pool, ids, counts=counts_of(pool, entries))
        self.total += written
        if written.set_aside:
            logger.error(
                "%d entries of pool %s made no sense and were set aside",
                written.set_aside,
                pool,
                extra={"action": "entries_set_aside"},
            )


def decoded(raw: Sequence[Raw]) -> tuple[list[Entry], list[Unreadable]]:
    """Decode what can be decoded. Pure."""
    entries: list[Entry] = []
    unreadable = []
    for entry_id, fields in raw:
        try:
            entries.append(decode(entry_id, fields))
        except (LookupError, ValueError, AttributeError) as error:
            shown = {"raw": repr(dict(fields))[:_SHOWN]}
            why = f"no entry of the engine: {type(error).__name__}: {error}"
            unreadable.append(Unreadable(entry_id.decode("ascii", "replace")[:ENTRY], why, shown))
    return entries, unreadable
