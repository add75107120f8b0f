"""When several accounts fail alike at once, the cause is not theirs."""

from dataclasses import dataclass, field
from typing import Final

OUTAGE_WINDOW_MS: Final = 10_000
"""529s of this many milliseconds count as one wave."""
OUTAGE_MIN_ACCOUNTS: Final = 3
SEVERAL: Final = 2
"""So many accounts alike are no coincidence."""
OUTAGE_ANNOUNCE_MS: Final = 60_000
"""One announcement per minute of a lasting outage."""
COMMON_CAUSE_WINDOW_MS: Final = 60_000
COMMON_CAUSE_HOLD_MS: Final = 60_000


@dataclass(slots=True)
class Wave:
    """Which accounts reported the same trouble lately."""

    window_ms: int
    seen: dict[str, int] = field(default_factory=dict)

    def report(self, account: str, *, now_ms: int) -> int:
        """Take note and return how many accounts are in the wave."""
        self.seen[account] = now_ms
        self.seen = {name: at for name, at in self.seen.items() if at > now_ms - self.window_ms}
        return len(self.seen)


def is_outage(*, overloaded: int, enabled: int) -> bool:
    """From three accounts up: at least two, and at least half of them, in one wave."""
    return enabled >= OUTAGE_MIN_ACCOUNTS and overloaded >= SEVERAL and overloaded * 2 >= enabled
