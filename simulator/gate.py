"""Hanging on purpose, under control."""

import asyncio


class Gate:
    """Where hanging answers wait until `open` lets all of them go on."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._change = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many answers hang at the moment."""
        return len(self._waiting)

    def open(self) -> int:
        """Release everybody; give how many there were."""
        released = [future for future in self._waiting if not future.done()]
        for future in released:
            future.set_result(None)
        return len(released)

    async def wait(self) -> None:
        """Hang here. Ends by `open`, or by cancellation when the client goes away."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        self._change.set()
        try:
            await future
        finally:
            self._waiting.discard(future)
            self._change.set()

    async def arrived(self, count: int = 1) -> None:
        """Return once that many answers hang at the same time."""
        while self.waiting < count:
            await self._changed()

    async def emptied(self) -> None:
        """Return once nobody hangs any more."""
        while self.waiting:
            await self._changed()

    async def _changed(self) -> None:
        self._change.clear()
        await self._change.wait()
