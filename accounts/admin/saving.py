"""Save what the form changed and nothing else.

A form open for minutes must not undo what others did meanwhile (an account that the pool disabled because its key
died must not come back because somebody renamed it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Model
    from django.forms import ModelForm
    from django.http import HttpRequest


class SavesWhatChanged:
    """For ModelAdmin classes."""

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm[Any], change: bool) -> None:  # noqa: ARG002
        if not change:
            obj.save(force_insert=True)
        elif columns := self.columns_changed(form):
            obj.save(update_fields=columns)

    def columns_changed(self, form: ModelForm[Any]) -> set[str]:
        """The columns behind the form fields that changed."""
        return set(form.changed_data)
