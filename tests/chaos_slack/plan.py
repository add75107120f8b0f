"""What a campaign plays and what came of it. Values."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

STEPS: Final = 5
"""Transitions of one alert, which make one thread."""
CHANNEL: Final = "C0ALERT"
FAULTS: Final = ("rate_limited", "internal_error", "fatal_error", "service_unavailable")
"""How the double refuses for a while. A worker also meets timeouts of its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`kills` end the worker that holds the destination at once; `restarts` ask one to leave. Times are in seconds.

    `interval` is the pace of the channel and `together` the most that one message tells of: a Slack that is much faster
    than the real one, and digests that are shorter, so that there is more to go wrong.
    """

    seed: int = 0
    workers: int = 16
    transitions: int = 500
    kills: int = 6
    restarts: int = 4
    faults: int = 30
    interval: float = 0.2
    together: int = 5
    held_for: float = 12.0
    """Longer than a delivery takes, or who is slow is followed as if it were dead."""
    patience: float = 600.0


@dataclass(slots=True)
class Result:
    """`told` are the transitions in the order in which Slack heard of them, one list for each message."""

    plan: Plan
    told: Sequence[Sequence[str]] = ()
    faults: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    """While they held the destination."""
    restarted: int = 0
    switched_off: int = 0
    waiting: int = 0
    seconds: float = 0.0

    @property
    def names(self) -> list[str]:
        return [name for message in self.told for name in message]


def transitions(plan: Plan) -> list[tuple[int, int]]:
    """Alert and number of its step, as they happen."""
    alerts = plan.transitions // STEPS
    return [(alert, number) for number in range(1, STEPS + 1) for alert in range(alerts)]
