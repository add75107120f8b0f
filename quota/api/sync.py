"""`/api/admin/accounts/{id}/sync/`: ask Anthropic's Admin API now."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ManagementViewSet
from accounts.models import ClaudeAccount
from quota.organizations.of_account import is_matched, sync_account


class RoundShown(serializers.Serializer[Any]):
    """How asking one organization went."""

    organization = serializers.CharField(help_text="As Anthropic calls it, once it has said so.")
    ok = serializers.BooleanField()
    why = serializers.CharField(help_text="What went wrong.")
    mend = serializers.CharField(help_text="What to do about it.")
    keys = serializers.IntegerField(help_text="API keys of the organization.")
    matched = serializers.IntegerField(help_text="Those that are accounts here.")


class SyncShown(serializers.Serializer[Any]):
    """What came of it."""

    ok = serializers.BooleanField(help_text="Every organization that was asked has answered.")
    matched = serializers.BooleanField(help_text="Whether Anthropic lists this account's key.")
    organization_id = serializers.CharField(help_text="The account's; empty while it is not known.")
    workspace_id = serializers.CharField()
    rounds = RoundShown(many=True)


class AccountSyncViewSet(ManagementViewSet):
    """Accounts and Anthropic's word on them."""

    queryset = ClaudeAccount.objects.all()
    serializer_class = SyncShown
    pagination_class = None
    throttled_as_probe = ("sync",)

    @extend_schema(summary="Ask Anthropic's Admin API about an account", request=None, responses=SyncShown)
    @action(detail=True, methods=["post"])
    def sync(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """Keys, limits, usage and cost of its organization, now (within two minutes); 409 without an Admin key."""
        account = self.one()
        rounds = sync_account(account, now=timezone.now())
        account.refresh_from_db()
        told = {
            "ok": all(one.ok for one in rounds),
            "matched": is_matched(account),
            "organization_id": account.organization_id,
            "workspace_id": account.workspace_id,
            "rounds": rounds,
        }
        return Response(SyncShown(told).data)
