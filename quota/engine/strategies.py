"""How a pool's strategy ranks accounts that are eligible now. Lower ranks first; ranks never tie."""

from dataclasses import dataclass
from typing import Final

from quota.engine.types import Strategy

STRIDE: Final = 1_000_000
"""How far one turn moves an account of weight 1; weight 2 moves half as far and so comes twice as often."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a ranking looks at. `passed` is round robin's virtual time, `last_turn` the number of the latest lease."""

    id: str
    priority: int
    load_ppm: int
    in_flight: int
    passed: int
    last_turn: int


Rank = tuple[int, int, int, str]


def rank(standing: Standing, strategy: Strategy) -> Rank:
    """Primary key by strategy, then virtual time (not for least loaded), then least recently used, then id."""
    match strategy:
        case Strategy.LEAST_LOADED:
            load = standing.load_ppm * 65_536 + min(standing.in_flight, 65_535)
            return load, 0, standing.last_turn, standing.id
        case Strategy.PRIORITY:
            return standing.priority, standing.passed, standing.last_turn, standing.id
    return 0, standing.passed, standing.last_turn, standing.id


def advance(*, passed: int, virtual_time: int, weight: int) -> tuple[int, int]:
    """One turn: the account's new place and the pool's new virtual time.

    An account that was away starts from the pool's time, not from its own old one: it gets its next turn soon and
    then its share, never a burst to make up for its absence.
    """
    start = max(passed, virtual_time)
    return start + STRIDE // weight, start


def overloaded(*, own_ppm: int, best_ppm: int, margin_ppm: int) -> bool:
    """Whether a session should leave its account for the best one."""
    return own_ppm > best_ppm + margin_ppm
