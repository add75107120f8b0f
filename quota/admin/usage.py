"""Usage pages: of an account, an access key, a pool, or all; for a period, as charts, tables and CSV."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts.models import AccessKey, ClaudeAccount, Pool
from quota.admin.csv_answer import csv_answer
from quota.amounts import dollars, nano_dollars, short
from quota.charts import Chart, bars
from quota.usage import Period, Share, Spent, Usage, shares_in, usage_in, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from quota.csv_export import Cell
    from quota.models import UsageRollup

PERMISSION: Final = "quota.view_usagerollup"
_CSV: Final = ("starts_at", "span", "account_id", "model", "access_key", "requests", "failures", "expired", "tokens")
_FORMAT: Final = {Period.DAY: "%H:%M", Period.WEEK: "%d %b", Period.MONTH: "%d %b"}
_NAMED: Final = {"account_id": ClaudeAccount, "access_key": AccessKey, "pool_id": Pool}
_TITLES: Final = {"account_id": "account", "access_key": "access key", "pool_id": "pool"}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose usage: its rollups, and by which columns of ids the shares are told."""

    title: str
    file: str
    rollups: QuerySet[UsageRollup]
    shared_by: Sequence[str]
    back: str = ""
    many: str = ""
    """Its name, if it is many accounts; see `usage_in`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One look at it."""

    subject: Subject
    period: Period
    now: datetime


class UsagePages:
    """For a ModelAdmin: each row's usage page, at `usage/` behind its address."""

    admin_site: Any
    opts: Any

    def usage_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.usage_view)
        return [path("<uuid:object_id>/usage/", view, name=f"{self.opts.app_label}_{self.opts.model_name}_usage")]

    def usage_view(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponseBase:
        row = self.get_object(request, str(object_id))  # type: ignore[attr-defined] # ModelAdmin's
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):  # type: ignore[attr-defined]
            raise PermissionDenied
        return usage_page(request, self.usage_subject(row), site=self.admin_site)

    def usage_subject(self, row: Any) -> Subject:  # noqa: ANN401 - a row of the admin class's model
        raise NotImplementedError


def usage_page(request: HttpRequest, subject: Subject, *, site: Any) -> HttpResponseBase:  # noqa: ANN401 - an AdminSite
    """The page, or the file if `?format=csv` is asked for."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    asked = Asked(subject, period_of(request), datetime.now(tz=UTC))
    if request.GET.get("format") == "csv":
        return _file(request, asked)
    return _page(request, asked, site)


def period_of(request: HttpRequest) -> Period:
    """What `?period=` says; a day for anything odd."""
    asked = request.GET.get("period", "")
    return Period(asked) if asked in set(Period) else Period.DAY


def charts_of(usage: Usage) -> tuple[Chart, ...]:
    """Requests, tokens and cost by the hour or the day (UTC)."""
    labels = [f"{step.starts_at:{_FORMAT[usage.period]}}" for step in usage.series]
    spent = [step.spent for step in usage.series]
    total = usage.total
    return (
        bars(title="requests", total=short(total.requests), labels=labels, values=[one.requests for one in spent]),
        bars(title="tokens", total=short(total.tokens), labels=labels, values=[one.tokens for one in spent]),
        bars(title="cost (USD)", total=dollars(total.cost), labels=labels, values=[one.cost for one in spent]),
    )


def _page(request: HttpRequest, asked: Asked, site: Any) -> HttpResponse:  # noqa: ANN401
    subject, period = asked.subject, asked.period
    usage = usage_in(subject.rollups, period=period, now=asked.now, many=subject.many)
    context = {
        **site.each_context(request),
        "title": subject.title,
        "back": subject.back,
        "period": period,
        "periods": list(Period),
        "usage": usage,
        "charts": charts_of(usage),
        "models": {"headers": _HEADERS, "rows": [[one.model or "–", *_figures(one.spent)] for one in usage.models]},
        "shares": [_shares(asked, column) for column in subject.shared_by],
        "steps": _steps(usage),
    }
    return TemplateResponse(request, "admin/quota/usage.html", context)


_HEADERS: Final = ("model", "requests", "failures", "tokens", "cache read", "output", "cost")


def _figures(spent: Spent) -> list[str]:
    counts = (spent.requests, spent.failures, spent.tokens, spent.cache_read_tokens, spent.output_tokens)
    return [*(f"{count:,}" for count in counts), dollars(spent.cost)]


def _steps(usage: Usage) -> dict[str, Any]:
    """The busy steps, latest first."""
    headers = ("from (UTC)", *_HEADERS[1:])
    busy = [step for step in reversed(usage.series) if step.spent.attempts]
    return {"headers": headers, "rows": [[f"{step.starts_at:%Y-%m-%d %H:%M}", *_figures(step.spent)] for step in busy]}


def _shares(asked: Asked, column: str) -> dict[str, Any]:
    found = shares_in(asked.subject.rollups, column, period=asked.period, now=asked.now, many=asked.subject.many)
    shares = [share for share in found if share.key]
    names = _names(column, shares)
    figures = [(f"{one.requests:,}", f"{one.tokens:,}", nano_dollars(one.cost_nano)) for one in shares]
    rows = [[names.get(one.key, f"deleted ({one.key})"), *said] for one, said in zip(shares, figures, strict=True)]
    return {"title": f"By {_TITLES[column]}", "table": {"headers": ("", "requests", "tokens", "cost"), "rows": rows}}


def _names(column: str, shares: Sequence[Share]) -> dict[str, str]:
    keys = [share.key for share in shares if _is_id(share.key)]
    rows = _NAMED[column]._default_manager.filter(pk__in=keys)  # noqa: SLF001 - Django's name for it
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _file(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    rows = within(asked.subject.rollups, period=asked.period, now=asked.now).order_by("starts_at", "model", "pk")
    return csv_answer(request, f"{asked.subject.file}-{asked.period}", (*_CSV, "cost_usd"), _rows(rows))


def _rows(rollups: QuerySet[UsageRollup]) -> Iterator[Sequence[Cell]]:
    for row in rollups.iterator(chunk_size=1_000):
        yield [*(_plain(getattr(row, name)) for name in _CSV), row.cost]


def _plain(value: Any) -> Cell:  # noqa: ANN401 - of a row
    return str(value) if isinstance(value, uuid.UUID) else value
