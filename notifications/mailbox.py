"""A reader's letters: bounded, the oldest thrown away first, and honest about how many were."""

import asyncio
from collections import deque
from typing import Any

Letter = dict[str, Any]


class Mailbox:
    """Holds at most `capacity` letters. `missed` counts those thrown away since the reader last took one."""

    def __init__(self, *, capacity: int) -> None:
        self._letters: deque[Letter] = deque(maxlen=capacity)
        self._arrived = asyncio.Event()
        self.missed = 0

    def put(self, letter: Letter) -> None:
        """Add a letter; never waits."""
        if len(self._letters) == self._letters.maxlen:
            self.missed += 1
        self._letters.append(letter)
        self._arrived.set()

    async def take(self) -> tuple[int, Letter]:
        """The oldest letter, once there is one, and how many before it were missed."""
        await self._arrived.wait()
        letter, missed = self._letters.popleft(), self.missed
        self.missed = 0
        if not self._letters:
            self._arrived.clear()
        return missed, letter
