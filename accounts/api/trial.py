"""`/api/admin/accounts/{id}/test/`: whether Anthropic takes an account's key."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import account_forms as forms
from accounts.api.base import ManagementViewSet
from gateway.trial import try_key


class TrialShown(serializers.Serializer[Any]):
    """What was found out of a key."""

    works = serializers.BooleanField()
    outcome = serializers.CharField(help_text="success, key_rejected, spend_limit, connect, timeout, …")
    message = serializers.CharField()
    detail = serializers.CharField(help_text="Anthropic's own words, made plain.")
    status = serializers.IntegerField(allow_null=True, help_text="HTTP; null where no answer came.")
    organization_id = serializers.CharField()
    workspace_id = serializers.CharField()
    shares_organization_with = serializers.ListField(
        child=serializers.CharField(), help_text="Accounts of the pool with which it adds no capacity."
    )
    models = serializers.ListField(child=serializers.CharField(), help_text="Those that the key may use.")
    request_id = serializers.CharField()
    took_ms = serializers.IntegerField()


class AccountTrialViewSet(ManagementViewSet):
    """Keys put to the test."""

    queryset = forms.ROWS
    serializer_class = TrialShown
    pagination_class = None
    throttled_as_probe = ("test",)

    @extend_schema(summary="Test an account's key", request=None, responses=TrialShown)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """Counts a few tokens at Anthropic, which is free, within 10 s. What it learns of the account is kept."""
        return Response(TrialShown(try_key(self.one())).data)
