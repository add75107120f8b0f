"""A pool in one line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from quota import times
from quota.engine.types import NEVER, Metric, Window
from quota.engine.views import AccountState
from quota.status import NANO, Status


@dataclass(frozen=True, slots=True)
class Summary:
    """`text` is for people; the others are today's, by the UTC day, and what is under way."""

    text: str
    accounts: int
    serving: int
    in_flight: int
    requests: int
    tokens: int
    cost_nano: int


def summary_of(statuses: Sequence[Status], states: Sequence[AccountState], *, now_ms: int) -> Summary:
    """All accounts of a pool: how they stand, and those of them that the engine knows."""
    serving = sum(status.serves for status in statuses)
    in_flight = sum(state.in_flight for state in states)
    requests = sum(state.day_requests for state in states)
    cost = sum(state.day_cost for state in states)
    parts = [
        _serving(statuses, serving, now_ms=now_ms),
        f"{in_flight:,} in flight",
        f"{requests:,} request{'' if requests == 1 else 's'} and ${cost / NANO:,.2f} today",
        *_share_of_cost(states),
    ]
    return Summary(
        text=" · ".join(parts),
        accounts=len(statuses),
        serving=serving,
        in_flight=in_flight,
        requests=requests,
        tokens=sum(state.day_tokens for state in states),
        cost_nano=cost,
    )


def _serving(statuses: Sequence[Status], serving: int, *, now_ms: int) -> str:
    if not statuses:
        return "No accounts yet"
    said = f"{serving} of {len(statuses)} accounts serving"
    soonest = min((one.until_ms for one in statuses if 0 < one.until_ms < NEVER), default=0)
    if serving or not soonest:
        return said
    return f"{said}, the next from {times.instant(soonest, now_ms=now_ms)}"


def _share_of_cost(states: Sequence[AccountState]) -> list[str]:
    """What part of the day's money is gone; nothing where some account may spend without a limit."""
    limits = [
        one
        for state in states
        for one in state.limits
        if state.enabled and (one.limit.metric, one.limit.window) == (Metric.COST, Window.DAY)
    ]
    amount = sum(one.limit.amount for one in limits)
    if not amount or len(limits) != sum(state.enabled for state in states):
        return []
    return [f"{100 * sum(one.used + one.reserved for one in limits) // amount} % of today's cost used"]
