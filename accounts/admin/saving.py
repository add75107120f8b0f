"""Save what the form changed and nothing else.

A form open for minutes must not undo what others did meanwhile (an account that the pool disabled because its key
died must not come back because somebody renamed it). So the page carries the values it showed, a field counts as
changed when the person changed it, and only those columns are written.
"""

from typing import Any

from django.forms import ModelForm, PasswordInput
from django.http import HttpRequest


class ComparesWithWhatWasShown(ModelForm):  # type: ignore[type-arg] # not subscriptable at runtime
    """Every field but passwords goes with a hidden copy of what was shown."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.show_hidden_initial = not isinstance(field.widget, PasswordInput)


class SavesWhatChanged:
    """For ModelAdmin classes whose form is a `ComparesWithWhatWasShown`."""

    form = ComparesWithWhatWasShown

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:  # noqa: ARG002, ANN401
        if not change:
            obj.save(force_insert=True)
        elif columns := self.columns_changed(form):
            obj.save(update_fields=columns)

    def columns_changed(self, form: "ModelForm[Any]") -> set[str]:
        """The columns behind the form fields that changed."""
        return set(form.changed_data)
