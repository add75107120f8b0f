"""The latest events of a pool, kept once for all listeners. Pure.

A listener is a place in this list, so a slow one costs nothing: when the list has moved on past its place, it has
missed something and is told to begin anew.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from typing import Final

from notifications.live.frames import BEGINNING, Frame, order

KEPT: Final = 4_096
"""Events per pool."""


class Feed:
    """Events in the order of their ids. Places count from 0 and never mean another event."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._frames: deque[Frame] = deque(maxlen=kept)
        self._dropped = 0
        self.last_id = BEGINNING
        """The newest stream entry that was read, whether it was worth an event or not."""
        self.complete_after = BEGINNING
        """Every event after this id is here."""

    @property
    def first(self) -> int:
        """The place of the oldest event that is kept."""
        return self._dropped

    @property
    def end(self) -> int:
        """The place of the next event to come."""
        return self._dropped + len(self._frames)

    @property
    def has_room(self) -> bool:
        """Whether older events could be kept too."""
        return len(self._frames) < (self._frames.maxlen or 0)

    def begin(self, frames: Iterable[Frame], *, after: str, last_id: str) -> None:
        """Hold these and nothing else: all the events after the id `after`, up to `last_id`."""
        self._frames.clear()
        self.complete_after, self.last_id = after, last_id
        self.add(frames, last_id=last_id)

    def add(self, frames: Iterable[Frame], *, last_id: str) -> None:
        """Take what came next; the oldest make room."""
        for frame in frames:
            if len(self._frames) == self._frames.maxlen:
                self.complete_after = self._frames[0].id
                self._dropped += 1
            self._frames.append(frame)
        self.last_id = last_id

    def reach_back(self, older: Sequence[Frame], *, after: str) -> None:
        """Put older events before the oldest, as many as there is room for; `after` as in `begin`."""
        room = (self._frames.maxlen or 0) - len(self._frames)
        fit = older[max(0, len(older) - room) :]
        left_out = older[: len(older) - len(fit)]
        self.complete_after = left_out[-1].id if left_out else after
        self._frames.extendleft(reversed(fit))
        self._dropped -= len(fit)

    def since(self, place: int) -> list[Frame]:
        """The events from a place on. The place must not be before `first`."""
        return list(islice(self._frames, place - self._dropped, None))

    def place_after(self, entry_id: str) -> int | None:
        """Where a listener goes on that got as far as this id; None if it would miss something."""
        wanted = order(entry_id)
        if wanted is None or wanted < _order(self.complete_after) or wanted > _order(self.last_id):
            return None
        later = takewhile(lambda frame: _order(frame.id) > wanted, reversed(self._frames))
        return self.end - sum(1 for _ in later)


def _order(entry_id: str) -> tuple[int, int]:
    return order(entry_id) or (0, 0)
