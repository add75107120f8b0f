"""What accounts spent on this UTC day by the ledger, for when the engine does not tell."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Sum

from quota.facts import Span
from quota.models import UsageRollup


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests sent, tokens, and nano-dollars."""

    requests: int
    tokens: int
    cost_nano: int


def spent_today(accounts: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Spent]:
    """One query."""
    midnight = datetime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = UsageRollup.objects.filter(account__in=accounts, span=Span.DAY, starts_at=midnight).order_by()
    sums = rows.values("account_id").annotate(r=Sum("requests"), t=Sum("tokens"), c=Sum("cost_nano"))
    return {row["account_id"]: Spent(row["r"], row["t"], row["c"]) for row in sums}
