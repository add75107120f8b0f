"""What was shown already: the memory against showing the same thing twice. No clock, bounded."""

from collections import OrderedDict

from notifications.kinds import AccountFreed, AccountHeld, Notice, PoolTroubled

Key = tuple[str, ...]
SAME_MS = 60_000
"""Two transitions of one generation are the same one only if this close: a lost store counts from zero again."""


class Seen:
    """Entries already spread: one delivered again is known by its kind, subject and generation (or stream id)."""

    def __init__(self, *, capacity: int = 4_096) -> None:
        self._at_ms: OrderedDict[Key, int] = OrderedDict()
        self._capacity = capacity

    def first_time(self, notice: Notice) -> bool:
        """True once for each notice."""
        key = _identity(notice)
        before = self._at_ms.get(key)
        if before is not None and abs(notice.at_ms - before) < SAME_MS:
            return False
        _remember(self._at_ms, key, notice.at_ms, capacity=self._capacity)
        return True


def _identity(notice: Notice) -> Key:
    """Transitions and a request's steps are numbered where they happen; the rest has only its stream id."""
    numbered = not isinstance(notice.fact, (AccountHeld, AccountFreed, PoolTroubled))
    return (notice.kind, *notice.fact.subject, "" if numbered else notice.id)


def _remember(memory: OrderedDict[Key, int], key: Key, value: int, *, capacity: int) -> None:
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > capacity:
        memory.popitem(last=False)
