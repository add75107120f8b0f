"""`/api/admin/access-keys/`: make, list, show, limit and revoke what clients present. Never deleted."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import revoke_access_key
from accounts.api import access_key_forms as forms
from accounts.api.base import IF_MATCH, ManagementViewSet, principal_of, versioned, visible
from accounts.api.reading import body_of, expected_versions, query_of
from accounts.issuing import issue_as, restrict_as
from accounts.models import AccessKey, Pool

_SHOWN = forms.AccessKeyShown


class AccessKeyViewSet(ManagementViewSet):
    """Access keys."""

    queryset = AccessKey.objects.select_related("pool")
    serializer_class = _SHOWN

    @extend_schema(summary="List access keys", parameters=[forms.AccessKeyQuery])
    def list(self, request: Request) -> Response:
        """All keys, a page at a time."""
        asked = query_of(request, forms.AccessKeyQuery)
        rows = self.rows().filter(pool=asked["pool"]) if "pool" in asked else self.rows()
        rows = rows.in_state(asked["state"], now=timezone.now()) if "state" in asked else rows
        return self.paged(rows.order_by(asked["ordering"], "pk"), _SHOWN)

    @extend_schema(summary="Show an access key")
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """One key, with its ETag."""
        return versioned(self.one(), _SHOWN)

    @extend_schema(summary="Make an access key", request=forms.AccessKeyNew, responses={201: forms.AccessKeyIssued})
    def create(self, request: Request) -> Response:
        """The answer holds the key, this once."""
        columns = body_of(request, forms.AccessKeyNew)
        forms.refuse_past(columns["expires_at"])
        pools = visible(Pool.objects.all(), request, pool="pk")
        columns["pool"] = get_object_or_404(pools, pk=columns["pool"]) if columns["pool"] else None
        plain, key = issue_as(principal_of(request), **columns)
        key.key = plain  # type: ignore[attr-defined] # for this answer only; the row has no such column
        return versioned(key, forms.AccessKeyIssued, status=201)

    @extend_schema(
        parameters=[IF_MATCH],
        summary="Change what an access key may use",
        request=forms.AccessKeyChange,
        responses=_SHOWN,
    )
    def partial_update(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Limits, models, networks and expiry, effective within a second. Name, scopes and pool stay what they are."""
        columns: dict[str, Any] = body_of(request, forms.AccessKeyChange, partial=True)
        expected = expected_versions(request, columns.pop("version", None))
        forms.refuse_past(columns.get("expires_at"))
        restrict_as(principal_of(request), self.one().pk, expected=expected, **columns)
        return versioned(self.one(), _SHOWN)

    @extend_schema(summary="Revoke an access key", request=None, responses=_SHOWN)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """For good, and everywhere within a second. Repeating it changes nothing."""
        key = self.one()
        revoke_access_key(key, now=timezone.now())
        key.refresh_from_db()
        return versioned(key, _SHOWN)
