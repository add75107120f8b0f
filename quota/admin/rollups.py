"""Usage by the hour and by the day."""

from __future__ import annotations

from django.contrib import admin

from quota.admin.reading import ReadOnlyAdmin
from quota.models import UsageRollup


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
    list_filter = ("span", "pool", "account", "starts_at")
    search_fields = ("model",)
