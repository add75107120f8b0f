"""What the ledger knows of a call and of a request, and how two pieces of knowledge become one. Pure.

# Note [Joining]
#     Entries reach us repeatedly, in any order, by several workers at once. So nothing is ever "applied": each entry
#     is turned into facts, and facts about the same thing are *joined*. Joining picks or combines by order alone
#     (max, min, union), so it is commutative, associative and idempotent: whatever the delivery, the result is the
#     same. A settled lease beats an expired one; the later stage of a request beats the earlier.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

WORD: Final = 60
NAME: Final = 100
LONG: Final = 200
ERROR: Final = 500
ENTRY: Final = 45
"""Characters of two 64-bit numbers and a dash."""

TOKEN_KINDS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "web_searches",
)


class ActivityStatus(StrEnum):
    STARTED = "started"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Whoever served it died or fell silent; nobody knows how it ended."""


class AttemptState(StrEnum):
    SETTLED = "settled"
    EXPIRED = "expired"
    """Nobody settled it in time: its estimate is charged."""
    LATE = "late"
    """Settled after it had expired; the truth replaced the estimate."""


class Span(StrEnum):
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    """One ended lease. Names are those of the `Attempt` columns."""

    lease_id: str
    pool_id: uuid.UUID
    account_id: uuid.UUID
    state: AttemptState
    entry: str
    usage_day: date
    granted_at: datetime
    activity_id: uuid.UUID | None = None
    access_key: str = ""
    session: str = ""
    number: int = 0
    model: str = ""
    group: str = ""
    counted_requests: int = 1
    tokens: int = 0
    cost_nano: int = 0
    estimated_tokens: int = 0
    estimated_cost_nano: int = 0
    price_known: bool = True
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    web_searches: int = 0
    verdict: str = ""
    outcome: str = ""
    why: str = ""
    status: int | None = None
    request_id: str = ""
    started_at: datetime | None = None
    first_content_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def rank(self) -> tuple[bool, tuple[int, int]]:
        return (self.state != AttemptState.EXPIRED, entry_order(self.entry))

    def join(self, other: "AttemptFacts") -> "AttemptFacts":
        """See Note [Joining]. The truth beats the estimate, the later entry the earlier."""
        return max(self, other, key=lambda facts: facts.rank)


# A request's stages, in the order in which they beat each other. A call that expired says that its holder died, until
# a sign of life of the same or of a later call says otherwise; the end beats everything.
STARTED: Final = 1
ENDED: Final = 1 << 30


def fell_silent(number: int) -> int:
    """Give the stage of a request whose call `number` expired."""
    return 2 * number + 2


def alive(number: int) -> int:
    """Give the stage of a request whose call `number` ended, as its holder told."""
    return 2 * number + 3


_HEAD: Final = ("source", "model", "category", "session", "access_key", "stream", "agent", "parent_agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFacts:
    """One request as far as it is known. Names are those of the `Activity` columns."""

    id: uuid.UUID
    pool_id: uuid.UUID
    status: ActivityStatus
    stage: int
    stage_entry: str
    started_at: datetime
    seen_at: datetime
    source: str = ""
    model: str = ""
    category: str = ""
    session: str = ""
    access_key: str = ""
    stream: bool = False
    agent: str = ""
    parent_agent: str = ""
    attempts: int = 0
    account_id: uuid.UUID | None = None
    served_model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    web_searches: int = 0
    cost_nano: int = 0
    price_known: bool = True
    decision: tuple[str, ...] = ()
    request_id: str = ""
    error_type: str = ""
    error_message: str = ""
    ended_at: datetime | None = None
    moved_from_id: uuid.UUID | None = None
    move_cost_nano: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "decision", tuple(self.decision))  # the database gives a list

    @property
    def rank(self) -> tuple[int, tuple[int, int]]:
        return (self.stage, entry_order(self.stage_entry))

    @property
    def head(self) -> tuple[Any, ...]:
        """What only the beginning tells. Facts without a source know at most the model."""
        return tuple(getattr(self, name) for name in _HEAD)

    def join(self, other: "ActivityFacts") -> "ActivityFacts":
        """See Note [Joining]. The later stage tells how it stands, the beginning what was asked."""
        return replace(
            max(self, other, key=lambda facts: facts.rank),
            **dict(zip(_HEAD, max(self.head, other.head), strict=True)),
            attempts=max(self.attempts, other.attempts),
            started_at=min(self.started_at, other.started_at),
            seen_at=max(self.seen_at, other.seen_at),
        )


@dataclass(frozen=True, slots=True, order=True)
class RollupKey:
    """Which row of the rollups. Ordered, so that everybody locks rows in the same order."""

    account_id: uuid.UUID
    span: Span
    starts_at: datetime
    model: str
    pool_id: uuid.UUID
    access_key: str = ""


@dataclass(frozen=True, slots=True, order=True)
class SessionKey:
    """Which row of the sessions' rollups. The same name under two access keys is two sessions."""

    session: str
    access_key: str
    starts_at: datetime
    pool_id: uuid.UUID


AMOUNTS: Final = (
    "attempts",
    "requests",
    "failures",
    "expired",
    "unpriced",
    "tokens",
    "cost_nano",
    *TOKEN_KINDS,
)
"""Columns of a rollup that add up."""
Amounts = tuple[int, ...]
FAILED_VERDICTS: Final = frozenset({"failure", "overloaded", "rejected"})
"""Those that count against the breaker."""


def entry_order(entry: str) -> tuple[int, int]:
    """Order stream ids as the stream does: `5-10` comes after `5-9`. No id comes before all."""
    at, _, sequence = entry.partition("-")
    return (int(at or 0), int(sequence or 0))


def rollups_of(attempt: AttemptFacts) -> dict[RollupKey, Amounts]:
    """What one call adds to the rollups: its hour by the time of its grant, its day by the day it counts against."""
    hour = attempt.granted_at.replace(minute=0, second=0, microsecond=0)
    day = datetime.combine(attempt.usage_day, datetime.min.time(), tzinfo=UTC)
    amounts = _amounts(attempt)
    keys = (
        RollupKey(attempt.account_id, span, starts_at, attempt.model, attempt.pool_id, attempt.access_key)
        for span, starts_at in ((Span.HOUR, hour), (Span.DAY, day))
    )
    return dict.fromkeys(keys, amounts)


def sessions_of(attempt: AttemptFacts) -> dict[SessionKey, Amounts]:
    """What one call adds to its session's UTC day; nothing if it belongs to none."""
    if not attempt.session:
        return {}
    day = datetime.combine(attempt.usage_day, datetime.min.time(), tzinfo=UTC)
    return {SessionKey(attempt.session, attempt.access_key, day, attempt.pool_id): _amounts(attempt)}


Changes = Iterable[tuple[AttemptFacts | None, AttemptFacts]]
Key = TypeVar("Key", RollupKey, SessionKey)


def rollup_deltas(changes: Changes) -> dict[RollupKey, Amounts]:
    """What changed in the rollups: the new minus the old, where something is left of it."""
    return _deltas(changes, rollups_of)


def session_deltas(changes: Changes) -> dict[SessionKey, Amounts]:
    """The same for the sessions' rollups."""
    return _deltas(changes, sessions_of)


def _deltas(changes: Changes, parts_of: Callable[[AttemptFacts], Mapping[Key, Amounts]]) -> dict[Key, Amounts]:
    total: dict[Key, Amounts] = {}
    for old, new in changes:
        _add(total, parts_of(new), sign=1)
        _add(total, parts_of(old) if old else {}, sign=-1)
    return {key: amounts for key, amounts in total.items() if any(amounts)}


def _add(total: dict[Key, Amounts], parts: Mapping[Key, Amounts], *, sign: int) -> None:
    for key, amounts in parts.items():
        before = total.get(key, (0,) * len(AMOUNTS))
        total[key] = tuple(a + sign * b for a, b in zip(before, amounts, strict=True))


def _amounts(attempt: AttemptFacts) -> Amounts:
    return (
        1,
        attempt.counted_requests,
        int(attempt.verdict in FAILED_VERDICTS),
        int(attempt.state == AttemptState.EXPIRED),
        int(not attempt.price_known),
        attempt.tokens,
        attempt.cost_nano,
        *(getattr(attempt, kind) for kind in TOKEN_KINDS),
    )
