"""What alerts say. Pure, plain text: whoever shows it escapes it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from quota.engine.types import NEVER, Limit, Metric

_NANO_PLACES: Final = 9


def limit_name(limit: Limit) -> str:
    """E.g. `tokens per day`."""
    return f"{limit.metric} per {limit.window}"


def quantity(amount: int, metric: Metric) -> str:
    """So much of a metric, money in dollars and cents."""
    return dollars(amount) if metric is Metric.COST else f"{amount:,} {metric}"


def dollars(nano: int) -> str:
    """Nano-dollars in dollars, to the cent; below a cent as exactly as needed."""
    amount = Decimal(nano).scaleb(-_NANO_PLACES)
    return f"${amount:,.2f}" if not amount or amount >= Decimal("0.01") else f"${amount.normalize():f}"


def utc(at_ms: int) -> str:
    """An instant to the minute."""
    return f"{datetime.fromtimestamp(at_ms / 1000, tz=UTC):%Y-%m-%d %H:%M} UTC"


def until(at_ms: int) -> str:
    """`until …`, whoever ends it."""
    return "until a person acts" if at_ms >= NEVER else f"until {utc(at_ms)}"


def percent(used: int, amount: int) -> int:
    """Whole percent, rounded down: 100 means all of it."""
    return used * 100 // amount


def clock_or_date(at_ms: int, now_ms: int) -> str:
    """The time of day today, with the date on any other day (UTC)."""
    at, now = (datetime.fromtimestamp(ms / 1000, tz=UTC) for ms in (at_ms, now_ms))
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"
