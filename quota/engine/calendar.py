"""UTC days and months as integers; `lua/calendar.lua` does the same without a library."""

from datetime import date
from functools import lru_cache
from typing import Final

DAY_MS: Final = 86_400_000
SLOT_MS: Final = 1_000
MINUTE_SLOTS: Final = 61
"""A second's slot counts for 61 seconds, so that no 60-second span, wherever it begins, escapes the count."""

_EPOCH: Final = date(1970, 1, 1).toordinal()


def day_of(now_ms: int) -> int:
    """Days since 1970-01-01 UTC."""
    return now_ms // DAY_MS


def day_end_ms(day: int) -> int:
    return (day + 1) * DAY_MS


@lru_cache(maxsize=64)
def month_of(day: int) -> int:
    """Months since January of year 0."""
    on = date.fromordinal(_EPOCH + day)
    return on.year * 12 + on.month - 1


@lru_cache(maxsize=64)
def month_end_ms(month: int) -> int:
    """The first instant after the month."""
    year, index = divmod(month + 1, 12)
    return (date(year, index + 1, 1).toordinal() - _EPOCH) * DAY_MS


def slot_of(now_ms: int) -> int:
    return now_ms // SLOT_MS


def slot_end_ms(slot: int) -> int:
    """The first instant at which what happened in this slot no longer counts."""
    return (slot + MINUTE_SLOTS) * SLOT_MS
