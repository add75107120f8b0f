"""A deadline on many short waits, at the price of one timer: it looks again when it goes off, not at every wait."""

import asyncio
from types import TracebackType
from typing import Self


class Watchdog:
    """Within its block, `begin` before a wait and `end` after it. Raises TimeoutError when a wait outlasts its time."""

    __slots__ = ("_cancelling", "_due", "_expired", "_loop", "_task", "_timer")

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a watchdog watches over a task")
        self._task: asyncio.Task[object] = task
        self._cancelling = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False
        return self

    def begin(self, seconds: float) -> None:
        """Let what is awaited next take so long."""
        self._due = due = self._loop.time() + seconds
        if self._timer is None or due < self._timer.when():
            self._set(due)

    def end(self) -> None:
        """It is over; the next one may come at any time."""
        self._due = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._set(self._due)
            return
        self._expired = True
        self._task.cancel()
