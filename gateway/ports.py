"""Everything the driver works with, passed in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.background import Background
from gateway.clock import Clock
from gateway.complaints import Complaints
from gateway.preparing import PoolRules
from gateway.renewals import Renewals
from gateway.waiting import WaitingRoom
from gateway.wire import DEADLINES, Credentials, Deadlines, Upstream
from gateway.witness import NOBODY, Witness
from quota.engine.api import Engine
from quota.engine.types import Event

Listener = Callable[[Event], None]
"""Hears of an activity's events as they are handed over, for those who show a request's progress."""


@dataclass(frozen=True, slots=True)
class Ports:
    """One set per event loop."""

    engine: Engine
    credentials: Credentials
    upstream: Upstream
    reload: Callable[[str], Awaitable[object]]
    """Configure a pool in the engine from the database."""
    clock: Clock
    background: Background
    renewals: Renewals = field(repr=False)
    deadlines: Deadlines = DEADLINES
    room: WaitingRoom = field(default_factory=WaitingRoom)
    complaints: Complaints = field(default_factory=Complaints, repr=False)
    witnesses: tuple[Witness, ...] = field(default=NOBODY, repr=False)
    """Who hears of each request that is over."""
    timed: bool = False
    """Whether they want to hear of its stages."""


Source = Callable[[], Awaitable[tuple[Ports, PoolRules]]]
"""Where a client gets its machinery from, at each request: clients may outlive an event loop."""
