"""How many requests of a pool may wait at a time in this process."""

from collections import Counter


class WaitingRoom:
    """Counts who waits. A full room turns further requests away at once, which is kinder than letting all time out."""

    def __init__(self) -> None:
        self._seated: Counter[str] = Counter()

    def enter(self, pool: str, *, seats: int) -> bool:
        """Take a seat, if there is one; give it back with `leave`."""
        if self._seated[pool] >= seats:
            return False
        self._seated[pool] += 1
        return True

    def leave(self, pool: str) -> None:
        """Give a seat back."""
        self._seated[pool] -= 1
        if not self._seated[pool]:
            del self._seated[pool]

    def waiting(self, pool: str) -> int:
        """Say how many wait."""
        return self._seated[pool]
