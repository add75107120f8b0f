"""Access keys in the admin site: made, shown once, limited, revoked. Never deleted."""

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.access import draw_secret, revoke_access_key
from accounts.admin.limits import LIMIT_ROWS, LIMIT_WIDGETS
from accounts.admin.lines import HELP, LINES_WIDGETS
from accounts.admin.saving import ComparesWithWhatWasShown, SavesWhatChanged
from accounts.models import AccessKey
from accounts.models.limits import LIMIT_FIELDS
from accounts.scopes import MEANINGS
from accounts.validators import not_past
from quota.admin.bars import limit_bars
from quota.admin.reading import NOTHING
from quota.admin.usage import PERMISSION, Subject, UsagePages
from quota.amounts import nano_dollars, short
from quota.key_usage import usage_of_key
from quota.models import UsageRollup

RESTRICTIONS: Final = (
    "allowed_models",
    "allowed_networks",
    "expires_at",
    "max_concurrency",
    "budget_action",
    *LIMIT_FIELDS,
)
"""What may change after a key was made; a change is effective within a second."""


class RestrictionsForm(ComparesWithWhatWasShown):
    class Meta:
        model = AccessKey
        fields = RESTRICTIONS

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's
        super().__init__(*args, **options)
        for name, text in (("allowed_models", "allowed_patterns"), ("allowed_networks", "allowed_networks")):
            if name in self.fields:
                self.fields[name].help_text = HELP[text]

    def clean_expires_at(self) -> Any:  # noqa: ANN401 - a datetime or None, as Django types it
        when = self.cleaned_data["expires_at"]
        if "expires_at" in self.changed_data:
            not_past(when, now=timezone.now())
        return when


class AccessKeyForm(RestrictionsForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope}: {meaning}") for scope, meaning in MEANINGS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="A key may do what is ticked and nothing else.",
    )

    class Meta:
        model = AccessKey
        fields = ("name", "scopes", "pool", *RESTRICTIONS)


@admin.register(AccessKey)
class AccessKeyAdmin(UsagePages, SavesWhatChanged, ModelAdmin):  # type: ignore[misc] # unfold is untyped
    form = RestrictionsForm
    formfield_overrides: ClassVar = LIMIT_WIDGETS | LINES_WIDGETS
    change_form_outer_before_template = "admin/accounts/accesskey/panel.html"
    list_display = ("name", "hint", "state", "allowed", "pool", "expires_at", "last_used_at", "usage")
    list_filter = ("pool",)
    list_select_related = ("pool",)
    search_fields = ("name", "hint")
    actions = ("revoke",)
    facts: ClassVar = ("name", "hint", "condition", "allowed", "pool", "revoked_at", "last_used_at", "created_at")
    restrictions: ClassVar = (
        ("Restrictions", {"fields": ("allowed_models", "allowed_networks", "expires_at", "max_concurrency")}),
        (
            "Limits",
            {
                "fields": LIMIT_ROWS,
                "description": "What all requests with this key may use, whichever account serves them; empty means no "
                "limit. A minute is any 60 seconds, days and months are calendar UTC.",
            },
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        return [*self.usage_urls(), *super().get_urls()]

    def usage_subject(self, row: AccessKey) -> Subject:
        return Subject(
            title=f"Usage with access key {row.name}",
            file=f"usage-access-key-{row.pk}",
            rollups=UsageRollup.objects.filter(access_key=str(row.pk)),
            shared_by=("account_id",),
            back=reverse("admin:accounts_accesskey_change", args=[row.pk]),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        key = self.get_object(request, object_id) if request.method == "GET" else None
        shown = _used(key) if key is not None and request.user.has_perm(PERMISSION) else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})
        return response

    @display(description="usage")  # type: ignore[untyped-decorator]
    def usage(self, key: AccessKey) -> SafeString:
        page = reverse("admin:accounts_accesskey_usage", args=[key.pk])
        return format_html('<a class="nb-link" href="{}">usage</a>', page)

    def get_fieldsets(self, request: HttpRequest, obj: AccessKey | None = None) -> Any:  # noqa: ARG002, ANN401
        return ((None, {"fields": self.facts if obj else ("name", "scopes", "pool")}), *self.restrictions)

    def get_readonly_fields(self, request: HttpRequest, obj: AccessKey | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.facts if obj else ()

    def get_form(self, request: HttpRequest, obj: AccessKey | None = None, **options: Any) -> Any:  # noqa: ANN401
        """What a key may do is said once, when it is made; how much, at any time."""
        return super().get_form(request, obj, **(options if obj else options | {"form": AccessKeyForm}))

    def has_delete_permission(self, request: HttpRequest, obj: AccessKey | None = None) -> bool:  # noqa: ARG002
        """History names keys; revoking is what ends one."""
        return False

    @display(description="scopes")  # type: ignore[untyped-decorator]
    def allowed(self, key: AccessKey) -> str:
        return ", ".join(key.scopes)

    @display(description="state", label={"usable": "success", "revoked": "danger", "expired": "warning"})  # type: ignore[untyped-decorator]
    def state(self, key: AccessKey) -> tuple[str, str]:
        return self.condition(key), self.condition(key)

    @display(description="state")  # type: ignore[untyped-decorator]
    def condition(self, key: AccessKey) -> str:
        return key.state_at(timezone.now())

    @action(description="Revoke the selected keys, for good", permissions=["change"])  # type: ignore[untyped-decorator]
    def revoke(self, request: HttpRequest, keys: QuerySet[AccessKey]) -> None:
        now = timezone.now()
        changed = sum(revoke_access_key(key, now=now) for key in keys)
        self.message_user(request, f"{changed} revoked, effective within a second.", messages.SUCCESS)

    def save_model(self, request: Any, obj: AccessKey, form: "forms.ModelForm[Any]", change: bool) -> None:  # noqa: ANN401
        if not change:
            request.drawn_secret = draw_secret(obj)
        super().save_model(request, obj, form, change)

    def response_add(self, request: Any, obj: AccessKey, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ANN401, ARG002
        """Show the key on this very page.

        Not through a message and a redirect: messages wait in a cookie or the session, and the key would be stored.
        """
        context = {**self.admin_site.each_context(request), "opts": self.opts, "key": obj, "title": "New access key"}
        context["plain"] = request.drawn_secret
        response = TemplateResponse(request, "admin/accounts/accesskey/issued.html", context)
        add_never_cache_headers(response)
        return response


def _used(key: AccessKey) -> dict[str, Any]:
    """For the panel above the form."""
    found = usage_of_key(key, now=timezone.now())
    today, state = found.today, found.state
    cap = f" of {key.max_concurrency}" if key.max_concurrency else ""
    return {
        "key_usage": found,
        "key_today": (f"{today.requests:,}", short(today.tokens), nano_dollars(today.cost_nano)),
        "key_in_flight": f"{state.in_flight}{cap}" if state else NOTHING,
        "key_limits": limit_bars(state.limits, now_ms=found.now_ms) if state and state.limits else "",
    }
