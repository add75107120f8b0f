"""The lines of those who wait until somebody can serve them: bounded, and first come, first served.

All who could be served by the same freed room stand in one `Line`. Only its head asks the engine; when the head goes,
for whatever reason, the next is called at once. A settlement in this process calls the heads of its pool. What other
processes free, the head finds when its pause is over.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.clock import Clock
from gateway.moves import Behind, Line, Pause


@dataclass(slots=True, eq=False)
class Place:
    """One request's place in a line. Give it back with `WaitingRoom.leave`."""

    line: Line
    bell: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Queue:
    word: Behind
    """What the line was told last."""
    places: deque[Place] = field(default_factory=deque)

    def call_head(self) -> None:
        self.places[0].bell.set()


class WaitingRoom:
    """Who waits. A full room turns further requests away at once, which is kinder than letting all time out."""

    def __init__(self) -> None:
        self._queues: dict[str, dict[Line, _Queue]] = {}
        self._seated: Counter[str] = Counter()
        self._freed: Counter[str] = Counter()

    def waiting(self, pool: str) -> int:
        """Say how many wait."""
        return self._seated[pool]

    def everywhere(self) -> Mapping[str, int]:
        """Say how many wait for each pool where anybody does."""
        return dict(self._seated)

    def ahead(self, line: Line, place: Place | None) -> Behind | None:
        """Give what the line was told last, if others have come before; None if it is the asker's turn."""
        queue = self._queues[line.pool].get(line) if line.pool in self._queues else None
        return None if queue is None or queue.places[0] is place else queue.word

    def enter(self, pause: Pause, *, seats: int) -> Place | None:
        """Take the last place in the line, if the pool has a seat left."""
        line = pause.line
        if self._seated[line.pool] >= seats:
            return None
        self._seated[line.pool] += 1
        place = Place(line)
        self._queues.setdefault(line.pool, {}).setdefault(line, _Queue(pause.word)).places.append(place)
        return place

    def leave(self, place: Place) -> None:
        """Give a place back; if it was the first one, the next is called."""
        line, queues = place.line, self._queues[place.line.pool]
        queue = queues[line]
        was_head = queue.places[0] is place
        queue.places.remove(place)
        self._stand_up(line.pool)
        if not queue.places:
            self._close(line)
        elif was_head:
            queue.call_head()

    async def wait(self, place: Place, pause: Pause, *, since: int, clock: Clock) -> None:
        """Come back when it may be this place's turn to ask, at the latest when the request's time is up.

        The head pauses, unless something was freed `since` it began to ask: it may have been refused just before that.
        """
        queue = self._queues[place.line.pool][place.line]
        queue.word = pause.word
        is_head = queue.places[0] is place
        if is_head and self.freed(place.line.pool) != since:
            return
        place.bell = asyncio.Event()
        await _ring(place.bell, (pause.for_ms if is_head else pause.left_ms) / 1_000, clock)

    def freed(self, pool: str) -> int:
        """Count the settlements of a pool, so that who asks can tell whether he missed one."""
        return self._freed[pool]

    def free(self, pool: str) -> None:
        """Say that something was settled: a place may be free."""
        self._freed[pool] += 1
        if pool in self._queues:
            for queue in self._queues[pool].values():
                queue.call_head()

    def _stand_up(self, pool: str) -> None:
        self._seated[pool] -= 1
        if not self._seated[pool]:
            del self._seated[pool]

    def _close(self, line: Line) -> None:
        del self._queues[line.pool][line]
        if not self._queues[line.pool]:
            del self._queues[line.pool]


async def _ring(bell: asyncio.Event, seconds: float, clock: Clock) -> None:
    """Wait until the bell is rung, by somebody or by the clock."""
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    alarm.add_done_callback(lambda _: bell.set())
    try:
        await bell.wait()
    finally:
        alarm.cancel()
