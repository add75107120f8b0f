"""Instants and spans as people read them. Pure; milliseconds in, words out, all in UTC."""

from datetime import UTC, datetime
from typing import Final

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000


def midnight(now: datetime) -> datetime:
    """The beginning of the UTC day."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def instant(at_ms: int, *, now_ms: int) -> str:
    """`12:31 UTC` within a day, `1 Dec` beyond that, `1 Jan 2027` in another year."""
    at, now = (datetime.fromtimestamp(ms / SECOND_MS, tz=UTC) for ms in (at_ms, now_ms))
    if at_ms - now_ms <= DAY_MS:
        return f"{at:%H:%M} UTC"
    return f"{at.day} {at:%b}" if at.year == now.year else f"{at.day} {at:%b %Y}"


def second(at_ms: int) -> str:
    """`12:31:05 UTC`, rounded up to the second."""
    return f"{datetime.fromtimestamp(-(-at_ms // SECOND_MS), tz=UTC):%H:%M:%S} UTC"


def clock(left_ms: int) -> str:
    """`4:12` as on a stop-watch, rounded up to the second; `5 h 12 m` and `3 d 5 h` where nobody counts seconds."""
    seconds = -(-max(0, left_ms) // SECOND_MS)
    if left_ms >= HOUR_MS:
        return about(left_ms)
    return f"{seconds // 60}:{seconds % 60:02}"


def about(left_ms: int) -> str:
    """`7 s`, `4 m`, `5 h 12 m` or `3 d 5 h`, rounded up to what is shown."""
    left_ms = max(0, left_ms)
    if left_ms < MINUTE_MS:
        return f"{-(-left_ms // SECOND_MS)} s"
    minutes = -(-left_ms // MINUTE_MS)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} m"
    if left_ms < DAY_MS:
        return f"{minutes // 60} h {minutes % 60} m"
    hours = -(-left_ms // HOUR_MS)
    return f"{hours // 24} d {hours % 24} h"
