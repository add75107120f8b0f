"""How a pool stands in one line, and how long today's room lasts at the rate of the last hour. Pure.

Times are milliseconds since 1970-01-01 UTC, cost is nano-dollars. What cannot be known is said, not guessed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from quota import times
from quota.amounts import percent
from quota.engine.calendar import DAY_MS, day_end_ms, day_of
from quota.engine.types import Metric, Window
from quota.engine.views import AccountState, LimitState

_HOUR_MS: Final = 3_600_000
_IN_WORDS: Final = ((Metric.COST, "cost"), (Metric.TOKENS, "tokens"), (Metric.REQUESTS, "requests"))


def pool_line(states: Sequence[AccountState], *, serving: int, used: Mapping[Metric, int], now_ms: int) -> str:
    """`4 of 5 accounts serving · 38 % of today's cost used · room until about 21:10 UTC`.

    `states` are those of the accounts that are enabled; `used` is what the pool used in the last hour.
    """
    if not states:
        return "no enabled accounts"
    noun = "account" if len(states) == 1 else "accounts"
    parts = [f"{serving} of {len(states)} {noun} serving", *_used_up(states), room(states, used=used, now_ms=now_ms)]
    return " · ".join(parts)


def room(states: Sequence[AccountState], *, used: Mapping[Metric, int], now_ms: int) -> str:
    """Until when today's limits last; only a metric that every account has a limit for can run out."""
    limits = {metric: _daily(states, metric) for metric in Metric}
    binding = {metric: found for metric, found in limits.items() if len(found) == len(states)}
    if not binding:
        return "no limit for the day" if not any(limits.values()) else "not every account has a limit for the day"
    ends = [_end(found, rate=used.get(metric, 0), now_ms=now_ms) for metric, found in binding.items()]
    known = [end for end in ends if end is not None]
    if not known:
        return "nothing used in the last hour, so no forecast"
    midnight = day_end_ms(day_of(now_ms))
    soonest = min(known)
    if soonest <= now_ms:
        return f"no room until {times.instant(midnight, now_ms=now_ms)}"
    if soonest >= midnight:
        return "room for the rest of the day (UTC)"
    return f"room until about {times.instant(soonest, now_ms=now_ms)}"


def _used_up(states: Sequence[AccountState]) -> list[str]:
    """The first metric with a limit per day, and how much of all such limits is gone."""
    for metric, word in _IN_WORDS:
        if found := _daily(states, metric):
            gone = sum(one.used + one.reserved for one in found)
            return [f"{percent(gone, sum(one.limit.amount for one in found))} % of today's {word} used"]
    return []


def _daily(states: Sequence[AccountState], metric: Metric) -> list[LimitState]:
    return [
        one for state in states for one in state.limits if one.limit.metric is metric and one.limit.window is Window.DAY
    ]


def _end(limits: Sequence[LimitState], *, rate: int, now_ms: int) -> int | None:
    """When they are used up at `rate` per hour; None if nobody can tell. Never further than a day ahead."""
    left = sum(max(0, one.limit.amount - one.used - one.reserved) for one in limits)
    if left == 0:
        return now_ms
    return None if rate <= 0 else now_ms + min(DAY_MS, left * _HOUR_MS // rate)
