"""Stream entries that made no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from unfold.admin import ModelAdmin

from quota.admin.reading import ReadOnlyAdmin
from quota.models import SetAside

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


@admin.register(SetAside)
class SetAsideAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "pool_id", "entry", "why")
    search_fields = ("entry", "why")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SetAside]:
        rows: QuerySet[SetAside] = ModelAdmin.get_queryset(self, request)
        return rows
