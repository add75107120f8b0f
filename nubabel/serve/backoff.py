"""How long a crashed process must wait. Pure."""

from dataclasses import dataclass
from typing import Final

SHORTEST: Final = 0.5
LONGEST: Final = 30.0
STEADY: Final = 60.0
"""Seconds a process must have lived for its earlier crashes to be forgotten."""


@dataclass(frozen=True, slots=True)
class Record:
    """How often a process crashed in a row."""

    crashes: int = 0

    def after_crash(self, *, lived: float) -> "Record":
        """`lived`: seconds between the start and the crash."""
        return Record(1 if lived >= STEADY else self.crashes + 1)

    @property
    def pause(self) -> float:
        """Seconds until the next start: half a second, doubled with each crash, at most half a minute."""
        exponent = min(max(0, self.crashes - 1), 10)
        return min(LONGEST, SHORTEST * 2.0**exponent)
