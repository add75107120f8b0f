"""Requests: how each went, what was tried, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from accounts.models import AccessKey, ClaudeAccount
from quota.admin.reading import NOTHING, ReadOnlyAdmin, as_ids, display, dollars, took
from quota.facts import ActivityStatus
from quota.models import Activity, Attempt
from quota.models.activities import NAMED_ERROR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_SESSION = 16
_KEYS = 20
"""Access keys of one name that are looked for."""
COLOURS = {
    ActivityStatus.STARTED: "info",
    ActivityStatus.RUNNING: "info",
    ActivityStatus.COMPLETED: "success",
    ActivityStatus.FAILED: "danger",
    ActivityStatus.UNKNOWN: "warning",
}


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at",
        "shown_status",
        "shown_model",
        "shown_account",
        "shown_pool",
        "shown_session",
        "shown_key",
        "attempts",
        "shown_tokens",
        "shown_cost",
        "shown_time",
        "error_type",
    )
    list_filter = ("status", "stream", "price_known", "pool", ("account", AutocompleteSelectFilter), "started_at")
    search_fields = ("=request_id",)  # more is looked for below
    search_help_text = (
        "Whole: an activity's id (its first 8 digits suffice), an upstream request id, a session, an access key's id "
        "or name, or an error type."
    )
    list_filter_submit = True
    empty_says = "No request has come in yet: set up a client and send one."
    csv_columns = (
        "id",
        "started_at",
        "ended_at",
        "status",
        "pool_name",
        "account_name",
        "model",
        "served_model",
        "source",
        "category",
        "session",
        "agent",
        "access_key",
        "stream",
        "attempts",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "request_id",
        "error_type",
        "error_message",
        "decision",
    )
    fieldsets = (
        (None, {"fields": (("shown_status", "shown_time"), ("started_at", "ended_at", "seen_at"))}),
        (
            "What was asked",
            {
                "fields": (
                    ("shown_model", "stream"),
                    ("source", "category"),
                    ("session", "access_key"),
                    ("agent", "parent_agent"),
                )
            },
        ),
        (
            "What the pool did",
            {
                "fields": (
                    ("shown_pool", "shown_account"),
                    "shown_move",
                    "shown_decision",
                    "shown_attempts",
                    "request_id",
                )
            },
        ),
        ("What went wrong", {"fields": ("error_type", "error_message")}),
        (
            "What it used",
            {
                "fields": (
                    ("input_tokens", "output_tokens"),
                    ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
                    ("web_searches", "shown_cost", "price_known"),
                )
            },
        ),
    )

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[Activity],
        search_term: str,
    ) -> tuple[QuerySet[Activity], bool]:
        return (searched(queryset, search_term) if search_term.strip() else queryset), False

    @display(description="status", ordering="status", label=COLOURS)
    def shown_status(self, row: Activity) -> str:
        return row.status

    @display(description="model", ordering="model")
    def shown_model(self, row: Activity) -> str:
        if row.served_model and row.model and row.served_model != row.model:
            return f"{row.model} → {row.served_model}"
        return row.served_model or row.model or NOTHING

    @display(description="tokens")
    def shown_tokens(self, row: Activity) -> str:
        prompt = row.input_tokens + row.cache_read_tokens + row.cache_write_5m_tokens + row.cache_write_1h_tokens
        return f"{prompt:,} → {row.output_tokens:,}"

    @display(description="session")
    def shown_session(self, row: Activity) -> SafeString | str:
        if not row.session:
            return NOTHING
        short = row.session if len(row.session) <= _SESSION else f"{row.session[:_SESSION]}…"
        query = urlencode({"q": row.session})
        return format_html('<a class="nb-quiet" href="?{}" title="{}">{}</a>', query, row.session, short)

    @display(description="took")
    def shown_time(self, row: Activity) -> str:
        return took(row.started_at, row.ended_at)

    @display(description="session")
    def shown_move(self, row: Activity) -> str:
        """Whether the session had to leave an account, and what that cost."""
        if row.moved_from_id is None:
            return NOTHING
        (left,) = with_names([str(row.moved_from_id)])
        cost = f"; re-creating the cache cost about {dollars(row.move_cost)}" if row.move_cost_nano else ""
        return f"moved from {left}{cost}"

    @display(description="decisions")
    def shown_decision(self, row: Activity) -> SafeString | str:
        """The chain as a numbered list, one decision a line."""
        steps = with_names(row.decision)
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", zip(steps))) if steps else NOTHING

    @display(description="calls")
    def shown_attempts(self, row: Activity) -> SafeString | str:
        """Every call that was charged for this request, each with a link to its page."""
        calls = Attempt.objects.filter(activity_id=row.pk).order_by("number", "granted_at")
        return format_html_join("", '<div><a href="{}">{}</a></div>', map(_call, calls)) or NOTHING


def searched(rows: QuerySet[Activity], term: str) -> QuerySet[Activity]:
    """Those that the term names, by the first kind of name that knows it: each is looked up in an index."""
    wanted = term.strip()
    if (span := as_ids(wanted)) and (named := rows.filter(pk__range=span)).exists():
        return named
    for column in ("request_id", "session", "access_key"):
        if (named := rows.filter(**{column: wanted})).exists():
            return named
    if (named := rows.filter(NAMED_ERROR, error_type=wanted)).exists():
        return named
    keys = AccessKey.objects.filter(name=wanted).values_list("pk", flat=True)
    return rows.filter(access_key__in=[str(pk) for pk in keys[:_KEYS]])


def with_names(steps: Sequence[str]) -> list[str]:
    """Put accounts' names for their ids, which say nothing to people."""
    found = {key for step in steps for key in _ID.findall(step)}
    names = {str(pk): name for pk, name in ClaudeAccount.objects.filter(pk__in=found).values_list("pk", "name")}
    return [_ID.sub(lambda key: names.get(key[0], key[0]), step) for step in steps]


def _call(call: Attempt) -> tuple[str, str]:
    http = f" · HTTP {call.status}" if call.status else ""
    said = f"{call.number}: {call.outcome}{http} · {call.tokens:,} tokens · {dollars(call.cost)}"
    return reverse("admin:quota_attempt_change", args=[call.pk]), f"{said} · {call.why}" if call.why else said
