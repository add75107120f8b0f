"""Strings of a stream entry made into values that fit the ledger's columns. Pure; each raises `ValueError` (or
`OverflowError` for an instant no calendar has) when there is no such value.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
AMOUNT_MAX: Final = (1 << 53) - 1
"""The largest whole number the engine's scripts keep exactly."""
NUMBER_MAX: Final = 10_000
"""Attempts of one request; the pool makes three."""
_STATUS_MAX: Final = 999


def text(value: str, length: int) -> str:
    """Cut to what the column holds; NUL, which PostgreSQL refuses, becomes the sign for what cannot be shown."""
    return value.replace("\x00", "\ufffd")[:length]


def amount(value: str | int) -> int:
    """Read tokens, nano-dollars or counts."""
    number = int(value)
    if not 0 <= number <= AMOUNT_MAX:
        raise ValueError(f"{number} is no amount")
    return number


def number(value: int) -> int:
    """Read the number of an attempt within its request."""
    if not 0 <= value <= NUMBER_MAX:
        raise ValueError(f"{value} is no attempt's number")
    return value


def status(value: int | None) -> int | None:
    """Read an HTTP status; nonsense is none."""
    return value if value is not None and 0 < value <= _STATUS_MAX else None


def instant(ms: int | str) -> datetime:
    """Read milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=int(ms))


def maybe_instant(ms: int | None) -> datetime | None:
    """Read milliseconds since 1970, where 0 and None mean that it never happened."""
    return instant(ms) if ms else None


def maybe_id(value: str) -> uuid.UUID | None:
    """Read an id that may be absent."""
    return uuid.UUID(value) if value else None
