"""How much is measured: the full run behind published figures, and a quick one that only proves the machinery."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: Mapping[int, int]
    """With how many callers, and how often each server then has its turn; the middle round counts."""
    seconds: float
    """Measured in one turn, after every caller has had an answer."""
    stream_events: int
    slope_events: tuple[int, int]
    """Few and many events of a stream; the difference tells what one costs."""
    judged_callers: int
    """At which the bounds are."""
    large_bytes: int
    open_streams: int
    judges_speed: bool


FULL: Final = Plan(
    rounds={1: 2, 32: 3, 256: 1},
    seconds=2.0,
    stream_events=50,
    slope_events=(10, 210),
    judged_callers=32,
    large_bytes=100_000,
    open_streams=1_000,
    judges_speed=True,
)

QUICK: Final = Plan(
    rounds={1: 1, 8: 1},
    seconds=0.3,
    stream_events=50,
    slope_events=(10, 30),
    judged_callers=8,
    large_bytes=100_000,
    open_streams=50,
    judges_speed=False,
)
