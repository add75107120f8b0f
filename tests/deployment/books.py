"""Whether every request is accounted for, once, and to the nano-dollar: the database beside the simulated Claude."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import psycopg

from benchmarks.patience import within
from simulator.parties import Account

PATIENCE: Final = 60.0

_RECORDED: Final = "SELECT count(*) FROM quota_activity WHERE id = ANY(%s) AND status = 'completed'"
_LEDGER: Final = (
    "SELECT count(*), coalesce(sum(cost_nano), 0), count(*) FILTER (WHERE state <> 'settled') FROM quota_attempt"
)
_ROLLUPS: Final = (
    "SELECT coalesce(sum(requests), 0), coalesce(sum(cost_nano), 0) FROM quota_usagerollup WHERE span = 'day'"
)
_ACTIVITIES: Final = "SELECT count(*) FROM quota_activity"
_SET_ASIDE: Final = "SELECT count(*) FROM quota_setaside"


@dataclass(frozen=True, slots=True)
class Books:
    """What the database holds. Money in nano-dollars."""

    recorded: int
    """Of the load's requests."""
    activities: int
    attempts: int
    unsettled: int
    cost: int
    rolled_up: int
    rolled_up_cost: int
    set_aside: int

    def complaints(self, *, answered: int, claude: Account) -> Iterator[str]:
        """What does not add up."""
        if self.recorded != answered:
            yield f"{answered} requests were answered, {self.recorded} are recorded as completed"
        if self.activities != self.attempts:
            yield f"there are {self.activities} records of requests and {self.attempts} calls"
        if self.attempts != claude.statuses[200]:
            yield f"Claude answered {claude.statuses[200]} calls, the ledger has {self.attempts}"
        if self.cost != claude.cost:
            yield f"Claude billed {claude.cost} nano-dollars, the ledger has {self.cost}"
        if (self.rolled_up, self.rolled_up_cost) != (self.attempts, self.cost):
            rolled_up = f"{self.rolled_up} calls and {self.rolled_up_cost}"
            yield f"rollups say {rolled_up}, the ledger {self.attempts} and {self.cost}"
        if self.unsettled:
            yield f"{self.unsettled} calls were charged by estimate: whoever made them did not settle them"
        if self.set_aside:
            yield f"{self.set_aside} entries could not be read by a worker of the other version"


def opened(database: str, *, activities: AbstractSet[str]) -> Books:
    """Read them as soon as the workers have written every one of these requests down, or after a while as they are."""
    with psycopg.connect(database, autocommit=True) as connection:
        within(PATIENCE, lambda: _read(connection, activities).recorded == len(activities))
        return _read(connection, activities)


def _read(connection: psycopg.Connection, activities: AbstractSet[str]) -> Books:
    def one(query: str, *values: object) -> tuple[int, ...]:
        row = connection.execute(query.encode(), values).fetchone()
        assert row is not None
        return tuple(int(value) for value in row)

    (recorded,) = one(_RECORDED, list(activities))
    attempts, cost, unsettled = one(_LEDGER)
    rolled_up, rolled_up_cost = one(_ROLLUPS)
    return Books(
        recorded=recorded,
        activities=one(_ACTIVITIES)[0],
        attempts=attempts,
        unsettled=unsettled,
        cost=cost,
        rolled_up=rolled_up,
        rolled_up_cost=rolled_up_cost,
        set_aside=one(_SET_ASIDE)[0],
    )
