"""Access keys in the admin site: made, shown once, revoked. Never changed, never deleted."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.access import draw_secret, revoke_access_key
from accounts.models import AccessKey
from accounts.scopes import MEANINGS


class AccessKeyForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable at runtime
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope}: {meaning}") for scope, meaning in MEANINGS.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="A key may do what is ticked and nothing else.",
    )

    class Meta:
        model = AccessKey
        fields = ("name", "scopes", "pool", "allowed_models", "allowed_networks", "expires_at")

    def clean_expires_at(self) -> Any:  # noqa: ANN401 - a datetime or None, as Django types it
        when = self.cleaned_data["expires_at"]
        if when is not None and when <= timezone.now():
            raise ValidationError("That is in the past.")
        return when


@admin.register(AccessKey)
class AccessKeyAdmin(ModelAdmin):  # type: ignore[misc] # unfold is untyped
    form = AccessKeyForm
    list_display = ("name", "hint", "state", "allowed", "pool", "expires_at", "last_used_at")
    list_filter = ("pool",)
    list_select_related = ("pool",)
    search_fields = ("name", "hint")
    actions = ("revoke",)
    facts: ClassVar = (
        "name", "hint", "condition", "allowed", "pool", "allowed_models", "allowed_networks",
        "expires_at", "revoked_at", "last_used_at", "created_at",
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: AccessKey | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.facts if obj else self.form.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: AccessKey | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.facts if obj else ()

    def get_form(self, request: HttpRequest, obj: AccessKey | None = None, **options: Any) -> Any:  # noqa: ANN401
        # Without this, the form's own field would stand editable among the facts.
        return super().get_form(request, obj, **(options | {"form": forms.ModelForm} if obj else options))

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

    def save_model(self, request: Any, obj: AccessKey, form: object, change: bool) -> None:  # noqa: ANN401, ARG002
        if not change:
            request.drawn_secret = draw_secret(obj)
            obj.save(force_insert=True)

    def response_add(self, request: Any, obj: AccessKey, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ANN401, ARG002
        """Show the key on this very page.

        Not through a message and a redirect: messages wait in a cookie or the session, and the key would be stored.
        """
        context = {**self.admin_site.each_context(request), "opts": self.opts, "key": obj, "title": "New access key"}
        context["plain"] = request.drawn_secret
        response = TemplateResponse(request, "admin/accounts/accesskey/issued.html", context)
        add_never_cache_headers(response)
        return response
