"""What has been told already: the memory against saying the same thing twice. No clock, bounded."""

from collections import OrderedDict

from notifications.kinds import AccountFreed, AccountHeld, Kind, Notice, PoolTroubled

Key = tuple[str, ...]
SAME_MS = 60_000
"""Two transitions of one generation are the same one only if this close: a lost store counts from zero again."""
BACK_AGAIN_MS = 3_600_000
"""An account out again for the same reason this soon after its time is still out: a re-check found nothing better."""
QUIET_MS = 300_000
"""A pool's trouble is over when nothing was heard of it for this long; the engine repeats it each minute."""


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


class Told:
    """Troubles people know of, each for as long as it lasts: an account out for its spend limit is told once, though
    every call in flight finds out anew.
    """

    def __init__(self, *, capacity: int = 4_096) -> None:
        self._until_ms: OrderedDict[Key, int] = OrderedDict()
        self._capacity = capacity

    def worth_telling(self, notice: Notice) -> bool:
        """False while the same trouble of the same subject lasts; each new sign of it makes it last longer."""
        if isinstance(notice.fact, AccountFreed):
            self._forget(notice.fact)
        until_ms = _lasts_until_ms(notice)
        if until_ms is None:
            return True
        key = (notice.kind, *notice.fact.subject)
        known_until_ms = self._until_ms.get(key, notice.at_ms)
        _remember(self._until_ms, key, max(until_ms, known_until_ms), capacity=self._capacity)
        return notice.at_ms >= known_until_ms

    def _forget(self, freed: AccountFreed) -> None:
        # A key is (kind, pool, account, why, …): see AccountHeld.subject.
        for key in [key for key in self._until_ms if key[1:3] == freed.subject]:
            del self._until_ms[key]


def _lasts_until_ms(notice: Notice) -> int | None:
    match notice.kind, notice.fact:
        case Kind.ACCOUNT_OUT, AccountHeld() as fact:
            return fact.until_ms + BACK_AGAIN_MS
        case Kind.OUTAGE | Kind.COMMON_CAUSE, PoolTroubled():
            return notice.at_ms + QUIET_MS
    return None


def _identity(notice: Notice) -> Key:
    """Transitions and a request's steps are numbered where they happen; the rest has only its stream id."""
    numbered = not isinstance(notice.fact, (AccountHeld, AccountFreed, PoolTroubled))
    return (notice.kind, *notice.fact.subject, "" if numbered else notice.id)


def _remember(memory: OrderedDict[Key, int], key: Key, value: int, *, capacity: int) -> None:
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > capacity:
        memory.popitem(last=False)
