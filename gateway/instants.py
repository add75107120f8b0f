"""Reading the times Anthropic tells us, none of which is taken at its word. Pure; instants are integer milliseconds."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
SHORTEST_MS: Final = SECOND_MS
"""A throttle of nothing would be asked again at once."""
LONGEST_MS: Final = 32 * DAY_MS
"""No limit of Anthropic's lasts longer than a month; whoever says so is wrong."""

TOKEN_STEP: Final = 1_000
_DIMENSIONS: Final = ("requests", "tokens", "input-tokens", "output-tokens")
_REMAINING: Final = tuple((name, f"anthropic-ratelimit-{name}-remaining") for name in _DIMENSIONS)
_ACCESS_DATE: Final = re.compile(r"on (\d{4})-(\d{2})-(\d{2})(?: at (\d{1,2}):(\d{2}))?")


def retry_after_ms(headers: Mapping[str, str], *, now_ms: int) -> int | None:
    """Give the wait the answer asks for: `retry-after-ms`, or `retry-after` in seconds (floats too) or as a date.

    None if there is none or it makes no sense. Bounded to `SHORTEST_MS`..`LONGEST_MS`.
    """
    for text, scale in ((headers.get("retry-after-ms", ""), 1), (headers.get("retry-after", ""), SECOND_MS)):
        wait = _number(text, scale)
        if wait is not None:
            return _bounded(wait)
    return _until_http_date(headers.get("retry-after", ""), now_ms=now_ms)


def limits_reset_ms(headers: Mapping[str, str], *, now_ms: int) -> int | None:
    """Give the wait until the latest reset among the rate-limit dimensions that have nothing left, or None."""
    resets = [
        instant
        for name, remaining in _REMAINING
        if headers.get(remaining, "").strip() == "0"
        and (instant := rfc3339_ms(headers.get(f"anthropic-ratelimit-{name}-reset", ""))) is not None
    ]
    return _bounded(max(resets) - now_ms) if resets else None


def refill_ms(headers: Mapping[str, str], *, now_ms: int) -> int | None:
    """Give the wait until a used-up rate limit lets one more call through, or None if none is used up.

    Anthropic's buckets refill continuously and `reset` is when they are full again: of a limit of L that fills in T,
    one request is back after T/L, and a thousand tokens (what the headers round to) after T·1000/L.
    """
    waits = [
        wait
        for name, remaining in _REMAINING
        if headers.get(remaining, "").strip() == "0" and (wait := _refill(headers, name, now_ms=now_ms)) is not None
    ]
    return max(waits, default=None)


def _refill(headers: Mapping[str, str], name: str, *, now_ms: int) -> int | None:
    limit = headers.get(f"anthropic-ratelimit-{name}-limit", "").strip()
    reset = rfc3339_ms(headers.get(f"anthropic-ratelimit-{name}-reset", ""))
    if reset is None or reset <= now_ms or not limit.isdigit():
        return None
    step = 1 if name == "requests" else TOKEN_STEP
    share = min(1.0, step / max(1, int(limit)))
    return max(1, math.ceil(min(reset - now_ms, LONGEST_MS) * share))


def access_regained_ms(message: str, *, now_ms: int) -> int | None:
    """Give the instant named in "You will regain access on 2026-04-01 at 00:00 UTC", if it is a sane one."""
    found = _ACCESS_DATE.search(message)
    if found is None:
        return None
    year, month, day, hour, minute = (int(part or 0) for part in found.groups())
    instant = _utc_ms(year, month, day, hour, minute)
    return instant if instant is not None and now_ms < instant <= now_ms + LONGEST_MS else None


def next_month_ms(now_ms: int) -> int:
    """Give the instant of the next 1st, 00:00 UTC."""
    today = datetime.fromtimestamp(now_ms // SECOND_MS, tz=UTC)
    year, month = (today.year + 1, 1) if today.month == 12 else (today.year, today.month + 1)  # noqa: PLR2004
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * SECOND_MS


def _number(text: str, scale: int) -> float | None:
    try:
        value = float(text) * scale
    except ValueError:
        return None
    return None if math.isnan(value) or value < 0 else value


def _until_http_date(text: str, *, now_ms: int) -> int | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return _bounded(aware.timestamp() * SECOND_MS - now_ms)


def rfc3339_ms(text: str) -> int | None:
    """Give an instant; None for what is none or names no offset from UTC."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return int(instant.timestamp() * SECOND_MS) if instant.tzinfo else None


def _utc_ms(*parts: int) -> int | None:
    try:
        return int(datetime(*parts, tzinfo=UTC).timestamp()) * SECOND_MS  # type: ignore[arg-type,misc]
    except (ValueError, OverflowError):
        return None


def _bounded(wait: float) -> int:
    return round(min(max(wait, SHORTEST_MS), LONGEST_MS))
