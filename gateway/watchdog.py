"""A deadline on many short waits, at the price of a note in a set (see `gateway.rounds`)."""

import asyncio
from types import TracebackType
from typing import Self

from gateway.rounds import Alarm, rounds


class Watchdog(Alarm):
    """Within its block, `begin` before a wait and `end` after it. Raises TimeoutError when a wait outlasts its time."""

    __slots__ = ("_cancelling", "_expired", "_rounds", "_task")

    def __enter__(self) -> Self:
        self._rounds = rounds()
        task = asyncio.current_task(self._rounds.loop)
        if task is None:
            raise RuntimeError("a watchdog watches over a task")
        self._task: asyncio.Task[object] = task
        self._cancelling = task.cancelling()
        self._expired = False
        return self

    def begin(self, seconds: float) -> None:
        """Let what is awaited next take so long."""
        self._rounds.set(self, seconds)

    def end(self) -> None:
        """It is over; the next one may come at any time."""
        self._rounds.clear(self)

    def ring(self) -> None:
        """It took too long."""
        self._expired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._rounds.clear(self)
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error
