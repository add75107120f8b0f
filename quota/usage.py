"""What an account, a pool or an access key used in a period, from the rollups alone: it costs the same whether the log
holds ten rows or many millions.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Sum

from accounts.models import ClaudeAccount
from accounts.money import from_nano
from quota.closed_days import Fetch, closed_days
from quota.facts import AMOUNTS, TOKEN_KINDS, Span
from quota.models import UsageRollup

if TYPE_CHECKING:
    from django.db.models import QuerySet

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
SHARES_MAX: Final = 50
"""So many of the dearest are named; the rest is left out."""


class Period(StrEnum):
    """How far back."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


@dataclass(frozen=True, slots=True)
class Shape:
    """So many steps of this length; the last one is the present hour or UTC day."""

    span: Span
    step: timedelta
    steps: int

    def starts(self, now: datetime) -> tuple[datetime, ...]:
        """The beginnings of the steps, oldest first."""
        now = now.astimezone(UTC)
        hour = now.hour if self.span is Span.HOUR else 0
        last = now.replace(hour=hour, minute=0, second=0, microsecond=0)
        return tuple(last - self.step * back for back in reversed(range(self.steps)))


SHAPES: Final[Mapping[Period, Shape]] = {
    Period.DAY: Shape(Span.HOUR, _HOUR, 24),
    Period.WEEK: Shape(Span.DAY, _DAY, 7),
    Period.MONTH: Shape(Span.DAY, _DAY, 30),
}


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums. `tokens` is what counted against limits; `unpriced` calls were charged at the dearest known price."""

    attempts: int
    requests: int
    failures: int
    expired: int
    unpriced: int
    tokens: int
    cost: Decimal
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    web_searches: int


@dataclass(frozen=True, slots=True)
class Step:
    """One hour or day."""

    starts_at: datetime
    spent: Spent


@dataclass(frozen=True, slots=True)
class OfModel:
    """One model's share."""

    model: str
    spent: Spent


@dataclass(frozen=True, slots=True)
class Usage:
    """A period, in all, step by step (the empty ones too) and model by model, the dearest first."""

    period: Period
    starts_at: datetime
    ends_at: datetime
    total: Spent
    series: tuple[Step, ...]
    models: tuple[OfModel, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What one account, pool or access key (by its id) used of the whole; cost in nano-dollars."""

    key: str
    requests: int
    tokens: int
    cost_nano: int


Sums = tuple[int, ...]
_NOTHING: Final[Sums] = (0,) * len(AMOUNTS)


def usage_of(account: ClaudeAccount, *, period: Period, now: datetime) -> Usage:
    """What an account used. One query."""
    return usage_in(UsageRollup.objects.filter(account=account), period=period, now=now)


def usage_in(rollups: "QuerySet[UsageRollup]", *, period: Period, now: datetime, many: str = "") -> Usage:
    """What these rollups come to: one query, whose answer has at most 30 steps times the models used.

    `many` names what they are of if that is many accounts: days that have ended are then remembered for a minute.
    """
    sums = {f"sum_{name}": Sum(name) for name in AMOUNTS}

    def fetch(rows: "QuerySet[UsageRollup]") -> list[Any]:
        return list(rows.values("starts_at", "model").annotate(**sums).values_list("starts_at", "model", *sums))

    listed = _fetched(rollups, fetch, period=period, now=now, many=(many, "model"))
    return summed(listed, period=period, starts=SHAPES[period].starts(now), now=now)


def shares_in(
    rollups: "QuerySet[UsageRollup]", column: str, *, period: Period, now: datetime, many: str = ""
) -> list[Share]:
    """Who used how much of it, by a column of ids; the dearest first. One query. `many`: as in `usage_in`."""

    def fetch(rows: "QuerySet[UsageRollup]") -> list[Any]:
        sums = rows.values(column).annotate(r=Sum("requests"), t=Sum("tokens"), c=Sum("cost_nano"))
        return list(sums.values_list(column, "r", "t", "c"))

    total: dict[str, Sums] = defaultdict(lambda: (0, 0, 0))
    for key, *amounts in _fetched(rollups, fetch, period=period, now=now, many=(many, column)):
        total[str(key)] = _plus(total[str(key)], tuple(amounts))
    ordered = sorted(total.items(), key=lambda item: (-item[1][2], item[0]))
    return [Share(key, *amounts) for key, amounts in ordered[:SHARES_MAX]]


def _fetched(
    rollups: "QuerySet[UsageRollup]", fetch: Fetch, *, period: Period, now: datetime, many: tuple[str, str]
) -> list[Any]:
    rows = within(rollups, period=period, now=now)
    if not many[0] or SHAPES[period].span is Span.HOUR:
        return fetch(rows)
    return closed_days.fetch(rows, fetch, key=(*many, period.value), now=now)


def within(rollups: "QuerySet[UsageRollup]", *, period: Period, now: datetime) -> "QuerySet[UsageRollup]":
    """Those of the period, in no order."""
    shape = SHAPES[period]
    begin = shape.starts(now)[0]
    return rollups.filter(span=shape.span, starts_at__gte=begin, starts_at__lte=now).order_by()


def rollups_of(*, pool: uuid.UUID | None = None, access_key: str = "") -> "QuerySet[UsageRollup]":
    """Those of a pool, of an access key, or all."""
    rows = UsageRollup.objects.all()
    if pool is not None:
        rows = rows.filter(pool=pool)
    return rows.filter(access_key=access_key) if access_key else rows


def summed(
    rows: Iterable[tuple[datetime, str, *tuple[int, ...]]],
    *,
    period: Period,
    starts: tuple[datetime, ...],
    now: datetime,
) -> Usage:
    """Add rollups up, by step and by model. Pure."""
    by_step: dict[datetime, Sums] = defaultdict(lambda: _NOTHING)
    by_model: dict[str, Sums] = defaultdict(lambda: _NOTHING)
    for start, model, *amounts in rows:
        by_step[start] = _plus(by_step[start], tuple(amounts))
        by_model[model] = _plus(by_model[model], tuple(amounts))
    cost = AMOUNTS.index("cost_nano")
    ordered = sorted(by_model.items(), key=lambda item: (-item[1][cost], item[0]))
    return Usage(
        period=period,
        starts_at=starts[0],
        ends_at=now,
        total=_spent(_all(by_model.values())),
        series=tuple(Step(start, _spent(by_step[start])) for start in starts),
        models=tuple(OfModel(model, _spent(amounts)) for model, amounts in ordered),
    )


def _plus(one: Sums, other: Sums) -> Sums:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _all(many: Iterable[Sums]) -> Sums:
    total = _NOTHING
    for one in many:
        total = _plus(total, one)
    return total


def _spent(amounts: Sums) -> Spent:
    named = dict(zip(AMOUNTS, amounts, strict=True))
    counts = {name: named[name] for name in ("attempts", "requests", "failures", "expired", "unpriced", "tokens")}
    return Spent(**counts, cost=from_nano(named["cost_nano"]), **{kind: named[kind] for kind in TOKEN_KINDS})
