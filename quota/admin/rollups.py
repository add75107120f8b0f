"""Usage by the hour and by the day, and of each session by the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from quota.admin.reading import ReadOnlyAdmin, display
from quota.models import SessionRollup, UsageRollup

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(UsageRollup)
class UsageRollupAdmin(ReadOnlyAdmin):
    list_display = (
        "starts_at",
        "span",
        "shown_account",
        "model",
        "requests",
        "failures",
        "expired",
        "tokens",
        "shown_cost",
    )
    list_filter = ("span", "pool", ("account", AutocompleteSelectFilter), "starts_at")
    list_filter_submit = True
    search_fields = ("=model",)


@admin.register(SessionRollup)
class SessionRollupAdmin(ReadOnlyAdmin):
    list_display = (
        "starts_at",
        "shown_session",
        "shown_key",
        "shown_pool",
        "requests",
        "failures",
        "tokens",
        "shown_cost",
    )
    list_filter = ("pool", "starts_at")
    search_fields = ("=session", "=access_key")
    search_help_text = "A session's name or an access key's id, whole. Days older than 90 are let go of."

    @display(description="session")
    def shown_session(self, row: SessionRollup) -> SafeString:
        page = f"{reverse('admin:quota_activity_changelist')}?q="
        return format_html('<a class="nb-link" href="{}{}">{}</a>', page, row.session, row.session)
