"""Alerts: what deserves attention, what it was, and who has taken note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts.models import Pool
from quota import alerts as service
from quota.admin.reading import NOTHING, ReadOnlyAdmin, display, name_of
from quota.alerting.values import Level
from quota.models import QuotaAlert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

COLOURS = {Level.WARNING: "warning", Level.CRITICAL: "danger", Level.EXHAUSTED: "danger", "resolved": "success"}


class StateFilter(admin.SimpleListFilter):
    """Open ones, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, *_: object) -> list[tuple[str, str]]:
        return [("resolved", "resolved"), ("all", "all")]

    def choices(self, changelist: Any) -> Iterator[Any]:  # noqa: ANN401 - Django's own
        first, *rest = super().choices(changelist)
        yield from ({**first, "display": "open"}, *rest)

    def queryset(self, request: HttpRequest, queryset: QuerySet[QuotaAlert]) -> QuerySet[QuotaAlert]:  # noqa: ARG002 - Django's signature
        # The page of one alert comes by here too, without the list's parameters.
        if self.value() == "all":
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() != "resolved")


@admin.register(QuotaAlert)
class QuotaAlertAdmin(ReadOnlyAdmin):
    actions = ("acknowledge",)
    empty_says = "No alert is open."
    empty_link = False
    list_display = ("opened_at", "shown_level", "title", "shown_pool", "shown_text", "until_at", "shown_note")
    list_filter = (StateFilter, "level", "kind", "pool")
    search_fields = ("title", "subject_id", "subject_name")
    fieldsets: ClassVar = (
        (None, {"fields": ("title", "shown_level", "text")}),
        ("About", {"fields": (("shown_pool", "subject", "subject_name"), ("kind", "detail"))}),
        ("When", {"fields": (("opened_at", "until_at", "resolved_at"), ("acknowledged_at", "acknowledged_by"))}),
        ("History", {"fields": ("shown_history",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuotaAlert]:
        rows: QuerySet[QuotaAlert] = ModelAdmin.get_queryset(self, request)
        return rows.annotate(pool_name=name_of(Pool, "pool_id"))

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("quota.change_quotaalert")

    @action(description="Acknowledge the selected alerts", permissions=["acknowledge"])  # type: ignore[untyped-decorator]
    def acknowledge(self, request: HttpRequest, alerts: QuerySet[QuotaAlert]) -> None:
        now, by = timezone.now(), request.user.get_username()
        changed = sum(service.acknowledge(alert, by=by, now=now) for alert in alerts)
        self.message_user(request, f"{changed} acknowledged.", messages.SUCCESS)

    @display(description="level", ordering="level", label=COLOURS)
    def shown_level(self, row: QuotaAlert) -> tuple[str, str]:
        return ("resolved", f"resolved ({row.level})") if row.resolved_at else (row.level, row.level)

    @display(description="what")
    def shown_text(self, row: QuotaAlert) -> str:
        return row.text

    @display(description="acknowledged", ordering="acknowledged_at")
    def shown_note(self, row: QuotaAlert) -> str:
        return f"by {row.acknowledged_by}" if row.acknowledged_at else NOTHING

    @display(description="steps")
    def shown_history(self, row: QuotaAlert) -> SafeString:
        steps = (
            (f"{step.at:%Y-%m-%d %H:%M:%S}", step.kind, step.level, step.by, step.text) for step in row.history.all()
        )
        return format_html_join("", "<p>{} UTC: {} ({}) {} {}</p>", steps)
