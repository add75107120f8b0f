"""`/api/admin/accounts/{id}/…`: how an account fares, what it used, and orders to its breaker."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ManagementViewSet, principal_of
from accounts.api.reading import Strict, Text, body_of, query_of
from accounts.models import ClaudeAccount
from quota import control
from quota.api.shown import HealthShown, UsageShown
from quota.health import health_of
from quota.usage import Period, usage_of


class Reason(Strict):
    """What to tell the others."""

    why = Text(max_length=200, default="", allow_blank=True, help_text="Shown as the breaker's reason.")


class PeriodQuery(Strict):
    """How far back."""

    period = serializers.ChoiceField(choices=list(Period), default=Period.DAY)


class AccountLiveViewSet(ManagementViewSet):
    """Accounts as they run."""

    queryset = ClaudeAccount.objects.all()
    serializer_class = HealthShown
    pagination_class = None

    @extend_schema(summary="Show how an account fares", responses=HealthShown)
    @action(detail=True, methods=["get"])
    def health(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """Breaker, cool-downs, requests under way, limits used, when it is back, and its last error."""
        return _health(self.one())

    @extend_schema(summary="Show what an account used", parameters=[PeriodQuery], responses=UsageShown)
    @action(detail=True, methods=["get"])
    def usage(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """By the hour for 24h, by the UTC day for 7d and 30d; the last step is the present one."""
        period = Period(query_of(request, PeriodQuery)["period"])
        return Response(UsageShown(usage_of(self.one(), period=period, now=timezone.now())).data)

    @extend_schema(summary="Reset an account's breaker", request=None, responses=HealthShown)
    @action(detail=True, methods=["post"], url_path="reset-circuit")
    def reset_circuit(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Closed, automatic, no failures remembered."""
        return self._ordered(request, control.reset_breaker)

    @extend_schema(summary="Force an account's breaker open", request=Reason, responses=HealthShown)
    @action(detail=True, methods=["post"], url_path="force-open")
    def force_open(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """No requests go there until it is reset or forced closed."""
        return self._ordered(request, control.force_open, why=body_of(request, Reason)["why"])

    @extend_schema(summary="Force an account's breaker closed", request=Reason, responses=HealthShown)
    @action(detail=True, methods=["post"], url_path="force-close")
    def force_close(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Requests go there whatever the breaker finds, until it is reset or forced open."""
        return self._ordered(request, control.force_closed, why=body_of(request, Reason)["why"])

    @extend_schema(summary="End an account's cool-downs", request=None, responses=HealthShown)
    @action(detail=True, methods=["post"], url_path="clear-cool-down")
    def clear_cool_down(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Those of its organization too."""
        return self._ordered(request, control.clear_cooldown)

    def _ordered(self, request: Request, order: Callable[..., None], **how: Any) -> Response:  # noqa: ANN401
        account = self.one()
        order(account.pool_id, str(account.pk), actor=str(principal_of(request)), **how)
        return _health(account)


def _health(account: ClaudeAccount) -> Response:
    return Response(HealthShown(health_of(account)).data)
