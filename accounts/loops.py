"""One of something for each event loop, closed when its loop ends.

# Note [Closed with its loop]
A web process closes what it opened itself, but whoever uses the pool by `asyncio.run(…)` makes a loop for each call
and knows nothing to close. Every way to end a loop in good order first closes the async generators begun on it, so such
a generator, waiting at its `yield`, stands guard: no call leaves anything behind.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


async def _nothing(_: object) -> None:
    return


class PerLoop(Generic[T]):
    """`make` is called on a loop when it first asks, `close` when it ends; see Note [Closed with its loop]."""

    def __init__(self, *, make: Callable[[], T], close: Callable[[T], Awaitable[None]] = _nothing) -> None:
        self._make = make
        self._close = close
        self._latest: tuple[asyncio.AbstractEventLoop, T] | None = None
        """What was asked for last: a process has one loop for most of its life."""
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None]]] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._held)

    def get(self) -> T:
        """The running loop's. Raises RuntimeError outside of a loop."""
        loop = asyncio.get_running_loop()
        latest = self._latest
        if latest is not None and latest[0] is loop:
            return latest[1]
        held = self._held.get(loop)
        if held is None:
            made = self._make()
            guard = self._guard(loop, made)
            with suppress(StopIteration):  # it has come to its `yield`
                guard.__anext__().send(None)
            held = self._held[loop] = (made, guard)
        self._latest = (loop, held[0])
        return held[0]

    async def close(self) -> None:
        """Close the running loop's, if it has one; a later `get` makes another."""
        held = self._held.get(asyncio.get_running_loop())
        if held is not None:
            await held[1].aclose()

    async def _guard(self, loop: asyncio.AbstractEventLoop, made: T) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            self._held.pop(loop, None)
            self._latest = None
            await self._close(made)
