"""How much is measured: the full run behind published figures, and a quick one that only proves the machinery."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Plan:
    sizes: tuple[int, ...]
    """Numbers of accounts."""
    rounds: int
    """How often each sequential block is repeated, bare and lease taking turns."""
    block: int
    """Calls in one sequential block."""
    burst_rounds: int
    callers: int
    """Concurrent callers of one event loop."""
    pairs: int
    """Lease and settle pairs of each concurrent caller, per round."""
    processes: int
    attempts: int
    """Per process, to get more than the limits allow."""
    peer_sizes: tuple[int, ...]
    peer_calls: int
    peer_attempts: int
    """Per process, all at once."""
    peer_paced_seconds: float
    judges_speed: bool
    """Whether the bounds on time decide the exit code."""


FULL: Final = Plan(
    sizes=(10, 100, 1_000, 10_000),
    rounds=80,
    block=25,
    burst_rounds=5,
    callers=64,
    pairs=25,
    processes=8,
    attempts=5_000,
    peer_sizes=(10, 100, 1_000),
    peer_calls=200,
    peer_attempts=500,
    peer_paced_seconds=40.0,
    judges_speed=True,
)

QUICK: Final = Plan(
    sizes=(10, 100),
    rounds=2,
    block=5,
    burst_rounds=1,
    callers=16,
    pairs=2,
    processes=2,
    attempts=150,
    peer_sizes=(10,),
    peer_calls=20,
    peer_attempts=100,
    peer_paced_seconds=2.0,
    judges_speed=False,
)
