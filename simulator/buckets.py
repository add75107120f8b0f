"""Token buckets, refilled continuously, and what they tell the client.

Pure: `now` (Unix seconds) is an argument; a bucket keeps only its level and when that was true.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.times import rfc3339

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings per minute of one model group: requests, input tokens (cache reads free), output tokens."""

    rpm: int
    itpm: int
    otpm: int


class TokenBucket:
    """Holds at most `capacity`, refilled at capacity per minute. Output may overdraw it."""

    __slots__ = ("_at", "_level", "capacity")

    def __init__(self, *, capacity: int, now: float) -> None:
        self.capacity = capacity
        self._level = float(capacity)
        self._at = now

    def level(self, now: float) -> float:
        """How much is in it at this instant; negative when overdrawn."""
        if now > self._at:
            self._level = min(self.capacity, self._level + (now - self._at) * self.capacity / MINUTE)
            self._at = now
        return self._level

    def take(self, amount: float, now: float) -> None:
        """Take, whatever the level is."""
        self._level = self.level(now) - amount

    def wait_for(self, amount: float, now: float) -> float:
        """Seconds until `amount` could be taken; for more than the bucket ever holds, until it is full."""
        missing = min(amount, self.capacity) - self.level(now)
        return max(0.0, missing * MINUTE / self.capacity)

    def fits(self, amount: float, now: float) -> bool:
        """Whether `amount` can be taken now."""
        return amount <= self.level(now)

    def full_at(self, now: float) -> float:
        """Instant of full refill."""
        return now + self.wait_for(self.capacity, now)


class GroupBuckets:
    """The three buckets of one model group in one organization (or one workspace)."""

    __slots__ = ("input", "limits", "output", "requests")

    def __init__(self, *, limits: Limits, now: float) -> None:
        self.limits = limits
        self.requests = TokenBucket(capacity=limits.rpm, now=now)
        self.input = TokenBucket(capacity=limits.itpm, now=now)
        self.output = TokenBucket(capacity=limits.otpm, now=now)

    def shortage(self, input_tokens: int, now: float) -> "Shortage | None":
        """Say which bucket refuses a request of this size, if any, and for how long."""
        if not self.requests.fits(1, now):
            return Shortage(self.limits.rpm, "requests", self.requests.wait_for(1, now))
        if not self.input.fits(input_tokens, now):
            return Shortage(self.limits.itpm, "input tokens", self.input.wait_for(input_tokens, now))
        if not self.output.fits(1, now):
            return Shortage(self.limits.otpm, "output tokens", self.output.wait_for(1, now))
        return None

    def admit(self, input_tokens: int, now: float) -> None:
        """Take one request and its counted input."""
        self.requests.take(1, now)
        self.input.take(input_tokens, now)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a request was throttled. `wait` is in seconds."""

    limit: int
    dimension: str
    wait: float

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one."""
        return max(1, math.ceil(self.wait))


def _thousands(tokens: float) -> str:
    """Round remaining tokens as the API does: to whole thousands, never below zero."""
    return str(max(0, round(tokens / 1000) * 1000))


_PARTS = ("limit", "remaining", "reset")
_NAMES = {
    kind: tuple(f"anthropic-ratelimit-{kind}-{part}" for part in _PARTS)
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
}


def rate_headers(in_force: Sequence[GroupBuckets], now: float) -> dict[str, str]:
    """Build the twelve headers. `in_force` lists the organization's buckets first, then the workspace's if it has any.

    The `tokens` triple describes the most restrictive limits in force, as input and output together.
    """
    tightest = in_force[-1]
    requests, tokens_in, tokens_out = tightest.requests, tightest.input, tightest.output
    level_in, level_out = tokens_in.level(now), tokens_out.level(now)
    full_in, full_out = tokens_in.full_at(now), tokens_out.full_at(now)
    together = _thousands(max(0.0, level_in) + max(0.0, level_out))
    left = str(max(0, int(requests.level(now))))
    rows = (
        ("requests", requests.capacity, left, requests.full_at(now)),
        ("input-tokens", tokens_in.capacity, _thousands(level_in), full_in),
        ("output-tokens", tokens_out.capacity, _thousands(level_out), full_out),
        ("tokens", tokens_in.capacity + tokens_out.capacity, together, max(full_in, full_out)),
    )
    headers = {}
    for kind, limit, remaining, reset in rows:
        names = _NAMES[kind]
        headers[names[0]], headers[names[1]], headers[names[2]] = str(limit), remaining, rfc3339(reset)
    return headers
