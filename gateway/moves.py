"""The vocabulary of the attempt loop: what can happen, what can be done next, where a request stands. Pure."""

from typing import NamedTuple

import msgspec

from gateway.calls import Call, FinalAnswer, Returned
from gateway.outcomes import Outcome
from gateway.replies import Fault
from quota.engine.types import Event, Lease, LeaseRequest, Refusal, Settlement
from quota.records import ActivityEnded, AttemptRecord


class Line(NamedTuple):
    """Who may wait for the same freed room, and so must wait in turn.

    Whoever may go to one account only, or has had some of them already, cannot use what the others wait for: at the
    head of their line he would keep them from an account that is free.
    """

    pool: str
    group: str
    only: str = ""
    tried: frozenset[str] = frozenset()


# -- events: what has happened (with `Lease`, `Refusal` and `Returned`) ------------------------------------------------


class PoolNotLoaded(msgspec.Struct, frozen=True):
    """The engine holds nothing for this pool."""


class EngineGone(msgspec.Struct, frozen=True):
    """The engine did not answer in time, or refused."""


class Reloaded(msgspec.Struct, frozen=True):
    """The pool was configured again."""


class Woke(msgspec.Struct, frozen=True):
    """The pause is over."""


class Behind(msgspec.Struct, frozen=True):
    """Others of the line came first, so the engine was not asked. What it told them last is `refusal`, at `told_ms`."""

    refusal: Refusal
    told_ms: int


class NoRoom(msgspec.Struct, frozen=True):
    """Too many requests wait already."""


class Settled(msgspec.Struct, frozen=True):
    """The lease is settled (or will be)."""


class Abandoned(msgspec.Struct, frozen=True):
    """The request ends while it holds no lease: the caller left, or we are at fault."""

    fault: Fault


Happening = (
    Lease | Refusal | Behind | Returned | PoolNotLoaded | EngineGone | Reloaded | Woke | NoRoom | Settled | Abandoned
)


# -- commands: what to do next -----------------------------------------------------------------------------------------


class Ask(msgspec.Struct, frozen=True):
    """Lease, if nobody in the line came first (else `Behind`)."""

    request: LeaseRequest
    line: Line


class Reload(msgspec.Struct, frozen=True):
    """Configure the pool from the database."""


class Pause(msgspec.Struct, frozen=True):
    """Take a place in the line (or `NoRoom`), keep it, then `Woke`.

    The head of the line pauses `for_ms`, or until something is settled; the others until they are the head, at most
    for `left_ms`.
    """

    for_ms: int
    left_ms: int
    line: Line
    word: Behind
    """What those who come later are told."""


class Send(msgspec.Struct, frozen=True):
    """Call upstream with the leased account's key."""

    lease: Lease
    number: int


class Settle(msgspec.Struct, frozen=True):
    """Settle the lease, whatever happens to the caller meanwhile."""

    lease: Lease
    settlement: Settlement


class Done(msgspec.Struct, frozen=True):
    """Answer the caller. `events` belong to no lease and must be emitted."""

    answer: FinalAnswer
    events: tuple[Event, ...] = ()


Command = Ask | Reload | Pause | Send | Settle | Done


class State(msgspec.Struct, frozen=True):
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

    @property
    def line(self) -> Line:
        """Where the request would wait now."""
        return Line(self.call.pool, self.call.group, self.call.only, frozenset(self.tried))
