"""The vocabulary of the attempt loop: what can happen, what can be done next, where a request stands. Pure."""

from dataclasses import dataclass

from gateway.calls import Call, FinalAnswer, Returned
from gateway.outcomes import Outcome
from gateway.replies import Fault
from quota.engine.types import Event, Lease, LeaseRequest, Refusal, Settlement
from quota.records import ActivityEnded, AttemptRecord

# -- events: what has happened (with `Lease`, `Refusal` and `Returned`) ------------------------------------------------


@dataclass(frozen=True, slots=True)
class PoolNotLoaded:
    """The engine holds nothing for this pool."""


@dataclass(frozen=True, slots=True)
class EngineGone:
    """The engine did not answer in time, or refused."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The pool was configured again."""


@dataclass(frozen=True, slots=True)
class Woke:
    """The pause is over."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Too many requests wait already."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The lease is settled (or will be)."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The request ends while it holds no lease: the caller left, or we are at fault."""

    fault: Fault


Happening = Lease | Refusal | Returned | PoolNotLoaded | EngineGone | Reloaded | Woke | NoRoom | Settled | Abandoned


# -- commands: what to do next -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Lease."""

    request: LeaseRequest


@dataclass(frozen=True, slots=True)
class Reload:
    """Configure the pool from the database."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Take a place in the queue (or `NoRoom`), sleep, then `Woke`."""

    for_ms: int


@dataclass(frozen=True, slots=True)
class Send:
    """Call upstream with the leased account's key."""

    lease: Lease
    number: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Settle the lease, whatever happens to the caller meanwhile."""

    lease: Lease
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Done:
    """Answer the caller. `events` belong to no lease and must be emitted."""

    answer: FinalAnswer
    events: tuple[Event, ...] = ()


Command = Ask | Reload | Pause | Send | Settle | Done


@dataclass(frozen=True, slots=True)
class State:
    """Where a request stands. `number` counts upstream calls; `answer` is set once nothing more will be tried."""

    call: Call
    begun_ms: int
    number: int = 0
    lease: Lease | None = None
    sent_ms: int = 0
    wait_until_ms: int | None = None
    refusal: Refusal | None = None
    """The latest one."""
    reloaded: bool = False
    outcomes: tuple[Outcome, ...] = ()
    records: tuple[AttemptRecord, ...] = ()
    decision: tuple[str, ...] = ()
    answer: FinalAnswer | None = None
    ended: ActivityEnded | None = None

    @property
    def tried(self) -> tuple[str, ...]:
        """The accounts that had their turn."""
        return tuple(record.account for record in self.records)
