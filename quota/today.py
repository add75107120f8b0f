"""What accounts and access keys spent on this UTC day by the ledger, for when the engine does not tell."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet, Sum

from quota.facts import Span
from quota.models import UsageRollup
from quota.times import midnight


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests sent, tokens, and nano-dollars."""

    requests: int
    tokens: int
    cost_nano: int


def spent_today(accounts: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Spent]:
    """One query."""
    rows = _of_today(datetime.now(tz=UTC)).filter(account__in=accounts)
    sums = rows.values("account_id").annotate(r=Sum("requests"), t=Sum("tokens"), c=Sum("cost_nano"))
    return {row["account_id"]: Spent(row["r"], row["t"], row["c"]) for row in sums}


def spent_by_key(key_id: uuid.UUID, *, now: datetime) -> Spent:
    """What an access key spent, whichever account served it. One query."""
    rows = _of_today(now).filter(access_key=str(key_id))
    sums = rows.aggregate(*(Sum(name, default=0) for name in ("requests", "tokens", "cost_nano")))
    return Spent(*sums.values())


def _of_today(now: datetime) -> QuerySet[UsageRollup]:
    return UsageRollup.objects.filter(span=Span.DAY, starts_at=midnight(now)).order_by()
