"""The admin site's first page: how the pools stand, what they use, what went wrong, what happened last."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse

from accounts.models import AccessKey, Pool
from accounts.money import from_nano
from quota.admin.activities import COLOURS
from quota.admin.alerts import COLOURS as ALERT_COLOURS
from quota.admin.bars import limit_bars
from quota.admin.reading import NOTHING, took
from quota.admin.usage import charts_of, period_of
from quota.amounts import dollars, nano_dollars, short
from quota.board import Looks, trouble_of
from quota.charts import Chart, bars
from quota.engine.types import Metric
from quota.last_events import EVENT_TONES, Happened, last_events
from quota.last_hour import Minute, hourly_rates, last_hour, troubles
from quota.models import Activity, QuotaAlert
from quota.outlook import pool_line
from quota.overview import AccountSeen, PoolSeen, overview
from quota.usage import SHAPES, Period, rollups_of, usage_in

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest

_HOUR: Final = "1h"
_LATEST: Final = 8
_ALERTS: Final = 5
_CARDS: Final = 12
"""Accounts shown of a pool."""
_SEEN: Final = ("accounts.view_claudeaccount", "accounts.view_pool", "quota.view_activity", "quota.view_usagerollup")


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """For the skin's `DASHBOARD_CALLBACK`."""
    if not request.user.has_perms(_SEEN):
        return {**context, "may_see": False}
    now = datetime.now(tz=UTC)
    pools = list(Pool.objects.order_by("name"))
    pool = _chosen(request, pools)
    chosen = [pool] if pool else pools
    found = Looks().at(one.pk for one in chosen)
    seen, rates = overview(chosen, found, shown=_CARDS), hourly_rates(now=now)
    return {
        **context,
        "may_see": True,
        "now": now,
        "pools": pools,
        "chosen_pool": pool,
        "trouble": trouble_of(found),
        "shown_pools": [
            (one, _line(one, rates.get(one.pool.pk)), [_card(card, one) for card in one.accounts]) for one in seen
        ],
        "base_url": request.build_absolute_uri("/").rstrip("/"),
        "has_accounts": any(one.total for one in seen),
        "has_keys": AccessKey.objects.usable(now=now).exists(),
        **_figures(request, pool.pk if pool else None, now, many=",".join(str(one.pk) for one in chosen)),
        "latest": _latest(pool.pk if pool else None),
        **_alerts(request, pool.pk if pool else None),
        "events": [_event(one) for one in last_events([one.pk for one in chosen], most=_LATEST)],
    }


def _chosen(request: HttpRequest, pools: list[Pool]) -> Pool | None:
    asked = request.GET.get("pool", "")
    return next((pool for pool in pools if str(pool.pk) == asked), None)


def _figures(request: HttpRequest, pool: uuid.UUID | None, now: datetime, *, many: str) -> dict[str, Any]:
    period: Period | str = _HOUR if request.GET.get("period", _HOUR) == _HOUR else period_of(request)
    if isinstance(period, Period):
        charts = charts_of(usage_in(rollups_of(pool=pool), period=period, now=now, many=many))
        since = SHAPES[period].starts(now)[0]
    else:
        charts, since = _hour(pool, now)
    wrong = troubles(pool=pool, since=since)
    periods = [{"value": _HOUR}, *({"value": one.value} for one in Period)]
    return {"charts": charts, "troubles": wrong, "periods": periods, "period": {"value": str(period)}}


def _hour(pool: uuid.UUID | None, now: datetime) -> tuple[tuple[Chart, ...], datetime]:
    minutes = last_hour(pool=pool, now=now)
    labels = [f"{minute.starts_at:%H:%M}" for minute in minutes]
    requests, tokens = [one.requests for one in minutes], [one.tokens for one in minutes]
    costs = [one.cost_nano for one in minutes]
    charts = (
        bars(title="requests", total=short(sum(requests)), labels=labels, values=requests),
        bars(title="tokens", total=short(sum(tokens)), labels=labels, values=tokens),
        bars(
            title="cost (USD)", total=nano_dollars(sum(costs)), labels=labels, values=[from_nano(one) for one in costs]
        ),
    )
    return charts, minutes[0].starts_at


def _line(one: PoolSeen, used: Minute | None) -> str:
    if one.snapshot is None:
        return "nobody knows how its accounts stand" if one.total else "no accounts yet"
    rates = {Metric.REQUESTS: used.requests, Metric.TOKENS: used.tokens, Metric.COST: used.cost_nano} if used else {}
    return pool_line(one.states, serving=one.serving, used=rates, now_ms=one.snapshot.now_ms)


def _card(one: AccountSeen, pool: PoolSeen) -> dict[str, Any]:
    """One account's card. Figures are those of this UTC day."""
    account, state = one.account, one.card.state
    now_ms = pool.snapshot.now_ms if pool.snapshot else 0
    figures = (
        (f"{short(state.day_requests)} requests", f"{short(state.day_tokens)} tokens", nano_dollars(state.day_cost))
        if state
        else ()
    )
    return {
        "name": account.name,
        "page": reverse("admin:accounts_claudeaccount_change", args=[account.pk]),
        "status": one.card.status,
        "tone": one.card.status.tone.value,
        "is_next": one.card.is_next,
        "in_flight": state.in_flight if state else None,
        "cap": account.max_concurrency,
        "today": " · ".join(figures) or NOTHING,
        "bars": limit_bars(state.limits, now_ms=now_ms) if state and state.limits else "",
    }


def _alerts(request: HttpRequest, pool: uuid.UUID | None) -> dict[str, Any]:
    """The open ones, newest first, and how many there are."""
    if not request.user.has_perm("quota.view_quotaalert"):
        return {"alerts": None}
    alerts = QuotaAlert.objects.open()
    rows = list((alerts if pool is None else alerts.filter(pool=pool))[: _ALERTS + 1])
    return {
        "alerts": [{"row": row, "tone": ALERT_COLOURS.get(row.level, "info")} for row in rows[:_ALERTS]],
        "more_alerts": len(rows) > _ALERTS,
    }


def _event(one: Happened) -> dict[str, Any]:
    return {"at": one.at, "text": one.text, "tone": EVENT_TONES.get(one.kind, "info")}


def _latest(pool: uuid.UUID | None) -> list[dict[str, Any]]:
    """The latest requests, by an index."""
    rows = Activity.objects.all() if pool is None else Activity.objects.filter(pool=pool)
    return [_request(row) for row in rows.order_by("-started_at")[:_LATEST]]


def _request(row: Activity) -> dict[str, Any]:
    return {
        "page": reverse("admin:quota_activity_change", args=[row.pk]),
        "at": row.started_at,
        "status": row.status,
        "tone": COLOURS.get(row.status, "info"),  # type: ignore[call-overload]
        "model": row.served_model or row.model or NOTHING,
        "took": took(row.started_at, row.ended_at),
        "cost": dollars(row.cost) if row.ended_at else NOTHING,
        "error": row.error_type,
        "calls": row.attempts,
    }
