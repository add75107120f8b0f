"""How limits look in a form: a row for each window, dollars without nine decimal places."""

from decimal import Decimal
from typing import Any, Final

from django import forms
from django.db import models
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget

from accounts.models.limits import LIMIT_FIELDS
from quota.engine.types import Window

LIMIT_ROWS: Final = (
    *(tuple(name for name in LIMIT_FIELDS if name.endswith(f"_{window}")) for window in Window),
    "budget_action",
)
"""For a fieldset's `fields`."""


class DollarsField(forms.DecimalField):
    """Shows 12.5 and not 12.500000000."""

    def prepare_value(self, value: object) -> object:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


LIMIT_WIDGETS: Final[dict[Any, dict[str, Any]]] = {
    # Without a minimum of its own: the model says the same about -5 and 0, and says it better.
    models.PositiveBigIntegerField: {"min_value": None, "widget": UnfoldAdminIntegerFieldWidget},
    models.DecimalField: {"form_class": DollarsField, "widget": UnfoldAdminDecimalFieldWidget},
}
"""For `formfield_overrides`."""
