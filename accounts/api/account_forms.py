"""Accounts in JSON, going out and coming in. A key comes in and never goes out."""

from typing import Any

from rest_framework import serializers

from accounts.api.limits import Limits, budget_action, concurrency
from accounts.api.reading import Flag, PageQuery, SeenVersion, Strict, Text
from accounts.models import ClaudeAccount
from accounts.models.claude_accounts import MAX_WEIGHT
from accounts.models.limits import LIMIT_FIELDS, BudgetAction
from accounts.validators import MAX_MODEL_NAME

PRIORITY_MAX = 2_147_483_647
MODELS_MAX = 200


class KeyShown(serializers.Serializer[Any]):
    """All that is ever shown of a key."""

    hint = serializers.CharField(source="key_hint", help_text="Its last characters.")
    fingerprint = serializers.CharField(source="key_fingerprint", help_text="The same for the same key.")
    readable = serializers.BooleanField(
        source="has_readable_key", help_text="Whether it can be decrypted with the encryption keys in force."
    )


class AccountShown(serializers.Serializer[Any]):
    """One account as it is configured; how it fares is at `health/`."""

    id = serializers.UUIDField()
    pool = serializers.UUIDField(source="pool_id")
    pool_name = serializers.CharField(source="pool.name")
    name = serializers.CharField()
    key = KeyShown(source="*")
    base_url = serializers.CharField()
    priority = serializers.IntegerField(help_text="Lower is tried first; matters to the priority strategy only.")
    weight = serializers.IntegerField()
    max_concurrency = serializers.IntegerField(allow_null=True, help_text="Requests at once; null: as many as come.")
    enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField()
    limits = Limits(source="*")
    budget_action = serializers.ChoiceField(choices=list(BudgetAction))
    allowed_models = serializers.ListField(child=serializers.CharField(), help_text="Empty: every model.")
    organization_id = serializers.CharField(help_text="Learned from Anthropic; empty until then.")
    workspace_id = serializers.CharField(help_text="Learned from Anthropic; empty until then.")
    version = serializers.IntegerField(help_text="Counts edits; also the ETag.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AccountSettings(Strict):
    """What can be set."""

    name = Text(max_length=100)
    api_key = Text(
        write_only=True,
        required=False,
        max_length=500,
        trim_whitespace=False,
        help_text="An API key of an organization you own (sk-ant-api…). Encrypted, and never shown again.",
    )
    base_url = Text(
        required=False, max_length=255, help_text="One of ANTHROPIC_BASE_URLS; left out: the first, or the simulator."
    )
    priority = serializers.IntegerField(min_value=0, max_value=PRIORITY_MAX, default=100)
    weight = serializers.IntegerField(min_value=1, max_value=MAX_WEIGHT, default=1)
    max_concurrency = concurrency()
    enabled = Flag(required=False)
    limits = Limits(source="*", required=False)
    budget_action = budget_action()
    allowed_models = serializers.ListField(child=Text(max_length=MAX_MODEL_NAME), max_length=MODELS_MAX, default=list)


class AccountNew(AccountSettings):
    """A new account."""

    pool = serializers.UUIDField()
    api_key = Text(write_only=True, max_length=500, trim_whitespace=False)


class AccountChange(AccountSettings):
    """With PUT, what is left out takes its default, but key, address, and whether it is enabled."""

    version = SeenVersion()


def whole(values: dict[str, Any]) -> dict[str, Any]:
    """With no limit where none was named: what PUT and POST mean by leaving one out."""
    return {**dict.fromkeys(LIMIT_FIELDS), **values}


class AccountQuery(PageQuery):
    """Filters and order of the list."""

    pool = serializers.UUIDField(required=False)
    enabled = serializers.BooleanField(required=False, allow_null=True, default=None)
    search = serializers.CharField(required=False, max_length=100, help_text="Part of the name.")
    ordering = serializers.ChoiceField(
        choices=[
            f"{sign}{column}" for column in ("name", "priority", "created_at", "updated_at") for sign in ("", "-")
        ],
        default="name",
    )


def filtered(rows: Any, asked: dict[str, Any]) -> Any:  # noqa: ANN401 - a queryset
    """The rows a query asks for, in a stable order."""
    if "pool" in asked:
        rows = rows.filter(pool=asked["pool"])
    if asked["enabled"] is not None:
        rows = rows.filter(enabled=asked["enabled"])
    if "search" in asked:
        rows = rows.filter(name__icontains=asked["search"])
    return rows.order_by(asked["ordering"], "pk")


ROWS = ClaudeAccount.objects.select_related("pool")
