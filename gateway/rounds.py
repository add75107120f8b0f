"""One timer for all deadlines of an event loop.

A deadline that is met, as nearly all are, costs an entry in a set and no timer. The timer goes off when the earliest
deadline it has heard of is due; it looks at all of them then, and sleeps until the next. So a deadline may be noticed
`GRAIN_SECONDS` late, never early.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Final

GRAIN_SECONDS: Final = 0.01


class Alarm(ABC):
    """Something that happens unless it is put off (`set` again) or `clear`ed in time. Say what in `ring`."""

    __slots__ = ("due",)

    due: float

    @abstractmethod
    def ring(self) -> None:
        """It is due."""


class Rounds:
    """The alarms of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._alarms: set[Alarm] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = float("inf")

    def set(self, alarm: Alarm, seconds: float) -> None:
        """Ring in so many seconds from now, and not before, whatever was set until now."""
        alarm.due = due = self.loop.time() + seconds
        self._alarms.add(alarm)
        if due < self._next:
            self._sleep_until(due)

    def clear(self, alarm: Alarm) -> None:
        """Do not ring."""
        self._alarms.discard(alarm)

    def _sleep_until(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = due
        self._timer = self.loop.call_at(due, self._look)

    def _look(self) -> None:
        now = self.loop.time()
        self._timer, self._next = None, float("inf")
        for alarm in [alarm for alarm in self._alarms if alarm.due <= now]:
            self._alarms.discard(alarm)
            alarm.ring()
        if self._alarms:
            self._sleep_until(max(min(alarm.due for alarm in self._alarms), now + GRAIN_SECONDS))


_latest: Rounds | None = None


def rounds() -> Rounds:
    """Give the running loop's. Raises RuntimeError outside of a loop."""
    global _latest  # noqa: PLW0603 - a process has one loop for most of its life; a new one gets rounds of its own
    loop = asyncio.get_running_loop()
    latest = _latest
    if latest is None or latest.loop is not loop:
        _latest = latest = Rounds(loop)
    return latest  # not the global: another thread's loop may have asked meanwhile
