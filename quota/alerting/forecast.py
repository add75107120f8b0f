"""When a limit runs out, from what was used in equal spans of time just now; and how sure that is. Pure.

# Note [Uncertainty]
#     The rate is the mean of the spans since the first use in them; its margin is 1.3 times its standard error, which
#     a steady consumer's true rate leaves about one time in five. It knows nothing of nights, weekends or plans: people
#     are told the range and which time it was taken from. All of it is whole numbers, money too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import dropwhile
from math import isqrt
from operator import not_
from typing import Final

from quota.alerting.wording import clock_or_date

FEWEST_SPANS: Final = 3
_FINE: Final = 1_000
"""Rates are counted in thousandths of a unit per span."""


class Outcome(StrEnum):
    UNKNOWN = "unknown"
    """Too little was used, or for too short a time, to say."""
    LASTS = "lasts"
    """Not at this rate, before it resets."""
    RUNS_OUT = "runs_out"
    OUT = "out"
    """All of it is used or reserved."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`at_ms` is the likely instant; it may be as early as `earliest_ms`, as late as `latest_ms` (0: or not at all)."""

    outcome: Outcome
    at_ms: int = 0
    earliest_ms: int = 0
    latest_ms: int = 0


def forecast(used: Sequence[int], *, span_ms: int, left: int, now_ms: int, resets_ms: int) -> Forecast:
    """When `left` is gone, given what was `used` in each of the latest whole spans, oldest first.

    See Note [Uncertainty].
    """
    if left <= 0:
        return Forecast(Outcome.OUT)
    spans = list(dropwhile(not_, used))
    if len(spans) < FEWEST_SPANS:
        return Forecast(Outcome.UNKNOWN)
    mean = sum(spans) * _FINE // len(spans)
    margin = _margin(spans, mean)
    likely, earliest, latest = (
        _gone_ms(left, rate, span_ms=span_ms, now_ms=now_ms, resets_ms=resets_ms)
        for rate in (mean, mean + margin, mean - margin)
    )
    return Forecast(Outcome.RUNS_OUT if likely else Outcome.LASTS, likely, earliest, latest if likely else 0)


def _margin(spans: Sequence[int], mean: int) -> int:
    deviations = sum((amount * _FINE - mean) ** 2 for amount in spans)
    error = isqrt(deviations // (len(spans) - 1) // len(spans))
    return error * 13 // 10


def _gone_ms(left: int, rate: int, *, span_ms: int, now_ms: int, resets_ms: int) -> int:
    """When so much is gone; 0 if not before it resets."""
    if rate <= 0:
        return 0
    at_ms = now_ms + left * _FINE * span_ms // rate
    return at_ms if at_ms < resets_ms else 0


def said(seen: Forecast, *, now_ms: int, since: str) -> str:
    """The forecast in words; `since` names the time it was taken from."""
    if seen.outcome is Outcome.OUT:
        return "It is used up until it resets."
    if seen.outcome is Outcome.UNKNOWN:
        return "Too little was used lately to say when it is out."
    if seen.outcome is Outcome.LASTS:
        early = f" (at the earliest it is out {clock_or_date(seen.earliest_ms, now_ms)})" if seen.earliest_ms else ""
        return f"At the rate of {since} it lasts until it resets{early}."
    at, early = clock_or_date(seen.at_ms, now_ms), clock_or_date(seen.earliest_ms, now_ms)
    span = f"{early}–{clock_or_date(seen.latest_ms, now_ms)}" if seen.latest_ms else f"from {early} on, or not at all"
    return f"At the rate of {since} it is out about {at} ({span})."
