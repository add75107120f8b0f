"""`/api/admin/alerts/` and an account's own: what deserves attention, what it was, and who has taken note."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ManagementViewSet, principal_of
from accounts.api.reading import query_of
from accounts.models import ClaudeAccount
from quota.alerts import about, acknowledge, with_pool_names
from quota.api import alert_forms as forms
from quota.models import QuotaAlert


class AlertViewSet(ManagementViewSet):
    """Alerts."""

    queryset = QuotaAlert.objects.all()
    serializer_class = forms.AlertShown

    @extend_schema(summary="List alerts", parameters=[forms.AlertQuery])
    def list(self, request: Request) -> Response:
        """Open ones unless asked otherwise, a page at a time."""
        return self.paged(forms.filtered(self.rows(), query_of(request, forms.AlertQuery)), forms.AlertShown)

    @extend_schema(summary="Show an alert", responses=forms.AlertDetail)
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """One alert with its history."""
        return self._shown()

    @extend_schema(summary="Acknowledge an alert", request=None, responses=forms.AlertDetail)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Say that you have taken note. Repeating it changes nothing; one that is over stays as it is."""
        acknowledge(self.one(), by=str(principal_of(request)), now=timezone.now())
        return self._shown()

    def rows(self) -> Any:  # noqa: ANN401 - a queryset
        """With the pool's name."""
        return with_pool_names(super().rows())

    def _shown(self) -> Response:
        return Response(forms.AlertDetail(self.one()).data)


class AccountAlertViewSet(ManagementViewSet):
    """An account's alerts."""

    queryset = ClaudeAccount.objects.all()
    serializer_class = forms.AlertShown

    @extend_schema(
        summary="List an account's alerts",
        parameters=[forms.AlertsOfOneQuery],
        responses=forms.AlertShown(many=True),
    )
    @action(detail=True, methods=["get"])
    def alerts(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """Those about it and about its organization; open ones unless asked otherwise, a page at a time."""
        asked = query_of(request, forms.AlertsOfOneQuery)
        return self.paged(forms.filtered(with_pool_names(about(self.one())), asked), forms.AlertShown)
