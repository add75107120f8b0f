"""What a pool remembers of one account and of one lease."""

from copy import copy
from dataclasses import dataclass, field

from quota.engine.breaker import Breaker
from quota.engine.capacity import NOTHING, Counters, load_ppm
from quota.engine.learned import Taken
from quota.engine.strategies import Standing
from quota.engine.types import Account, Lease, LeaseRequest


@dataclass(slots=True)
class Member:
    """An account and everything the pool knows of it."""

    account: Account
    breaker: Breaker = field(default_factory=Breaker)
    counters: Counters = field(default_factory=Counters)
    in_flight: int = 0
    passed: int = 0
    last_turn: int = 0
    last_used_ms: int = 0

    @property
    def load_ppm(self) -> int:
        return load_ppm(self.counters, self.account.limits, in_flight=self.in_flight, cap=self.account.max_concurrency)

    @property
    def standing(self) -> Standing:
        return Standing(
            id=self.account.id,
            priority=self.account.priority,
            load_ppm=self.load_ppm,
            in_flight=self.in_flight,
            passed=self.passed,
            last_turn=self.last_turn,
        )

    def at(self, now_ms: int) -> "Member":
        """A copy as of an instant, for looking at."""
        copied = copy(self)
        copied.counters = self.counters.copied()
        copied.counters.roll(now_ms)
        return copied


@dataclass(slots=True)
class Books:
    """What a client has in flight and has used. Its limits come with each request."""

    counters: Counters = field(default_factory=Counters)
    in_flight: int = 0

    @property
    def idle(self) -> bool:
        """Whether nothing counts any more. The windows must have been rolled."""
        amounts = (*self.counters.used.values(), *self.counters.held.values())
        return not self.in_flight and not self.counters.slots and all(amount == NOTHING for amount in amounts)


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease as the pool remembers it."""

    lease: Lease
    request: LeaseRequest
    expired_ms: int = 0
    taken: Taken | None = None
    """What it took of what Anthropic said is left, if that was known."""
