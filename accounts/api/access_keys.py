"""`/api/admin/access-keys/`: make, list, show and revoke what clients present. Never changed, never deleted."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import revoke_access_key
from accounts.api.account_forms import CONCURRENCY_MAX, Limits
from accounts.api.base import ManagementViewSet, principal_of, visible
from accounts.api.reading import PageQuery, Strict, Text, body_of, query_of
from accounts.issuing import issue_as
from accounts.models import AccessKey, Pool
from accounts.models.limits import LIMIT_FIELDS
from accounts.scopes import MEANINGS, Scope
from accounts.validators import MAX_MODEL_NAME

LISTED_MAX = 200
STATES = ("usable", "expired", "revoked")
_ROWS = AccessKey.objects.select_related("pool")


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
    max_concurrency = serializers.IntegerField(allow_null=True, help_text="Requests at once; null: as many as come.")
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_state(self, key: AccessKey) -> str:
        """At this moment."""
        return key.state_at(timezone.now())


class AccessKeyIssued(AccessKeyShown):
    """A new key, shown this once."""

    key = serializers.CharField(help_text="Keep it now; nobody can show it again.")


class AccessKeyNew(Strict):
    """A new key may do no more than whoever makes it."""

    name = Text(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(Scope)),
        min_length=1,
        max_length=len(Scope),
        help_text="; ".join(f"{scope}: {meaning}" for scope, meaning in MEANINGS.items()),
    )
    pool = serializers.UUIDField(required=False, allow_null=True, default=None)
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
    max_concurrency = serializers.IntegerField(min_value=1, max_value=CONCURRENCY_MAX, allow_null=True, default=None)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class AccessKeyQuery(PageQuery):
    """Filters and order of the list."""

    pool = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=STATES, required=False)
    ordering = serializers.ChoiceField(choices=["name", "-name", "created_at", "-created_at"], default="-created_at")


class AccessKeyViewSet(ManagementViewSet):
    """Access keys."""

    queryset = _ROWS
    serializer_class = AccessKeyShown

    @extend_schema(summary="List access keys", parameters=[AccessKeyQuery])
    def list(self, request: Request) -> Response:
        """All keys, a page at a time."""
        asked = query_of(request, AccessKeyQuery)
        rows = self.rows().filter(pool=asked["pool"]) if "pool" in asked else self.rows()
        rows = rows.in_state(asked["state"], now=timezone.now()) if "state" in asked else rows
        return self.paged(rows.order_by(asked["ordering"], "pk"), AccessKeyShown)

    @extend_schema(summary="Show an access key")
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """One key."""
        return Response(AccessKeyShown(self.one()).data)

    @extend_schema(summary="Make an access key", request=AccessKeyNew, responses={201: AccessKeyIssued})
    def create(self, request: Request) -> Response:
        """The answer holds the key, this once."""
        asked = body_of(request, AccessKeyNew)
        plain, key = issue_as(principal_of(request), **_facts(request, asked))
        key.key = plain  # type: ignore[attr-defined] # for this answer only; the row has no such column
        return Response(AccessKeyIssued(key).data, status=201)

    @extend_schema(summary="Revoke an access key", request=None, responses=AccessKeyShown)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """For good, and everywhere within a second. Repeating it changes nothing."""
        key = self.one()
        revoke_access_key(key, now=timezone.now())
        key.refresh_from_db()
        return Response(AccessKeyShown(key).data)


def _facts(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["expires_at"] is not None and asked["expires_at"] <= timezone.now():
        raise serializers.ValidationError({"expires_at": "That is in the past."})
    pools = visible(Pool.objects.all(), request, pool="pk")
    return {
        "name": asked["name"],
        "scopes": asked["scopes"],
        "pool": get_object_or_404(pools, pk=asked["pool"]) if asked["pool"] else None,
        "models": asked["allowed_models"],
        "networks": asked["allowed_networks"],
        "limits": {name: asked[name] for name in (*LIMIT_FIELDS, "max_concurrency") if name in asked},
        "expires_at": asked["expires_at"],
    }
