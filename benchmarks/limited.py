"""The four things that are limited, each with its own way to count what was really in use."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.attempts import Grant
from quota.engine.types import Account, Limit, Metric, Window
from quota.engine.views import AccountState

MINUTE_MS: Final = 60_000
USD: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """`amount` is the limit of one account in `unit` base units."""

    name: str
    amount: int
    account: Callable[[str, int], Account]
    most: Callable[[Sequence[Grant]], int]
    """The most of it that one account's grants ever used at once, in the limit's window."""
    ours: Callable[[Sequence[Grant]], int]
    theirs: Callable[[AccountState], int]
    """What one account's grants come to, by our count and by the engine's books."""
    hold: float = 0.0
    leave_open: bool = False
    shown_per: int = 1
    """Base units of one unit shown (a dollar has many nano-dollars)."""


def most_in_a_minute(grants: Sequence[Grant]) -> int:
    """The most grants in any 60-second span, by the server's clock."""
    instants = sorted(grant.granted_ms for grant in grants)
    first, most = 0, 0
    for last, instant in enumerate(instants):
        while instants[first] <= instant - MINUTE_MS:
            first += 1
        most = max(most, last - first + 1)
    return most


def most_at_once(grants: Sequence[Grant]) -> int:
    """The most calls surely under way together: each from after its lease's answer to before its settlement."""
    changes = sorted([(grant.began_ns, 1) for grant in grants] + [(grant.ended_ns, -1) for grant in grants])
    under_way, most = 0, 0
    for _, change in changes:
        under_way += change
        most = max(most, under_way)
    return most


def most_in_a_day(of: Callable[[Grant], int]) -> Callable[[Sequence[Grant]], int]:
    def most(grants: Sequence[Grant]) -> int:
        days: Counter[int] = Counter()
        for grant in grants:
            days[grant.day] += of(grant)
        return max(days.values(), default=0)

    return most


def _limited(metric: Metric, window: Window) -> Callable[[str, int], Account]:
    return lambda name, amount: Account(name, limits=(Limit(metric, window, amount),))


def requests_a_minute(amount: int) -> Kind:
    return Kind(
        name="requests per minute",
        amount=amount,
        account=_limited(Metric.REQUESTS, Window.MINUTE),
        most=most_in_a_minute,
        ours=len,
        theirs=lambda state: state.month_requests,
    )


def tokens_a_day(amount: int) -> Kind:
    return Kind(
        name="tokens per day",
        amount=amount,
        account=_limited(Metric.TOKENS, Window.DAY),
        most=most_in_a_day(lambda grant: grant.tokens),
        ours=lambda grants: sum(grant.tokens for grant in grants),
        theirs=lambda state: state.month_tokens + state.reserved_tokens,
        leave_open=True,
    )


def cost_a_day(amount: int) -> Kind:
    """`amount` in nano-dollars; shown in dollars."""
    return Kind(
        name="cost per day, USD",
        amount=amount,
        account=_limited(Metric.COST, Window.DAY),
        most=most_in_a_day(lambda grant: grant.cost),
        ours=lambda grants: sum(grant.cost for grant in grants),
        theirs=lambda state: state.month_cost + state.reserved_cost,
        leave_open=True,
        shown_per=USD,
    )


def calls_at_once(amount: int) -> Kind:
    return Kind(
        name="concurrent calls",
        amount=amount,
        account=lambda name, cap: Account(name, max_concurrency=cap),
        most=most_at_once,
        ours=lambda _: 0,
        theirs=lambda state: state.in_flight,
        hold=0.002,
    )
