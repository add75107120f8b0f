"""Pools in the admin site."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.admin.limits import LIMIT_WIDGETS
from accounts.admin.saving import SavesWhatChanged
from accounts.models import AccessKey, Pool
from quota.admin.usage import Subject, UsagePages
from quota.models import UsageRollup


@admin.register(Pool)
class PoolAdmin(UsagePages, SavesWhatChanged, ModelAdmin):  # type: ignore[misc] # unfold is untyped
    formfield_overrides: ClassVar = LIMIT_WIDGETS
    list_display = ("name", "kind", "strategy_name", "affinity", "account_count", "usage")
    list_filter = ("strategy", "simulated")
    search_fields = ("name",)
    readonly_fields = ("simulated", "version", "created_at", "updated_at")
    fieldsets: ClassVar = (
        (None, {"fields": ("name", "strategy", "affinity", "affinity_ttl_seconds")}),
        ("When nobody can serve", {"fields": ("queue_seconds", "queue_size", "degraded")}),
        (
            "Circuit breaker",
            {
                "fields": (
                    "breaker_threshold",
                    "breaker_open_seconds",
                    "breaker_successes",
                    "early_probe",
                    "outage_guard",
                ),
                "description": "Failures in a row set an account aside; after a while one probe decides whether it "
                "comes back.",
            },
        ),
        ("Counting", {"fields": ("learn_limits", "estimate_policy", "count_foreign_usage")}),
        (
            "Alerts",
            {
                "fields": (
                    ("alert_warning_percent", "alert_critical_percent", "alert_exhausted_percent"),
                    "alert_min_serving",
                    ("alert_drift_percent", "alert_drift_dollars", "alert_drift_tokens"),
                ),
                "description": "Shares of each limit of its accounts, of access keys and of the pool as a whole; and "
                "how far Anthropic's count of an account, which organizations' Admin keys tell, may be from ours.",
            },
        ),
        (
            "Budget",
            {
                "fields": (("limit_cost_month", "budget_action"),),
                "description": "What all accounts and access keys together may cost in a calendar month (UTC).",
            },
        ),
        ("Facts", {"fields": ("simulated", "version", "created_at", "updated_at")}),
    )

    def get_urls(self) -> list[URLPattern]:
        return [*self.usage_urls(), *super().get_urls()]

    def usage_subject(self, row: Pool) -> Subject:
        return Subject(
            title=f"Usage of pool {row.name}",
            file=f"usage-pool-{row.pk}",
            rollups=UsageRollup.objects.filter(pool=row),
            shared_by=("account_id", "access_key"),
            back=reverse("admin:accounts_pool_change", args=[row.pk]),
            many=str(row.pk),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pool]:
        enabled = Count("accounts", filter=Q(accounts__enabled=True))
        pools: QuerySet[Pool] = super().get_queryset(request)
        return pools.annotate(accounts_total=Count("accounts"), accounts_enabled=enabled)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], Any]:  # noqa: ANN401
        """As ever, but access keys in the way are said to be in the way.

        They are never deleted by anyone, which Django would call a lack of permission.
        """
        to_delete, count, lacking, protected = super().get_deleted_objects(objs, request)
        keys = AccessKey._meta.verbose_name  # noqa: SLF001 - documented API
        return to_delete, count, {name for name in lacking if name != keys} if protected else lacking, protected

    @display(description="kind", label={"simulated": "warning", "real": "success"})  # type: ignore[untyped-decorator]
    def kind(self, pool: Pool) -> tuple[str, str]:
        return ("simulated", "simulated (demo)") if pool.simulated else ("real", "Anthropic")

    @display(description="strategy", ordering="strategy")  # type: ignore[untyped-decorator]
    def strategy_name(self, pool: Pool) -> str:
        return pool.get_strategy_display().partition(":")[0]

    @display(description="accounts (enabled)")  # type: ignore[untyped-decorator]
    def account_count(self, pool: Any) -> str:  # noqa: ANN401 - annotated above
        return f"{pool.accounts_total} ({pool.accounts_enabled})"

    @display(description="usage")  # type: ignore[untyped-decorator]
    def usage(self, pool: Pool) -> SafeString:
        return format_html(
            '<a class="nb-link" href="{}">usage</a>', reverse("admin:accounts_pool_usage", args=[pool.pk])
        )
