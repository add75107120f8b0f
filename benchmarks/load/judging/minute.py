"""Requests per minute: never more than the limit, never refused for nothing, the soonest second to come back.

# Note [What the double can tell]
The pool admits a call when it leases; the double sees it `delay` later. Calls admitted more than a minute apart may so
arrive less than a minute apart, but never less than a minute without the longest delay. So that is the span in which
arrivals are counted, and a delay of more than `MOST_DELAY` says that the machine is too busy to tell anything.

# Note [Whole seconds]
The engine counts by the second, so that a call weighs for up to 61 seconds; a header has whole seconds, rounded up.
A retry-after is right if coming back then is not too soon, and at most these two seconds later than could be.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.finding import Finding, none_of
from benchmarks.load.seen import Asked, Seen

MINUTE: Final = 60.0
MOST_DELAY: Final = 10.0
ROUNDED: Final = 2.0
CLOCKS: Final = 0.05
"""Seconds by which two readings of one clock, taken in two processes, may be in the wrong order."""

Grants = Mapping[str, Sequence[float]]
"""When each account's calls were leased, in order."""


def never_over(seen: Seen, limits: Mapping[str, int]) -> Finding:
    """See Note [What the double can tell]."""
    what, span = "no account is asked more than its requests per minute", MINUTE - seen.delay
    if seen.delay > MOST_DELAY:
        return Finding(what, holds=False, seen=f"calls arrive up to {seen.delay:.1f} s late: nothing can be told")
    most = {name: most_within([one.at for one in seen.at_account(name)], span) for name in limits}
    told = ", ".join(f"{name} {most[name]}/{limit}" for name, limit in limits.items())
    holds = any(most.values()) and all(most[name] <= limit for name, limit in limits.items())
    return Finding(what, holds, f"most in {span:.1f} s: {told}")


def most_within(instants: Sequence[float], span: float) -> int:
    """How many lie in any half-open span of so many seconds. `instants` are in order."""
    return max((index + 1 - bisect_right(instants, at - span) for index, at in enumerate(instants)), default=0)


def grants(seen: Seen, limits: Mapping[str, int]) -> Grants:
    """When each call was leased, by Redis's clock."""
    return {name: sorted(one.granted for one in seen.books.charged if one.account == name) for name in limits}


def opens(leased: Grants, limits: Mapping[str, int], now: float, *, weighs: float = MINUTE) -> float:
    """The first instant from `now` on at which some account may take another request, if each weighs so long."""
    return min(_opens(leased[name], limit, now, weighs) for name, limit in limits.items())


def _opens(leased: Sequence[float], limit: int, now: float, weighs: float) -> float:
    before = bisect_right(leased, now)
    return now if before < limit else max(now, leased[before - limit] + weighs)


def refused_when_full(seen: Seen, limits: Mapping[str, int]) -> Finding:
    """Nobody is refused while an account has room. See Note [Whole seconds]."""
    leased = grants(seen, limits)
    wrong = [
        f"request {one.number} at {one.began:.2f}"
        for one in seen.refused
        if not any(opens(leased, limits, now, weighs=MINUTE + 1) > now for now in _moments(one, leased))
    ]
    return none_of("refused only while every account is full", wrong, of=len(seen.refused), noun="refusal")


def soonest(seen: Seen, limits: Mapping[str, int]) -> Finding:
    """See Note [Whole seconds]."""
    leased = grants(seen, limits)
    wrong = [
        f"request {one.number} was told {one.retry_after} s"
        for one in seen.refused
        if one.retry_after is None
        or not any(
            0 <= now + one.retry_after - opens(leased, limits, now) + CLOCKS <= ROUNDED + 2 * CLOCKS
            for now in _moments(one, leased)
        )
    ]
    return none_of("retry-after is the soonest second", wrong, of=len(seen.refused), noun="refusal")


def _moments(one: Asked, leased: Grants) -> Iterator[float]:
    """When it may have been refused: every tenth of a second of its wait, and every lease within."""
    steps = int((one.ended - one.began) / 0.1) + 1
    yield from (one.began + step * 0.1 for step in range(steps))
    yield one.ended
    for instants in leased.values():
        yield from instants[bisect_right(instants, one.began) : bisect_right(instants, one.ended)]
