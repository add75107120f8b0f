"""Reading several streams at once, wherever they are.

A single server takes all of them in one blocking command. A Redis Cluster does not (the pools' streams are in different
slots), and says so when it is first asked; from then on each stream has a blocking read of its own, which goes on while
the others' news is dealt with: nothing that a group was given gets lost by hanging up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from redis.exceptions import ClusterCrossSlotError

Places = Mapping[bytes, str]
Read = Callable[[Places, int | None], Awaitable[Iterable[Any]]]
"""Streams and where to begin in each, milliseconds to wait (None: not at all) → pairs of a stream and its entries."""

_NOTHING: Final[dict[bytes, Any]] = {}


class Reader:
    """Belongs to one event loop; `end` before that does. Raises what `read` raises."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._apart = False
        self._running: dict[bytes, tuple[str, asyncio.Task[dict[bytes, Any]]]] = {}

    async def first(self, places: Places, *, block_ms: int | None) -> dict[bytes, Any]:
        """Give what there is by stream; if nothing, wait so long for the first of it."""
        if not self._apart:
            try:
                return dict(await self._read(places, block_ms))
            except ClusterCrossSlotError:
                self._apart = True
        if block_ms is None:
            return await self._all(places)
        return await self._news(places, block_ms)

    async def end(self) -> None:
        """Stop reading. What a group was given meanwhile stays owed to whoever reads under its name."""
        await self._cancel(tuple(self._running))

    async def _news(self, places: Places, block_ms: int) -> dict[bytes, Any]:
        now = asyncio.get_running_loop().time
        due, found = now() + block_ms / 1_000, dict(_NOTHING)
        while not found and now() < due:
            await self._keep_to(places, block_ms)
            running = [task for _, task in self._running.values()]
            await asyncio.wait(running, timeout=due - now(), return_when=asyncio.FIRST_COMPLETED)
            found = self._taken()
        return found

    async def _all(self, places: Places) -> dict[bytes, Any]:
        found = dict(_NOTHING)
        for key, place in places.items():
            found.update(await self._one(key, place, None))
        return found

    async def _one(self, key: bytes, place: str, block_ms: int | None) -> dict[bytes, Any]:
        return dict(await self._read({key: place}, block_ms))

    async def _keep_to(self, places: Places, block_ms: int) -> None:
        """One read for each stream, from where it is to begin."""
        await self._cancel(tuple(key for key, (place, _) in self._running.items() if places.get(key) != place))
        for key, place in places.items():
            if key not in self._running:
                self._running[key] = (place, asyncio.create_task(self._one(key, place, block_ms)))

    def _taken(self) -> dict[bytes, Any]:
        found = dict(_NOTHING)
        over = [key for key, (_, task) in self._running.items() if task.done()]
        failed = [key for key in over if self._running[key][1].exception() is not None]
        for key in over:
            if key not in failed:
                found.update(self._running.pop(key)[1].result())
        if failed and not found:  # else another time: what was read must not be lost with it
            self._running.pop(failed[0])[1].result()
        return found

    async def _cancel(self, keys: Iterable[bytes]) -> None:
        tasks = [self._running.pop(key)[1] for key in keys]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
