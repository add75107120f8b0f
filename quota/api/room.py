"""`/api/quota/`: how much room the pools have now."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import Management, visible
from accounts.api.reading import Strict, query_of
from accounts.models import ClaudeAccount, Pool
from quota.api.shown import QuotaShown
from quota.room import rooms


class QuotaQuery(Strict):
    """Which pool; all of them, if none is named."""

    pool = serializers.UUIDField(required=False)


class QuotaView(Management):
    """Room."""

    @extend_schema(summary="Show the pools' room", parameters=[QuotaQuery], responses=QuotaShown)
    def get(self, request: Request) -> Response:
        """For each pool its sums and each account's limits, with the soonest reset."""
        pools = visible(Pool.objects.order_by("name"), request, pool="pk")
        if named := query_of(request, QuotaQuery).get("pool"):
            pools = pools.filter(pk=named)
        accounts = ClaudeAccount.objects.filter(pool__in=pools)
        return Response(QuotaShown({"pools": rooms(pools, accounts)}).data)
