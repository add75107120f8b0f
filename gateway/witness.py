"""What those hear who watch requests from outside: one value for each that is over, and where its time went."""

import logging
from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple

from gateway.clock import Clock
from gateway.wire import Request
from quota.records import ActivityEnded

StageName = Literal["load", "lease", "wait", "attempt", "settle"]

logger = logging.getLogger(__name__)


class Stage(NamedTuple):
    """A part of a request's time, in seconds since it came in. The nth `attempt` is the nth of the record's."""

    name: StageName
    began: float
    ended: float


class Finished(NamedTuple):
    """A request that is over. `status` is what the caller was told (or would have been, had he stayed)."""

    ended: ActivityEnded
    pool: str
    session: str
    caller: str
    """The access key's name, or the person's."""
    stream: bool
    source: str
    request: Request
    status: int
    stages: tuple[Stage, ...]


Witness = Callable[[Finished], None]
Name = Callable[[str], str]
"""The name of an id; the id itself where none is known."""


class Timeline:
    """The stages of one request, as they pass."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = clock.monotonic()
        self._stages: list[Stage] = []

    def now(self) -> float:
        """Seconds since the request came in."""
        return self._clock.monotonic() - self._zero

    def note(self, name: StageName, *, began: float) -> None:
        """Say that a stage is over."""
        self._stages.append(Stage(name, began, self.now()))

    @property
    def stages(self) -> tuple[Stage, ...]:
        return tuple(self._stages)


class _Untimed(Timeline):
    """Where nobody wants to know the stages: costs next to nothing."""

    def __init__(self) -> None:
        return

    def now(self) -> float:
        return 0.0

    def note(self, name: StageName, *, began: float) -> None:
        del name, began

    @property
    def stages(self) -> tuple[Stage, ...]:
        return ()


UNTIMED: Final[Timeline] = _Untimed()
NOBODY: Final[tuple[Witness, ...]] = ()


def tell(witnesses: Iterable[Witness], finished: Finished) -> None:
    """Tell everybody; one that fails keeps neither the others nor the request from going on."""
    for witness in witnesses:
        try:
            witness(finished)
        except Exception:
            logger.exception("a request could not be told of", extra={"action": "witness"})
