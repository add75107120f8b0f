"""Organizations at Anthropic: their Admin keys (which go in and never come out), Anthropic's count beside ours."""

import asyncio
from datetime import timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.credentials import Secret
from accounts.errors import BaseUrlRefused, KeyRefused
from accounts.models import ClaudeAccount
from accounts.money import from_nano
from accounts.validators import acceptable_admin_key
from quota.models import Organization, OrganizationKey, RateLimit
from quota.models.organizations import SyncState, checked_address
from quota.organizations.counts import Line
from quota.organizations.reconciliation import reconcile
from quota.organizations.sync import Outcome, sync_these

DAYS_SHOWN: Final = 7


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable at runtime
    new_key = forms.CharField(
        label="Admin key",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="An Admin API key of this organization (sk-ant-admin…). It is encrypted and never shown again; empty "
        "keeps the present one.",
    )

    class Meta:
        model = Organization
        fields = ("name", "base_url")

    @sensitive_variables("text")
    def clean_new_key(self) -> Secret | None:
        text = self.cleaned_data["new_key"]
        if not text:
            if self.instance._state.adding:  # noqa: SLF001 - documented by Django
                raise ValidationError("An organization is asked with its Admin key.")
            return None
        try:
            return acceptable_admin_key(text)
        except KeyRefused as refused:
            raise ValidationError(str(refused)) from None

    def clean_base_url(self) -> str:
        try:
            return checked_address(self.cleaned_data["base_url"])
        except BaseUrlRefused as refused:
            raise ValidationError(str(refused)) from refused


class KeyInline(TabularInline):  # type: ignore[misc] # unfold is untyped
    model = OrganizationKey
    fields = readonly_fields = ("name", "hint", "status", "account", "expires_at", "seen_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False


class RateLimitInline(TabularInline):  # type: ignore[misc] # unfold is untyped
    model = RateLimit
    fields = readonly_fields = ("group", "limits", "before", "changed_at", "seen_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Organization)
class OrganizationAdmin(ModelAdmin):  # type: ignore[misc] # unfold is untyped
    form = OrganizationForm
    inlines = (KeyInline, RateLimitInline)
    list_display = ("name", "standing", "key", "matched_keys", "synced_at")
    search_fields = ("name", "anthropic_id")
    actions = ("ask_now",)
    readonly_fields = ("anthropic_id", "key", "standing_in_words", "synced_at", "complete_until", "differences")
    fieldsets: ClassVar = (
        (None, {"fields": ("name", "anthropic_id", "standing_in_words", "synced_at", "complete_until")}),
        ("Admin key", {"fields": ("new_key", "key", "base_url")}),
        (
            "Anthropic's count less ours",
            {
                "fields": ("differences",),
                "description": "What Anthropic counted and we did not has not passed through this pool. Days that are "
                "not final yet may differ because Anthropic's reports lag by some minutes.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        rows: QuerySet[Organization] = super().get_queryset(request)
        return rows.annotate(all_keys=Count("keys"), our_keys=Count("keys", filter=Q(keys__account__isnull=False)))

    @display(  # type: ignore[untyped-decorator]
        description="state",
        label={SyncState.OK: "success", SyncState.REFUSED: "danger", SyncState.TROUBLE: "warning"},
    )
    def standing(self, organization: Organization) -> tuple[str, str]:
        return organization.state, SyncState(organization.state).label

    @display(description="state")  # type: ignore[untyped-decorator]
    def standing_in_words(self, organization: Organization) -> str:
        word = SyncState(organization.state).label
        return f"{word}: {organization.why}" if organization.why else str(word)

    @display(description="key ends in")  # type: ignore[untyped-decorator]
    def key(self, organization: Organization) -> str:
        if organization.from_environment:
            return "ANTHROPIC_ADMIN_API_KEY"
        return f"…{organization.key_hint}" if organization.key_hint else "–"

    @display(description="keys that are accounts here")  # type: ignore[untyped-decorator]
    def matched_keys(self, organization: Any) -> str:  # noqa: ANN401 - an Organization with its counts
        return f"{organization.our_keys} of {organization.all_keys}"

    @display(description="difference")  # type: ignore[untyped-decorator]
    def differences(self, organization: Organization) -> SafeString | str:
        now = timezone.now()
        first = now.date() - timedelta(days=DAYS_SHOWN - 1)
        found = reconcile(organization, first=first, last=now.date(), now=now)
        return _table(found) if found else f"Nothing was counted in the last {DAYS_SHOWN} days."

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:  # noqa: ANN401
        if secret := form.cleaned_data.get("new_key"):
            obj.admin_key, obj.next_at = secret, None
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """The row of the environment's key goes when that is no longer set."""
        return (obj is None or not obj.from_environment) and bool(super().has_delete_permission(request, obj))

    @action(description="Ask Anthropic now", permissions=["change"])  # type: ignore[untyped-decorator]
    def ask_now(self, request: HttpRequest, organizations: QuerySet[Organization]) -> None:
        for outcome in asyncio.run(sync_these(list(organizations), now=timezone.now())):
            self.message_user(request, _said(outcome), messages.SUCCESS if outcome.ok else messages.ERROR)


def _said(outcome: Outcome) -> str:
    if outcome.ok:
        return f"{outcome.organization}: {outcome.keys} keys, {outcome.matched} of them accounts here."
    return f"{outcome.organization}: {outcome.why}. {outcome.mend}"


def _table(lines: list[Line]) -> SafeString:
    names = {str(pk): name for pk, name in ClaudeAccount.objects.values_list("pk", "name")}
    rows = format_html_join(
        "\n",
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        (
            (line.day, names.get(line.account, line.account), f"{line.tokens:+,}", _money(line), _final(line))
            for line in lines
        ),
    )
    head = "<tr><th>day (UTC)</th><th>account</th><th>tokens</th><th>cost</th><th></th></tr>"
    return format_html("<table>{}{}</table>", SafeString(head), rows)


def _money(line: Line) -> str:
    return "not told" if line.cost_nano is None else f"${from_nano(line.cost_nano):+f}"


def _final(line: Line) -> str:
    return "final" if line.final else "not final"
