"""What was seen of a scenario: by the callers, by Anthropic's double, and by the pool's own books.

Instants are Unix seconds of this machine's clock, which all parties share.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

_NUMBER: Final = re.compile(r"Request (\d+):")
FIRST_WARM: Final = 1_000_001
"""Requests that come before a scenario are numbered from here on: beyond all others."""
T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True):
    """One request as its caller lived it. `status` 0: no answer came. `number` tells requests apart."""

    number: int
    began: float
    ended: float
    status: int
    retry_after: int | None = None
    should_retry: str = ""
    activity: str = ""
    attempts: int = 0
    said: str = ""
    """The error's message, or what broke."""


class Received(msgspec.Struct, frozen=True):
    """One call as the double received it, and what it billed."""

    at: float
    until: float
    account: str
    status: int
    request_id: str
    fault: str | None = None
    tokens: int = 0
    cost_nano: int = 0
    body: str = ""

    @property
    def number(self) -> int:
        """Which caller's request it served. Raises ValueError for somebody else's."""
        if found := _NUMBER.search(self.body):
            return int(found[1])
        raise ValueError("a call that none of the callers caused")


class Charged(msgspec.Struct, frozen=True):
    """One call in the ledger. `granted` is the instant of its lease, by Redis's clock."""

    request_id: str
    account: str
    granted: float
    tokens: int = 0
    cost_nano: int = 0
    held_tokens: int = 0
    held_cost_nano: int = 0


class Failed(msgspec.Struct, frozen=True):
    """Why an activity failed, in the ledger's words."""

    error: str
    decision: str


class Books(msgspec.Struct, frozen=True):
    """What the pool wrote down. `activities` are counted by status, `failed` is by activity."""

    activities: Mapping[str, int]
    charged: Sequence[Charged]
    failed: Mapping[str, Failed]
    leases: int
    breakers: Mapping[str, str]


class Seen(msgspec.Struct, frozen=True):
    """Everything of one scenario."""

    asked: Sequence[Asked]
    received: Sequence[Received]
    books: Books

    @property
    def served(self) -> Sequence[Asked]:
        return [one for one in self.asked if one.status == 200]

    @property
    def refused(self) -> Sequence[Asked]:
        return [one for one in self.asked if one.status == 429]

    def at_account(self, name: str) -> Sequence[Received]:
        """Calls in the order in which they arrived."""
        return sorted((one for one in self.received if one.account == name), key=lambda one: one.at)

    @property
    def delay(self) -> float:
        """Seconds from the lease of a call to its arrival, at most: so much later the double saw what was admitted."""
        granted = {one.request_id: one.granted for one in self.books.charged}
        return max((one.at - granted[one.request_id] for one in self.received if one.request_id in granted), default=0)


def lines(path: Path, kind: type[T]) -> list[T]:
    """Read a file of JSON lines."""
    return [msgspec.json.decode(line, type=kind) for line in path.read_bytes().splitlines()] if path.exists() else []
