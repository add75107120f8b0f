"""Claude accounts in the admin site: how each stands, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import services, wiring
from accounts.admin.account_columns import AccountColumns, dress, looks_of
from accounts.admin.account_filters import StandsFilter
from accounts.admin.account_form import ClaudeAccountForm
from accounts.admin.account_orders import BUTTONS, AccountOrders
from accounts.admin.limits import LIMIT_ROWS, LIMIT_WIDGETS
from accounts.admin.lines import LINES_WIDGETS
from accounts.admin.saving import SavesWhatChanged
from accounts.errors import DeletionRefused
from accounts.leases import leases_of
from accounts.models import ClaudeAccount, Pool
from gateway.operating import said_of
from gateway.trial import Trial, learn, try_key
from quota.admin.usage import Subject, UsagePages
from quota.models import UsageRollup

if TYPE_CHECKING:
    from django import forms
    from django.contrib.admin.views.main import ChangeList
    from django.urls import URLPattern


@admin.register(ClaudeAccount)
class ClaudeAccountAdmin(AccountOrders, AccountColumns, UsagePages, SavesWhatChanged, ModelAdmin):  # type: ignore[misc] # unfold is untyped
    form = ClaudeAccountForm
    formfield_overrides: ClassVar = LIMIT_WIDGETS | LINES_WIDGETS
    change_form_outer_before_template = "admin/accounts/claudeaccount/panel.html"
    list_before_template = "admin/accounts/claudeaccount/before_list.html"
    list_display = (
        "titled",
        "status",
        "priority",
        "limits",
        "activity",
        "last_error",
    )
    list_display_links = ("titled",)
    list_editable = ("priority",)
    sortable_by = ("titled",)
    list_filter = ("pool", "enabled", StandsFilter)
    list_per_page = 25  # each is rendered with a form and its limits
    list_select_related = ("pool",)
    search_fields = ("name", "organization_id", "key_fingerprint")
    actions = (
        "test_keys",
        "sync_now",
        "reset_circuits",
        "clear_cool_downs",
        "enable_accounts",
        "disable_accounts",
        "force_open",
        "force_closed",
    )
    readonly_fields = ("key", "organization_id", "workspace_id", "version", "created_at", "updated_at")
    fieldsets: ClassVar = (
        (None, {"fields": ("pool", "name", "enabled")}),
        ("API key", {"fields": (("new_key", "test_key"), "key", "base_url")}),
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

    @display(description="key (ends in · fingerprint)")  # type: ignore[untyped-decorator]
    def key(self, account: ClaudeAccount) -> str:
        return f"…{account.key_hint} · {account.key_fingerprint}" if account.key_hint else "–"

    # what is shown

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist: ChangeList = super().get_changelist_instance(request)
        board = dress(list(changelist.result_list), looks_of(request))
        changelist.trouble = board.trouble  # type: ignore[attr-defined]
        return changelist

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        shown = {"buttons": BUTTONS, "may_operate": self.has_operate_permission(request)}
        if account is not None:
            shown |= {
                "trouble": dress([account], looks_of(request)).trouble,
                "account": account,
                "shown": self.shown(account),
            }
        response: HttpResponse = super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})
        return response

    def get_urls(self) -> list[URLPattern]:
        return [*self.order_urls(), *self.usage_urls(), *super().get_urls()]

    def usage_subject(self, row: ClaudeAccount) -> Subject:
        return Subject(
            title=f"Usage of {row.name}",
            file=f"usage-account-{row.pk}",
            rollups=UsageRollup.objects.filter(account=row),
            shared_by=("access_key",),
            back=reverse("admin:accounts_claudeaccount_change", args=[row.pk]),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: ClaudeAccount | None = None) -> tuple[str, ...]:
        """An account stays in its pool."""
        return (*super().get_readonly_fields(request, obj), *(("pool",) if obj else ()))

    def get_fieldsets(self, request: HttpRequest, obj: ClaudeAccount | None = None) -> Any:  # noqa: ANN401
        """Who may only look is not shown where to enter a key."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return tuple(
            (name, {**options, "fields": tuple(one for one in options["fields"] if one != ("new_key", "test_key"))})
            for name, options in self.fieldsets
        )

    # what is saved

    @method_decorator(sensitive_post_parameters("new_key"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        *args: Any,  # noqa: ANN401 - Django's
        **options: Any,  # noqa: ANN401
    ) -> HttpResponse:
        """As ever, but a new key is tried first: before the transaction, which must not wait for Anthropic."""
        request.trial = self._tried(request, object_id) if request.method == "POST" else None  # type: ignore[attr-defined]
        response: HttpResponse = super().changeform_view(request, object_id, *args, **options)
        return response

    def _tried(self, request: HttpRequest, object_id: str | None) -> Trial | None:
        account = self.get_object(request, object_id) if object_id else None
        allowed = self.has_change_permission(request, account) if account else self.has_add_permission(request)
        if not allowed or not request.POST.get("new_key"):
            return None
        form = super().get_form(request, account)(request.POST, instance=account)
        return try_key(form.instance) if form.is_valid() and form.wants_a_test else None

    def get_form(self, request: HttpRequest, obj: ClaudeAccount | None = None, **options: Any) -> Any:  # noqa: ANN401
        form = super().get_form(request, obj, **options)
        form.trial = getattr(request, "trial", None)
        return form

    def columns_changed(self, form: forms.ModelForm[Any]) -> set[str]:
        columns = super().columns_changed(form) - {"test_key"}
        if "new_key" in columns:
            columns = columns - {"new_key"} | {"api_key"}
        return columns | {"disabled_reason"} if "enabled" in columns else columns

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:  # noqa: ANN401
        trial: Trial | None = getattr(request, "trial", None)
        if "enabled" in form.changed_data:
            obj.disabled_reason = "" if obj.enabled else f"by {request.user.get_username()}"
        if trial and not trial.works and not change:
            obj.enabled, obj.disabled_reason = False, "its key failed the test"
        super().save_model(request, obj, form, change)
        if change and ("new_key" in form.changed_data or ("enabled" in form.changed_data and obj.enabled)):
            services.announce_mended(obj)
        if trial:
            self._say(request, obj, learn(obj, trial), change=change)

    def _say(self, request: HttpRequest, account: ClaudeAccount, trial: Trial, *, change: bool) -> None:
        self.tell(request, [said_of(account, trial)])
        if not trial.works and not change:
            said = f"{account.name} is saved with all that you entered, but disabled. Test its key again, or enable it."
            self.message_user(request, said, messages.WARNING)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Propose an address where all pools are of one kind; an empty one is settled when the pool is known."""
        kinds = set(Pool.objects.order_by().values_list("simulated", flat=True).distinct())
        proposed = wiring.default_base_url(simulated=kinds.pop()) if len(kinds) == 1 else ""
        return {"base_url": proposed, **super().get_changeform_initial_data(request)}

    # what is deleted

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deletion of many at once: each is refused or granted by itself, and disabling is what is meant."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

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
