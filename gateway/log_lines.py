"""What log lines are made of. Imports nothing of ours, because Django's settings import it."""

import time
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

ACTIVITY: Final[ContextVar[str]] = ContextVar("activity", default="")
"""The id of the activity that is being served; empty outside of one. Tasks that it starts inherit it."""


class Try(msgspec.Struct, frozen=True):
    """One of several calls that a request took."""

    account: str
    outcome: str
    status: int | None


class Line(msgspec.Struct, frozen=True):
    """What is logged of a request that is over: in this order, as JSON; what is unset is left out."""

    timestamp: str
    level: str
    logger: str
    message: str
    request_id: str
    method: str
    path: str
    status: int
    outcome: str
    duration_ms: int
    wait_ms: int
    """Until the first call."""
    pool: str
    access_key: str
    """Its name."""
    session: str
    model: str
    stream: bool
    attempt: int
    """The number of the last call; 0 if there was none."""
    account: str | UnsetType = UNSET
    upstream_request_id: str | UnsetType = UNSET
    first_byte_ms: int | UnsetType = UNSET
    input_tokens: int | UnsetType = UNSET
    output_tokens: int | UnsetType = UNSET
    attempts: tuple[Try, ...] | UnsetType = UNSET


def stamp(seconds: float) -> str:
    """A time since 1970 as ISO 8601 says it in UTC, to the millisecond."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1_000):03d}Z"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
