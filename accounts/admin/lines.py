"""Lists in forms: one entry a line instead of JSON, which nobody should have to type."""

import json
from typing import Any, Final

from django import forms
from django.db import models
from unfold.widgets import UnfoldAdminTextareaWidget

_ROWS: Final = 3


class LinesField(forms.CharField):
    """A list of texts. What was copied from elsewhere as a JSON list is understood, too."""

    def __init__(self, *, encoder: object = None, decoder: object = None, **options: Any) -> None:  # noqa: ARG002, ANN401 - a JSONField's
        super().__init__(**options)

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: object) -> Any:  # noqa: ANN401 - CharField says str
        if isinstance(value, list):
            return value
        text = str(value or "").strip()
        if text.startswith("["):
            try:
                return json.loads(text)
            except json.JSONDecodeError:
                raise forms.ValidationError("One entry a line.", code="invalid") from None
        return [line.strip() for line in text.splitlines() if line.strip()]

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except forms.ValidationError:
            return True


LINES_WIDGETS: Final[dict[Any, dict[str, Any]]] = {
    models.JSONField: {
        "form_class": LinesField,
        "widget": UnfoldAdminTextareaWidget(attrs={"rows": _ROWS, "spellcheck": "false"}),
    }
}
"""For `formfield_overrides`."""

HELP: Final = {
    "allowed_models": "One model a line, e.g. claude-sonnet-5-5. Empty: every model.",
    "allowed_patterns": "One model a line; a * at its end stands for anything: claude-haiku-*. Empty: every model.",
    "allowed_networks": "One address or network a line, e.g. 10.0.0.0/8 or 2001:db8::1. Empty: from anywhere.",
}
