"""Access keys in JSON, going out and coming in. The key itself goes out once, with the answer that makes it."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.limits import Limits, budget_action, concurrency
from accounts.api.reading import PageQuery, SeenVersion, Strict, Text
from accounts.models import AccessKey
from accounts.models.limits import BudgetAction
from accounts.scopes import MEANINGS, Scope
from accounts.validators import MAX_MODEL_NAME, not_past

LISTED_MAX = 200
STATES = ("usable", "expired", "revoked")


class AccessKeyShown(serializers.Serializer[Any]):
    """One access key; the key itself is kept nowhere."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    hint = serializers.CharField(help_text="How the key begins.")
    state = serializers.SerializerMethodField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(Scope)))
    pool = serializers.UUIDField(source="pool_id", allow_null=True, help_text="null: the default pool.")
    pool_name = serializers.CharField(source="pool.name", default=None, allow_null=True)
    allowed_models = serializers.ListField(child=serializers.CharField(), help_text="Empty: every model.")
    allowed_networks = serializers.ListField(child=serializers.CharField(), help_text="Empty: from anywhere.")
    limits = Limits(source="*")
    budget_action = serializers.ChoiceField(choices=list(BudgetAction))
    max_concurrency = serializers.IntegerField(allow_null=True, help_text="Requests at once; null: as many as come.")
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField(help_text="Counts edits; also the ETag.")
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_state(self, key: AccessKey) -> str:
        """At this moment."""
        return key.state_at(timezone.now())


class AccessKeyIssued(AccessKeyShown):
    """A new key, shown this once."""

    key = serializers.CharField(help_text="Keep it now; nobody can show it again.")


class Restrictions(Strict):
    """What may change after a key was made."""

    allowed_models = serializers.ListField(
        child=Text(max_length=MAX_MODEL_NAME),
        max_length=LISTED_MAX,
        default=list,
        help_text="Names; a * at the end stands for any ending.",
    )
    allowed_networks = serializers.ListField(
        child=Text(max_length=50), max_length=LISTED_MAX, default=list, help_text="10.0.0.0/8, …"
    )
    limits = Limits(source="*", required=False)
    budget_action = budget_action()
    max_concurrency = concurrency()
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class AccessKeyNew(Restrictions):
    """A new key may do no more than whoever makes it."""

    name = Text(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(Scope)),
        min_length=1,
        max_length=len(Scope),
        help_text="; ".join(f"{scope}: {meaning}" for scope, meaning in MEANINGS.items()),
    )
    pool = serializers.UUIDField(required=False, allow_null=True, default=None)


class AccessKeyChange(Restrictions):
    """What is named changes, single limits included; null takes a limit away."""

    version = SeenVersion()


class AccessKeyQuery(PageQuery):
    """Filters and order of the list."""

    pool = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=STATES, required=False)
    ordering = serializers.ChoiceField(choices=["name", "-name", "created_at", "-created_at"], default="-created_at")


def refuse_past(when: Any) -> None:  # noqa: ANN401 - a datetime or None
    """Raises ValidationError, which names the field."""
    try:
        not_past(when, now=timezone.now())
    except DjangoValidationError as refused:
        raise serializers.ValidationError({"expires_at": refused.messages}) from None
