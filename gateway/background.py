"""Work that must outlive the request that caused it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Holds on to tasks until they are done; a task nobody refers to may vanish in the middle."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Start `work`, which must look after its own errors."""
        self.keep(asyncio.create_task(work, name=name))

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a task that others may have stopped waiting for; then nobody but the log hears of its failure."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, *, timeout: float) -> bool:  # noqa: ASYNC109 - a bound, not a cancellation
        """Wait until everything is done. False if something still was not after `timeout` seconds."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=timeout)
        return not self._tasks

    async def close(self, *, timeout: float) -> None:  # noqa: ASYNC109 - see drain
        """Wait that long, then give up on what is left."""
        await self.drain(timeout=timeout)
        left = tuple(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
