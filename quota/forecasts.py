"""Forecasts of a pool's limits from the rollups: for the texts of alerts, the admin site and REST."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import Any, Final, cast

from django.db.models import Sum

from quota.alert_store import Explain
from quota.alerting.findings import Watched, watched_limits
from quota.alerting.forecast import Forecast, forecast, said
from quota.alerting.values import CauseKind, Finding, Level, Scene, Subject
from quota.alerting.wording import limit_name
from quota.engine.calendar import day_end_ms, day_of, month_end_ms, month_of
from quota.engine.types import Limit, Metric, Window
from quota.engine.views import PoolSnapshot
from quota.facts import Span
from quota.models import UsageRollup

HOURS: Final = 6
DAYS: Final = 7
_SPANS: Final = {Window.DAY: (Span.HOUR, timedelta(hours=1), HOURS), Window.MONTH: (Span.DAY, timedelta(days=1), DAYS)}
_SINCE: Final = {Window.DAY: f"the last {HOURS} hours", Window.MONTH: f"the last {DAYS} days"}
_COLUMNS: Final = {Metric.REQUESTS: "requests", Metric.TOKENS: "tokens", Metric.COST: "cost_nano"}

Key = tuple[Subject, str, Metric, Window]


@dataclass(frozen=True, slots=True)
class Outlook:
    """One limit, how much of it is gone (reserved, too), when it runs out, and when it is whole again."""

    subject: Subject
    id: str
    name: str
    title: str
    limit: Limit
    used: int
    resets_ms: int
    forecast: Forecast
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """What was used in each whole hour or day before `now`, oldest first."""

    now: datetime
    used: Mapping[Key, Sequence[int]]

    def forecast(self, subject: Subject, id_: str, limit: Limit, *, used: int) -> Forecast | None:
        """None for a limit per minute, which says nothing about later."""
        if limit.window not in _SPANS:
            return None
        now_ms = _ms(self.now)
        span = _SPANS[limit.window][1]
        return forecast(
            self.used.get((subject, id_, limit.metric, limit.window), ()),
            span_ms=span // timedelta(milliseconds=1),
            left=limit.amount - used,
            now_ms=now_ms,
            resets_ms=_resets_ms(limit.window, now_ms),
        )


def read_history(pool_id: uuid.UUID, *, now: datetime, account: uuid.UUID | None = None) -> History:
    """Two queries, whatever the pool's size; of one account only, if one is named."""
    rollups = (
        UsageRollup.objects.filter(pool=pool_id) if account is None else UsageRollup.objects.filter(account=account)
    )
    used: dict[Key, list[int]] = {}
    for window, (span, length, count) in _SPANS.items():
        begin = _floor(now, length) - count * length
        rows = rollups.filter(span=span, starts_at__gte=begin, starts_at__lt=begin + count * length)
        sums = {f"sum_{metric}": Sum(column) for metric, column in _COLUMNS.items()}
        grouped = rows.order_by().values("account_id", "access_key", "starts_at").annotate(**sums)
        for row in cast("Iterable[dict[str, Any]]", grouped):
            at = (row["starts_at"] - begin) // length
            for subject, id_ in _owners(pool_id, row["account_id"], row["access_key"]):
                for metric in _COLUMNS:
                    spans = used.setdefault((subject, id_, metric, window), [0] * count)
                    spans[at] += row[f"sum_{metric}"]
    return History(now, used)


def explain_with(pool_id: uuid.UUID, *, now: datetime) -> Explain:
    """What to add to a warning; the history is read when first needed."""
    history = cache(partial(read_history, pool_id, now=now))

    def explain(finding: Finding) -> str:
        cause, limit = finding.cause, finding.limit
        if cause.kind is not CauseKind.LIMIT or limit is None or finding.level is Level.EXHAUSTED:
            return ""
        if limit.window not in _SPANS:
            return ""
        seen = history().forecast(cause.subject, cause.id, limit, used=finding.used)
        return said(seen, now_ms=_ms(now), since=_SINCE[limit.window]) if seen else ""

    return explain


def outlooks(scene: Scene, snapshot: PoolSnapshot, history: History) -> tuple[Outlook, ...]:
    """Every limit per day and month of the scene's accounts, its access keys and the pool as a whole, by name. Pure."""
    found = (outlook_of(one, history) for one in watched_limits(scene, snapshot))
    return tuple(sorted(filter(None, found), key=lambda outlook: (outlook.subject, outlook.name)))


def outlook_of(one: Watched, history: History) -> Outlook | None:
    """The outlook of one limit; None for one per minute."""
    limit, used = one.state.limit, one.state.used + one.state.reserved
    seen = history.forecast(one.subject, one.id, limit, used=used)
    if seen is None:
        return None
    text = said(seen, now_ms=_ms(history.now), since=_SINCE[limit.window])
    return Outlook(
        subject=one.subject,
        id=one.id,
        name=one.name,
        title=one.what + limit_name(limit),
        limit=limit,
        used=used,
        resets_ms=_resets_ms(limit.window, _ms(history.now)),
        forecast=seen,
        text=text,
    )


def _owners(pool_id: uuid.UUID, account: uuid.UUID, key: str) -> list[tuple[Subject, str]]:
    owners = [(Subject.ACCOUNT, str(account)), (Subject.POOL, str(pool_id))]
    return [*owners, (Subject.ACCESS_KEY, key)] if key else owners


def _floor(now: datetime, length: timedelta) -> datetime:
    epoch = datetime.combine(date(1970, 1, 1), datetime.min.time(), tzinfo=UTC)
    return now - (now - epoch) % length


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000)


def _resets_ms(window: Window, now_ms: int) -> int:
    day = day_of(now_ms)
    return day_end_ms(day) if window is Window.DAY else month_end_ms(month_of(day))
