"""The last hour minute by minute, and what went wrong in a period: the two questions that rollups cannot answer.

Both read the ledger through an index and no more of it than they tell of.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Sum
from django.db.models.functions import TruncMinute

from quota.models import Attempt
from quota.models.attempts import FAILED

if TYPE_CHECKING:
    from django.db.models import QuerySet

MINUTES: Final = 60
KINDS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Minute:
    """What began in it; cost in nano-dollars."""

    starts_at: datetime
    requests: int = 0
    tokens: int = 0
    cost_nano: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """How often calls ended so."""

    outcome: str
    calls: int


def last_hour(*, pool: uuid.UUID | None, now: datetime) -> tuple[Minute, ...]:
    """Sixty minutes, oldest first, the empty ones too. One query."""
    last = now.astimezone(UTC).replace(second=0, microsecond=0)
    starts = [last - timedelta(minutes=back) for back in reversed(range(MINUTES))]
    rows = _of(pool).filter(granted_at__gte=starts[0]).order_by().annotate(minute=TruncMinute("granted_at", tzinfo=UTC))
    sums = rows.values("minute").annotate(r=Sum("counted_requests"), t=Sum("tokens"), c=Sum("cost_nano"))
    found = {row["minute"]: Minute(row["minute"], row["r"], row["t"], row["c"]) for row in sums}
    return tuple(found.get(start, Minute(start)) for start in starts)


def hourly_rates(*, now: datetime) -> Mapping[uuid.UUID, Minute]:
    """What each pool used in the last sixty minutes, in all. One query."""
    begin = now - timedelta(minutes=MINUTES)
    rows = Attempt.objects.filter(granted_at__gte=begin).order_by().values("pool_id")
    sums = rows.annotate(r=Sum("counted_requests"), t=Sum("tokens"), c=Sum("cost_nano"))
    return {row["pool_id"]: Minute(begin, row["r"], row["t"], row["c"]) for row in sums}


def troubles(*, pool: uuid.UUID | None, since: datetime) -> list[Trouble]:
    """Failed calls by how they failed, the most frequent first. One query."""
    rows = _of(pool).filter(FAILED, granted_at__gte=since).order_by().values("outcome")
    counted = rows.annotate(n=Count("pk")).order_by("-n", "outcome")[:KINDS_MAX]
    return [Trouble(row["outcome"] or "unknown", row["n"]) for row in counted]


def _of(pool: uuid.UUID | None) -> "QuerySet[Attempt]":
    return Attempt.objects.all() if pool is None else Attempt.objects.filter(pool=pool)
