"""Django's error reports (its page under DEBUG, and what is mailed to ADMINS) without secrets.

A frame's variables hold what a function was given, a key among them. A variable that shows one is hidden whole, before
it is laid out: a long text is broken into pieces, and half a key has no recognisable shape.
"""

from collections.abc import ItemsView
from types import FrameType
from typing import Any, Final

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from accounts.redaction import redact

_UNREADABLE: Final = "a value that cannot be shown"


class SecretsHidden(SafeExceptionReporterFilter):
    """Hides under DEBUG what Django hides without it, and whatever looks like a secret."""

    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002 - Django's signature
        return True

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, Any]:
        named = super().get_traceback_frame_variables(request, tb_frame)
        return {name: self._shown(value) for name, value in named}.items()

    def _shown(self, value: Any) -> Any:  # noqa: ANN401 - a variable
        try:
            text = repr(value)
        except Exception:  # noqa: BLE001 - whatever a half-made object's repr raises
            return _UNREADABLE
        return value if redact(text) == text else self.cleansed_substitute


class SecretsRedacted(ExceptionReporter):
    """Redacts the finished report, which also has the request and the error's own words."""

    def get_traceback_html(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_html()))  # noqa: S308 - Django's own page, with less in it

    def get_traceback_text(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_text()))  # noqa: S308 - plain text
