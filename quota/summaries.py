"""What a pool did on the day that has ended, told once, a few minutes into the next one (UTC)."""

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from quota.alerting.findings import Watched
from quota.alerting.values import Subject
from quota.facts import Span
from quota.forecasts import outlook_of, read_history
from quota.models import PoolWatch, QuotaAlert, UsageRollup
from quota.records import DaySummary

SETTLES: Final = timedelta(minutes=5)
"""What ends shortly after midnight still counts for the day before."""
_SHOWN: Final = 20
_SUMS: Final = ("requests", "failures", "tokens", "cost_nano")


def summary_due(pool_id: uuid.UUID, limits: Iterable[Watched], *, now: datetime) -> DaySummary | None:
    """The summary that is to be told now, if one is. Days on which nothing happened and nothing is wrong have none."""
    today = (now - SETTLES).date()
    if not PoolWatch.objects.filter(pk=pool_id, summary_day__lt=today).exists():
        return None
    summary = summary_of(pool_id, today - timedelta(days=1), limits, now=now)
    if summary.requests or summary.open_alerts:
        return summary
    mark_summarized(pool_id, today=today)
    return None


def mark_summarized(pool_id: uuid.UUID, *, today: date) -> None:
    """Note that the days before `today` are told."""
    PoolWatch.objects.filter(pk=pool_id, summary_day__lt=today).update(summary_day=today)


def summary_of(pool_id: uuid.UUID, day: date, limits: Iterable[Watched], *, now: datetime) -> DaySummary:
    """One day of a pool; `limits` are those whose outlook is told, as far as they are the pool's own."""
    begin = datetime.combine(day, time.min, tzinfo=UTC)
    days = UsageRollup.objects.filter(pool=pool_id, span=Span.DAY).order_by()
    sums = _summed(days.filter(starts_at=begin))
    month = _summed(days.filter(starts_at__gte=begin.replace(day=1), starts_at__lte=begin))
    alerts = QuotaAlert.objects.open().filter(pool=pool_id).values_list("title", flat=True)[:_SHOWN]
    history = read_history(pool_id, now=now)
    outlooks = filter(None, (outlook_of(one, history) for one in limits if one.subject is Subject.POOL))
    return DaySummary(
        pool=str(pool_id),
        day=day.isoformat(),
        month_cost_nano=month["cost_nano"],
        open_alerts=tuple(alerts),
        outlook=" ".join(f"{one.limit.metric} per {one.limit.window}: {one.text}" for one in outlooks),
        **sums,
    )


def _summed(rows: QuerySet[UsageRollup]) -> dict[str, Any]:
    return rows.aggregate(**{name: Coalesce(Sum(name), 0) for name in _SUMS})
