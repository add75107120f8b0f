"""What all pools used in a period, by account and model, from the rollups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Sum

from accounts.models import ClaudeAccount, Pool
from accounts.money import from_nano
from quota.facts import AMOUNTS
from quota.models import UsageRollup
from quota.usage import SHAPES, Period, Spent

GONE = "(deleted)"


@dataclass(frozen=True, slots=True)
class Line:
    """One account's use of one model."""

    pool: str
    account: str
    model: str
    spent: Spent


@dataclass(frozen=True, slots=True)
class Report:
    """A period, the dearest lines first, and their sum."""

    period: Period
    starts_at: datetime
    ends_at: datetime
    lines: tuple[Line, ...]
    total: Spent


def report(*, period: Period, now: datetime, pool: Pool | None = None) -> Report:
    """Sum up whole hours (24h) or UTC days (7d, 30d), the present one included."""
    shape = SHAPES[period]
    start = shape.starts(now)[0]
    rows = UsageRollup.objects.filter(span=shape.span, starts_at__gte=start, starts_at__lte=now).order_by()
    if pool is not None:
        rows = rows.filter(pool=pool)
    sums = {f"sum_{name}": Sum(name) for name in AMOUNTS}
    found: list[Mapping[str, Any]] = [*rows.values("pool_id", "account_id", "model").annotate(**sums)]
    names = dict(Pool.objects.values_list("pk", "name")) | dict(ClaudeAccount.objects.values_list("pk", "name"))
    lines = [
        Line(names.get(row["pool_id"], GONE), names.get(row["account_id"], GONE), row["model"], _spent([row]))
        for row in found
    ]
    ordered = sorted(lines, key=lambda line: (-line.spent.cost, line.pool, line.account, line.model))
    return Report(period, start, now, tuple(ordered), _spent(found))


def _spent(rows: Iterable[Mapping[str, Any]]) -> Spent:
    each = list(rows)
    sums = {name: sum(row[f"sum_{name}"] for row in each) for name in AMOUNTS}
    cost = from_nano(sums.pop("cost_nano"))
    return Spent(**sums, cost=cost)
