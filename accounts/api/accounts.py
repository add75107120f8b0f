"""`/api/admin/accounts/`: make, list, show, change, switch and delete accounts."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import editing
from accounts.api import account_forms as forms
from accounts.api.base import IF_MATCH, ManagementViewSet, principal_of, versioned, visible
from accounts.api.reading import body_of, expected_versions, query_of
from accounts.leases import leases_of
from accounts.models import Pool

_ACCOUNT = forms.AccountShown


class AccountViewSet(ManagementViewSet):
    """Claude accounts."""

    queryset = forms.ROWS
    serializer_class = _ACCOUNT

    @extend_schema(parameters=[forms.AccountQuery], summary="List accounts")
    def list(self, request: Request) -> Response:
        """All accounts, a page at a time."""
        return self.paged(forms.filtered(self.rows(), query_of(request, forms.AccountQuery)), _ACCOUNT)

    @extend_schema(summary="Show an account")
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """One account, with its ETag."""
        return versioned(self.one(), _ACCOUNT)

    @extend_schema(summary="Add an account", request=forms.AccountNew, responses={201: _ACCOUNT})
    @sensitive_variables("values")
    def create(self, request: Request) -> Response:
        """A new account in a pool. Test its key with `test/`."""
        values = forms.whole(body_of(request, forms.AccountNew))
        pools = visible(Pool.objects.all(), request, pool="pk")
        values["pool"] = get_object_or_404(pools, pk=values["pool"])
        account = editing.add_account(actor=str(principal_of(request)), **values)
        return versioned(account, _ACCOUNT, status=201)

    @extend_schema(
        parameters=[IF_MATCH], summary="Replace an account's settings", request=forms.AccountChange, responses=_ACCOUNT
    )
    @sensitive_variables("values")
    def update(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """All settings at once; what is left out takes its default."""
        return self._edited(request, forms.whole(body_of(request, forms.AccountChange)))

    @extend_schema(
        parameters=[IF_MATCH], summary="Change an account's settings", request=forms.AccountChange, responses=_ACCOUNT
    )
    @sensitive_variables("values")
    def partial_update(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Those settings that are named, single limits included."""
        return self._edited(request, body_of(request, forms.AccountChange, partial=True))

    @sensitive_variables("values")
    def _edited(self, request: Request, values: dict[str, Any]) -> Response:
        expected = expected_versions(request, values.pop("version", None))
        actor = str(principal_of(request))
        account = editing.edit_account(self.one().pk, expected=expected, actor=actor, **values)
        return versioned(account, _ACCOUNT)

    @extend_schema(
        parameters=[IF_MATCH],
        summary="Delete an account",
        responses={204: OpenApiResponse(description="Gone for good.")},
    )
    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """For good; refused (409) while it is enabled, has requests under way or batches that still run."""
        expected = expected_versions(request, None, required=False)
        actor = str(principal_of(request))
        editing.remove_account(self.one().pk, expected=expected, leases_of=leases_of, actor=actor)
        return Response(status=204)

    @extend_schema(summary="Enable an account", request=None, responses=_ACCOUNT)
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Bring it back; what was held against its key is forgotten. Repeating it changes nothing."""
        return self._switched(request, enabled=True)

    @extend_schema(summary="Disable an account", request=None, responses=_ACCOUNT)
    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Take it out; requests under way end as usual, history stays. Repeating it changes nothing."""
        return self._switched(request, enabled=False)

    def _switched(self, request: Request, *, enabled: bool) -> Response:
        account = self.one()
        editing.switch_account(account, enabled=enabled, actor=str(principal_of(request)))
        return versioned(account, _ACCOUNT)
