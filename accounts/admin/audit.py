"""The audit log: to be read, by everybody who may see the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.html import format_html, format_html_join

from accounts.models.audit import AuditEntry
from quota.admin.reading import NOTHING, ReadOnlyAdmin, display

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "via", "action", "kind", "name", "shown_changes")
    list_filter = ("via", "kind", "action", "at")
    search_fields = ("=actor", "=name", "=object_id")
    search_help_text = "Who did it, or the name or id of what was changed; whole."
    empty_link = False
    empty_says = "Nothing has been changed yet."
    fieldsets = (
        (None, {"fields": (("at", "actor", "via"), ("action", "kind", "name", "object_id"), "shown_changes")}),
    )

    @display(description="changes")
    def shown_changes(self, row: AuditEntry) -> SafeString | str:
        lines = [(column, old or NOTHING, new or NOTHING) for column, old, new in row.changes]
        shown = format_html_join("", "<div><b>{}</b> {} → {}</div>", lines)
        return format_html('<div class="nb-changes">{}</div>', shown) if lines else NOTHING
