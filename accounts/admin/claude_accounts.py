"""Claude accounts in the admin site. A key goes in and never comes out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts import services, wiring
from accounts.admin.limits import LIMIT_ROWS, LIMIT_WIDGETS
from accounts.admin.saving import ComparesWithWhatWasShown, SavesWhatChanged
from accounts.errors import DeletionRefused, KeyRefused
from accounts.leases import leases_of
from accounts.models import ClaudeAccount, Pool
from accounts.validators import acceptable_key

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.credentials import Secret


_ADDRESS_HELP = (
    "Where the key is sent. Empty: Anthropic, or the simulator in a simulated pool, which accepts nothing else. "
    "Other addresses must be in ANTHROPIC_BASE_URLS."
)


class ClaudeAccountForm(ComparesWithWhatWasShown):
    new_key = forms.CharField(
        label="API key",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="An API key of an organization you own (sk-ant-api…). It is encrypted and never shown again; "
        "empty keeps the present one.",
    )

    class Meta:
        model = ClaudeAccount
        fields = "__all__"

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        if "new_key" in self.fields:
            self.fields["new_key"].required = self.instance._state.adding  # noqa: SLF001 - documented by Django
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
        return cleaned

    def _pool_so_far(self) -> Pool | None:
        return self.instance.pool if self.instance.pool_id else None


@admin.register(ClaudeAccount)
class ClaudeAccountAdmin(SavesWhatChanged, ModelAdmin):  # type: ignore[misc] # unfold is untyped
    form = ClaudeAccountForm
    formfield_overrides: ClassVar = LIMIT_WIDGETS
    list_display = ("name", "pool", "status", "priority", "weight", "key", "organization_id")
    list_display_links = ("name",)
    list_editable = ("priority",)
    list_filter = ("pool", "enabled")
    list_select_related = ("pool",)
    search_fields = ("name", "organization_id", "key_fingerprint")
    actions = ("enable_accounts", "disable_accounts")
    readonly_fields = ("condition", "key", "organization_id", "workspace_id", "version", "created_at", "updated_at")
    fieldsets: ClassVar = (
        (None, {"fields": ("pool", "name", "condition", "enabled")}),
        ("API key", {"fields": ("new_key", "key", "base_url")}),
        ("Choice", {"fields": ("priority", "weight", "max_concurrency", "allowed_models")}),
        (
            "Limits",
            {
                "fields": LIMIT_ROWS,
                "description": "An account is never pushed past these; empty means no limit. A minute is any 60 "
                "seconds, days and months are calendar UTC.",
            },
        ),
        ("Facts", {"fields": ("organization_id", "workspace_id", "version", "created_at", "updated_at")}),
    )

    @display(  # type: ignore[untyped-decorator]
        description="status",
        label={"enabled": "success", "disabled": "danger", "undecryptable": "danger", "simulated": "warning"},
    )
    def status(self, account: ClaudeAccount) -> tuple[str, str]:
        return status_of(account)

    @display(description="status")  # type: ignore[untyped-decorator]
    def condition(self, account: ClaudeAccount) -> str:
        return status_of(account)[1]

    @display(description="key (ends in · fingerprint)")  # type: ignore[untyped-decorator]
    def key(self, account: ClaudeAccount) -> str:
        return f"…{account.key_hint} · {account.key_fingerprint}" if account.key_hint else "–"

    def get_readonly_fields(self, request: HttpRequest, obj: ClaudeAccount | None = None) -> tuple[str, ...]:
        """An account stays in its pool."""
        return (*super().get_readonly_fields(request, obj), *(("pool",) if obj else ()))

    def columns_changed(self, form: forms.ModelForm[Any]) -> set[str]:
        columns = super().columns_changed(form)
        if "new_key" in columns:
            columns = columns - {"new_key"} | {"api_key"}
        return columns | {"disabled_reason"} if "enabled" in columns else columns

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:  # noqa: ANN401
        if "enabled" in form.changed_data:
            obj.disabled_reason = "" if obj.enabled else f"by {request.user.get_username()}"
        super().save_model(request, obj, form, change)
        if change and ("new_key" in form.changed_data or ("enabled" in form.changed_data and obj.enabled)):
            services.announce_mended(obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose an address where all pools are of one kind; an empty one is settled when the pool is known."""
        kinds = set(Pool.objects.order_by().values_list("simulated", flat=True).distinct())
        proposed = wiring.default_base_url(simulated=kinds.pop()) if len(kinds) == 1 else ""
        return {"base_url": proposed, **super().get_changeform_initial_data(request)}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deletion of many at once: each is refused or granted by itself, and disabling is what is meant."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Operators switch accounts; those who may change them may do that too."""
        return request.user.has_perm("accounts.operate_claudeaccount") or self.has_change_permission(request)

    @action(description="Enable the selected accounts", permissions=["operate"])  # type: ignore[untyped-decorator]
    def enable_accounts(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        changed = sum(services.enable_account(account) for account in accounts)
        self.message_user(request, f"{changed} enabled.", messages.SUCCESS)

    @action(description="Disable the selected accounts", permissions=["operate"])  # type: ignore[untyped-decorator]
    def disable_accounts(self, request: HttpRequest, accounts: QuerySet[ClaudeAccount]) -> None:
        why = f"by {request.user.get_username()}"
        changed = sum(services.disable_account(account, why=why) for account in accounts)
        self.message_user(request, f"{changed} disabled; history and usage stay.", messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: ClaudeAccount) -> None:  # noqa: ARG002 - Django's signature
        services.delete_account(obj, leases_of=leases_of)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except DeletionRefused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:accounts_claudeaccount_change", args=[object_id]))
        return response

    @method_decorator(sensitive_post_parameters("new_key"))
    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:  # noqa: ANN401
        response: HttpResponse = super().changeform_view(request, *args, **options)
        return response


def status_of(account: ClaudeAccount) -> tuple[str, str]:
    """A state and its words, from independent facts; what needs a person first."""
    if not account.key_fingerprint:
        return "disabled", "new"
    if not account.enabled:
        return "disabled", f"disabled: {account.disabled_reason}" if account.disabled_reason else "disabled"
    if not account.has_readable_key:
        return "undecryptable", "key undecryptable: enter it again or restore ENCRYPTION_KEY"
    if account.pool.simulated:
        return "simulated", "simulated (demo)"
    return "enabled", "enabled"
