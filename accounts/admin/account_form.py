"""The form of an account: a key goes in and never comes out again, and is tried before it is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanSwitchWidget

from accounts import wiring
from accounts.admin.lines import HELP
from accounts.admin.saving import ComparesWithWhatWasShown
from accounts.errors import KeyRefused
from accounts.models import ClaudeAccount, Pool
from accounts.validators import acceptable_key

if TYPE_CHECKING:
    from accounts.credentials import Secret
    from gateway.trial import Trial

_ADDRESS_HELP = (
    "Where the key is sent: one of ANTHROPIC_BASE_URLS. Empty: the first of them, or the simulator in a simulated "
    "pool, which accepts nothing else."
)


class ClaudeAccountForm(ComparesWithWhatWasShown):
    trial: ClassVar[Trial | None] = None
    """What was found out about the new key, if it was tried before this form was bound."""

    new_key = forms.CharField(
        label="API key",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="An API key of an organization you own (sk-ant-api…). It is encrypted and never shown again; "
        "empty keeps the present one.",
    )
    test_key = forms.BooleanField(
        label="Test the key first",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Asks Anthropic to count a few tokens, which is free. A new account whose key fails is kept, but "
        "disabled; a failing key never replaces one that is in use.",
    )

    class Meta:
        model = ClaudeAccount
        fields = "__all__"

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        if "new_key" in self.fields:
            self.fields["new_key"].required = self.instance._state.adding  # noqa: SLF001 - documented by Django
        if "test_key" in self.fields:
            self.fields["test_key"].show_hidden_initial = False
        if "allowed_models" in self.fields:
            self.fields["allowed_models"].help_text = HELP["allowed_models"]
        if "base_url" in self.fields:
            self.fields["base_url"].required = False
            self.fields["base_url"].help_text = _ADDRESS_HELP

    @sensitive_variables("text")
    def clean_new_key(self) -> Secret | None:
        text = self.cleaned_data["new_key"]
        if not text:
            return None
        try:
            return acceptable_key(text)
        except KeyRefused as refused:
            raise ValidationError(str(refused)) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if secret := cleaned.get("new_key"):
            self.instance.api_key = secret
        pool = cleaned.get("pool") or self._pool_so_far()
        if pool and cleaned.get("base_url") == "":
            cleaned["base_url"] = wiring.default_base_url(simulated=pool.simulated)
        self._refuse_a_worse_key()
        return cleaned

    @property
    def wants_a_test(self) -> bool:
        """Whether a new key came and is to be tried; asked of a valid form."""
        return bool(self.cleaned_data.get("test_key") and self.cleaned_data.get("new_key"))

    def _refuse_a_worse_key(self) -> None:
        if self.trial is None or self.trial.works or self.instance._state.adding:  # noqa: SLF001
            return
        self.add_error(
            "new_key",
            f"The present key stays: {self.trial.message} {self.trial.detail} Enter another one (a key is never "
            "shown again, so this field is empty), or save it untested.",
        )

    def _pool_so_far(self) -> Pool | None:
        return self.instance.pool if self.instance.pool_id else None
