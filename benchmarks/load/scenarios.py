"""What happens in each scenario, and what must hold afterwards."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.finding import Finding
from benchmarks.load.field import Double
from benchmarks.load.judging import breaker, callers, calls, day, minute
from benchmarks.load.plan import (
    OPEN_SECONDS,
    QUOTAS,
    WARM,
    Callers,
    Pool,
    failover_of,
    overload_of,
    quota_of,
    recovery_of,
    spread_of,
)
from benchmarks.load.seen import Charged, Received, Seen
from benchmarks.patience import within

LOOK_EVERY: Final = 0.05
WAIT_SECONDS: Final = 60.0

During = Callable[[Double], None]
Judge = Callable[[Seen], list[Finding]]


def nothing(_double: Double) -> None:
    """Happens meanwhile."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`refuses`: whether a 429 is a fine answer. `during` runs while callers ask."""

    name: str
    says: str
    pool: Pool
    callers: Callers
    judge: Judge
    during: During = nothing
    refuses: bool = False


def all_of(users: int) -> list[Scenario]:
    """Every scenario at that size."""
    return [_spread(users), _overload(users), _failover(users), *map(_quota, QUOTAS), _recovery(users)]


def _spread(users: int) -> Scenario:
    pool, asking = spread_of(users)
    sizes = pool.limit("limit_requests_minute")

    def judge(seen: Seen) -> list[Finding]:
        return [
            callers.all_served(seen, total=asking.total + WARM),
            callers.concurrent(seen, users=asking.users),
            calls.spread(seen, sizes),
            minute.never_over(seen, sizes),
            calls.once_each(seen),
        ]

    return Scenario("spread", f"{users:,} requests at once over five accounts of different size", pool, asking, judge)


def _overload(users: int) -> Scenario:
    pool, asking = overload_of(users)
    limits = pool.limit("limit_requests_minute")

    def judge(seen: Seen) -> list[Finding]:
        return [
            callers.served_or_refused(seen),
            minute.never_over(seen, limits),
            minute.refused_when_full(seen, limits),
            minute.soonest(seen, limits),
            callers.named(seen, "requests per minute"),
        ]

    says = f"150 % of {sum(limits.values()):,} requests per minute"
    return Scenario("overload", says, pool, asking, judge, refuses=True)


def _failover(users: int) -> Scenario:
    pool, asking = failover_of(users)
    biggest = pool.accounts[0].name

    def judge(seen: Seen) -> list[Finding]:
        return [
            callers.all_served(seen, total=asking.total + WARM),
            calls.every_failure_found_another(seen),
            calls.once_each(seen),
            breaker.set_aside(seen, biggest),
            minute.never_over(seen, pool.limit("limit_requests_minute")),
        ]

    says = f"{asking.total:,} requests; the biggest account dies in the middle"
    during = partial(_dies_in_the_middle, pool=pool, after=asking.total // 2)
    return Scenario("failover", says, pool, asking, judge, during)


def _dies_in_the_middle(double: Double, *, pool: Pool, after: int) -> None:
    _until(lambda: sum(double.calls(account.name) for account in pool.accounts) >= after)
    double.break_down(pool.accounts[0].name)


def _quota(name: str) -> Scenario:
    pool, asking = quota_of(name)
    column, _, words = QUOTAS[name]
    limits = pool.limit(column)
    by_minute = [minute.never_over, minute.refused_when_full, minute.soonest]

    def judge(seen: Seen) -> list[Finding]:
        told = [callers.served_or_refused(seen), callers.named(seen, words)]
        if name == "rpm":
            return [*told, *(one(seen, limits) for one in by_minute)]
        amount, held = (_tokens, _held_tokens) if name == "tokens" else (_cost, _held_cost)
        return [
            *told,
            day.never_over(seen, limits, amount, noun=words),
            day.used_up(seen, limits, amount, held),
            day.until_midnight(seen),
        ]

    return Scenario(name, f"{words}: asked until nothing is left", pool, asking, judge, refuses=True)


def _tokens(one: Received) -> int:
    return one.tokens


def _cost(one: Received) -> int:
    return one.cost_nano


def _held_tokens(one: Charged) -> int:
    return one.held_tokens


def _held_cost(one: Charged) -> int:
    return one.held_cost_nano


def _recovery(users: int) -> Scenario:
    pool, asking = recovery_of(users)
    dead = pool.accounts[0].name

    def judge(seen: Seen) -> list[Finding]:
        return [
            callers.all_served(seen, total=asking.total + WARM),
            breaker.half_opens(seen, dead, seconds=OPEN_SECONDS),
            breaker.one_probe(seen, dead),
            breaker.recovered(seen, dead),
            calls.once_each(seen),
        ]

    says = f"an account dies and comes back; its breaker opens for {OPEN_SECONDS} s instead of 300"
    return Scenario("recovery", says, pool, asking, judge, partial(_dies_and_comes_back, account=dead))


def _dies_and_comes_back(double: Double, *, account: str) -> None:
    """It is mended when the first probe has met the fault, so that the second one finds it well."""
    _until(lambda: double.calls(account) >= 3)
    double.break_down(account)
    asked = _left_alone(double, account)
    _until(lambda: double.calls(account) > asked)
    double.mend(account)


def _left_alone(double: Double, account: str) -> int:
    """How many calls it had received when none came for half of the breaker's time."""
    until, asked = time.monotonic() + WAIT_SECONDS, double.calls(account)

    def more() -> bool:
        return double.calls(account) != asked

    while within(OPEN_SECONDS / 2, more, every=LOOK_EVERY) and time.monotonic() < until:
        asked = double.calls(account)
    return asked


def _until(happens: Callable[[], bool]) -> None:
    """Wait for it, not for ever: what is judged afterwards shows if it never came."""
    within(WAIT_SECONDS, happens, every=LOOK_EVERY)
