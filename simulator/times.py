"""Instants as the API writes them."""

import math
from datetime import UTC, datetime
from functools import lru_cache

DAY = 86_400


@lru_cache(maxsize=8192)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339(instant: float) -> str:
    """Write Unix seconds as RFC 3339 in UTC, rounded up to a whole second."""
    return _second(math.ceil(instant))


def parse(text: str) -> float:
    """Read RFC 3339 (or a bare date, meaning midnight UTC) as Unix seconds. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def month_of(instant: float) -> str:
    """Name the UTC month an instant lies in, as YYYY-MM."""
    return _month_of_day(int(instant // DAY))


@lru_cache(maxsize=1024)
def _month_of_day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m")


def next_month(instant: float) -> float:
    """Give 00:00 UTC of the first day of the month after."""
    moment = datetime.fromtimestamp(instant, UTC)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)  # noqa: PLR2004
    return datetime(year, month, 1, tzinfo=UTC).timestamp()
