"""`/api/admin/pools/`: make, list, show, change and delete pools."""

from decimal import Decimal
from typing import Any

from django.db.models import Count, Q
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import editing
from accounts.api.base import IF_MATCH, ManagementViewSet, principal_of, versioned
from accounts.api.limits import budget_action, dollars
from accounts.api.reading import Flag, PageQuery, SeenVersion, Strict, Text, body_of, expected_versions, query_of
from accounts.models import Pool
from accounts.models.pools import Degraded, EstimatePolicy, Strategy

SECONDS_MAX = 31_536_000
COUNT_MAX = 1_000_000
TOKENS_MAX = 10**15

_COUNTED = Pool.objects.annotate(
    accounts_total=Count("accounts"), accounts_enabled=Count("accounts", filter=Q(accounts__enabled=True))
)


def _number(lowest: int, highest: int, default: int, **options: Any) -> serializers.IntegerField:  # noqa: ANN401
    return serializers.IntegerField(min_value=lowest, max_value=highest, default=default, **options)


class PoolSettings(Strict):
    """What can be set."""

    name = Text(max_length=100)
    strategy = serializers.ChoiceField(choices=Strategy.choices, default=Strategy.LEAST_LOADED)
    affinity = Flag(default=True, help_text="Sessions stay on their account.")
    affinity_ttl_seconds = _number(1, SECONDS_MAX, 3600)
    queue_seconds = _number(0, 300, 5, help_text="How long a request waits when nobody can serve it.")
    queue_size = _number(0, COUNT_MAX, 100)
    breaker_threshold = _number(1, COUNT_MAX, 5, help_text="Failures in a row that set an account aside.")
    breaker_open_seconds = _number(1, SECONDS_MAX, 300)
    breaker_successes = _number(1, COUNT_MAX, 1, help_text="Good probes that bring it back.")
    early_probe = Flag(default=False)
    outage_guard = Flag(default=True)
    learn_limits = Flag(default=True, help_text="Go by what Anthropic's answers say of its own rate limits.")
    estimate_policy = serializers.ChoiceField(choices=EstimatePolicy.choices, default=EstimatePolicy.EXPECTED)
    degraded = serializers.ChoiceField(choices=Degraded.choices, default=Degraded.LOCAL)
    alert_warning_percent = _number(1, 100, 80, help_text="Warn from this share of a limit on.")
    alert_critical_percent = _number(1, 100, 95)
    alert_exhausted_percent = _number(1, 100, 100)
    alert_min_serving = _number(0, COUNT_MAX, 2, help_text="When fewer accounts can serve there is an alert.")
    limit_cost_month = dollars(default=None, help_text="The pool's budget: US dollars per month, over all accounts.")
    budget_action = budget_action()
    count_foreign_usage = Flag(default=False, help_text="Usage that did not pass through the pool counts, too.")
    alert_drift_percent = _number(
        1, 100, 5, allow_null=True, help_text="An alert when Anthropic's count differs from ours by more. null: never."
    )
    alert_drift_dollars = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal(0), default=Decimal(1), help_text="Smaller ones never count."
    )
    alert_drift_tokens = _number(0, TOKENS_MAX, 1_000_000, help_text="Smaller ones never count.")


class PoolChange(PoolSettings):
    """With PUT, what is left out takes its default."""

    version = SeenVersion()


class PoolShown(PoolSettings):
    """One pool."""

    id = serializers.UUIDField()
    simulated = serializers.BooleanField(help_text="Its accounts are the built-in simulator's.")
    accounts_total = serializers.IntegerField()
    accounts_enabled = serializers.IntegerField()
    version = serializers.IntegerField(help_text="Counts edits of the pool and of its accounts; also the ETag.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PoolQuery(PageQuery):
    """Order of the list."""

    ordering = serializers.ChoiceField(choices=["name", "-name", "created_at", "-created_at"], default="name")


class PoolViewSet(ManagementViewSet):
    """Pools."""

    queryset = _COUNTED
    serializer_class = PoolShown
    pool_column = "pk"

    @extend_schema(parameters=[PoolQuery], summary="List pools")
    def list(self, request: Request) -> Response:
        """All pools, a page at a time."""
        return self.paged(self.rows().order_by(query_of(request, PoolQuery)["ordering"], "pk"), PoolShown)

    @extend_schema(summary="Show a pool")
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """One pool, with its ETag."""
        return versioned(self.one(), PoolShown)

    @extend_schema(summary="Add a pool", request=PoolSettings, responses={201: PoolShown})
    def create(self, request: Request) -> Response:
        """A new pool, without accounts."""
        who = principal_of(request)
        if who.pool_id:
            raise PermissionDenied("This access key belongs to one pool and cannot make others.")
        pool = editing.add_pool(actor=str(who), **body_of(request, PoolSettings))
        return versioned(_COUNTED.get(pk=pool.pk), PoolShown, status=201)

    @extend_schema(parameters=[IF_MATCH], summary="Replace a pool's settings", request=PoolChange, responses=PoolShown)
    def update(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """All settings at once; what is left out takes its default."""
        return self._edited(request, body_of(request, PoolChange))

    @extend_schema(parameters=[IF_MATCH], summary="Change a pool's settings", request=PoolChange, responses=PoolShown)
    def partial_update(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Those settings that are named."""
        return self._edited(request, body_of(request, PoolChange, partial=True))

    def _edited(self, request: Request, values: dict[str, Any]) -> Response:
        expected = expected_versions(request, values.pop("version", None))
        pool = editing.edit_pool(self.one().pk, expected=expected, actor=str(principal_of(request)), **values)
        return versioned(_COUNTED.get(pk=pool.pk), PoolShown)

    @extend_schema(
        parameters=[IF_MATCH], summary="Delete a pool", responses={204: OpenApiResponse(description="Gone for good.")}
    )
    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """For good; refused (409) while accounts or access keys belong to it."""
        pool = self.one()
        editing.refuse_stale(pool, expected_versions(request, None, required=False))
        editing.delete_pool(pool, actor=str(principal_of(request)))
        return Response(status=204)
