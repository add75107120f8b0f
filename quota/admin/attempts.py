"""Calls: the ledger itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from quota.admin.reading import NOTHING, ReadOnlyAdmin, as_id, display, took
from quota.engine.types import Verdict
from quota.facts import TOKEN_KINDS, AttemptState
from quota.models import Attempt

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

_COLOURS = {AttemptState.SETTLED: "info", AttemptState.LATE: "info", AttemptState.EXPIRED: "warning"}
_OUTCOMES = {
    Verdict.SUCCESS: "success",
    Verdict.FAILURE: "danger",
    Verdict.OVERLOADED: "danger",
    Verdict.REJECTED: "danger",
    Verdict.ALIVE: "warning",
    Verdict.NEUTRAL: "info",
}
"""By what the breaker heard: how the call went, whatever became of its lease."""


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = (
        "granted_at",
        "shown_outcome",
        "shown_state",
        "status",
        "model",
        "shown_account",
        "number",
        "shown_tokens",
        "shown_cost",
        "shown_time",
        "why",
    )
    list_filter = ("state", "price_known", "pool", ("account", AutocompleteSelectFilter), "usage_day")
    list_filter_submit = True
    search_fields = ("=request_id",)  # more is looked for below
    search_help_text = "Whole: an activity's id, a lease's id, or an upstream request id."
    empty_says = "No call has been made yet."
    csv_columns = (
        "granted_at",
        "lease_id",
        "activity_id",
        "number",
        "pool_name",
        "account_name",
        "access_key",
        "session",
        "model",
        "state",
        "outcome",
        "verdict",
        "status",
        "tokens",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "request_id",
        "why",
    )
    fieldsets = (
        (None, {"fields": (("shown_state", "outcome", "verdict"), ("status", "why"), "request_id")}),
        ("Whose", {"fields": (("shown_pool", "shown_account"), ("shown_activity", "number"), "lease_id")}),
        ("When", {"fields": (("granted_at", "started_at", "first_content_at", "ended_at"), "usage_day")}),
        (
            "What it used",
            {
                "fields": (
                    ("model", "group"),
                    ("shown_tokens", "shown_cost", "price_known", "counted_requests"),
                    ("input_tokens", "output_tokens"),
                    ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
                    ("web_searches", "estimated_tokens"),
                )
            },
        ),
    )

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[Attempt],
        search_term: str,
    ) -> tuple[QuerySet[Attempt], bool]:
        wanted, text = as_id(search_term), search_term.strip()
        if wanted:
            return queryset.filter(activity_id=wanted), False
        return queryset.filter(Q(lease_id=text) | Q(request_id=text)) if text else queryset, False

    @display(description="state", ordering="state", label=_COLOURS)
    def shown_state(self, row: Attempt) -> str:
        return row.state

    @display(description="tokens", ordering="tokens")
    def shown_tokens(self, row: Attempt) -> str:
        reported = sum(getattr(row, kind) for kind in TOKEN_KINDS if kind != "web_searches")
        return f"{row.tokens} (estimated)" if row.tokens > reported else str(row.tokens)

    @display(description="outcome", ordering="outcome", label=_OUTCOMES)
    def shown_outcome(self, row: Attempt) -> tuple[str, str]:
        return row.verdict, row.outcome or NOTHING

    @display(description="took")
    def shown_time(self, row: Attempt) -> str:
        return took(row.started_at, row.ended_at)

    @display(description="activity")
    def shown_activity(self, row: Attempt) -> SafeString | str:
        if row.activity_id is None:
            return NOTHING
        page = reverse("admin:quota_activity_change", args=[row.activity_id])
        return format_html('<a href="{}">{}</a>', page, row.activity_id)
