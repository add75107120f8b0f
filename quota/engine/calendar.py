"""UTC days and months as integers; the same arithmetic stands in `lua/calendar.lua`."""

from typing import Final

DAY_MS: Final = 86_400_000
SLOT_MS: Final = 1_000
MINUTE_SLOTS: Final = 61
"""A second's slot counts for 61 seconds, so that no 60-second span, wherever it begins, escapes the count."""


def day_of(now_ms: int) -> int:
    """Days since 1970-01-01 UTC."""
    return now_ms // DAY_MS


def day_end_ms(day: int) -> int:
    return (day + 1) * DAY_MS


def month_of(day: int) -> int:
    """Months since year 0, proleptic Gregorian (the era arithmetic of Howard Hinnant's civil_from_days)."""
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * of_year + 2) // 153
    month = march_month + 2 if march_month < 10 else march_month - 10
    year = year_of_era + era * 400 + (1 if march_month >= 10 else 0)
    return year * 12 + month


def month_end_ms(month: int) -> int:
    """The first instant after the month."""
    year, index = divmod(month + 1, 12)
    return _first_day(year=year, month=index + 1) * DAY_MS


def _first_day(*, year: int, month: int) -> int:
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def slot_of(now_ms: int) -> int:
    return now_ms // SLOT_MS


def slot_end_ms(slot: int) -> int:
    """The first instant at which what happened in this slot no longer counts."""
    return (slot + MINUTE_SLOTS) * SLOT_MS
