"""How a web process leaves, stage by stage. Pure.

    stage     ready   new calls   running calls   ends
    SERVING   yes     served      go on           with the first signal
    LEAVING   no      served      go on           after the unready seconds, or with another signal
    CLOSED    no      refused     go on           when all is done; after the drain seconds, or with another signal
    CUT       no      refused     are hung up on  when all is settled

The order matters: whoever balances must hear that a process leaves before that refuses anything.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import inf
from typing import Final

SAME_SIGNAL_SECONDS: Final = 1.0
"""A signal that comes this soon is the last one again, by way of a parent process or of the group."""


class Stage(IntEnum):
    """Each is further out than the one before."""

    SERVING = 0
    LEAVING = 1
    CLOSED = 2
    CUT = 3


@dataclass(slots=True)
class Departure:
    """Where a process stands. `now` is any clock in seconds that never goes back."""

    stage: Stage = Stage.SERVING
    _heard: float = -inf
    _serves_until: float = inf

    def signalled(self, *, now: float, unready: float) -> Stage:
        """End the stage that is on. `unready`: seconds to go on serving after the first signal."""
        if now - self._heard < SAME_SIGNAL_SECONDS or self.stage is Stage.CUT:
            return self.passed(now=now)
        if self.stage is Stage.SERVING:
            self._serves_until = now + unready
        self._heard, self.stage = now, Stage(self.stage + 1)
        return self.passed(now=now)

    def passed(self, *, now: float) -> Stage:
        """Let time pass."""
        if self.stage is Stage.LEAVING and now >= self._serves_until:
            self.stage = Stage.CLOSED
        return self.stage


PROCESS: Final = Departure()
"""This process's own."""
