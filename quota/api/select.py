"""`/api/admin/select/`: who would serve a request, and why not the others."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import Management, visible
from accounts.api.reading import Strict, Text, body_of
from accounts.default_pool import default_of
from accounts.models import Pool
from accounts.models.pools import Strategy
from gateway.preparing import ANSWER_MAX, MODEL_MAX, SESSION_MAX, affinity_key
from quota.api.shown import DollarsField
from quota.engine.types import Reason
from quota.selecting import Wanted, who_would_serve

TOKENS_MAX = 10_000_000


class Question(Strict):
    """A request as far as the choice depends on it."""

    model = serializers.RegexField(r"^[\x21-\x7e]+$", max_length=MODEL_MAX)
    pool = serializers.UUIDField(required=False, help_text="Left out: the access key's pool, else the default one.")
    session = Text(required=False, max_length=SESSION_MAX, help_text="As its client names it.")
    access_key = serializers.UUIDField(
        required=False, help_text="The id of the key that the session belongs to; sessions of two keys never meet."
    )
    input_tokens = serializers.IntegerField(min_value=0, max_value=TOKENS_MAX, default=0)
    max_tokens = serializers.IntegerField(min_value=0, max_value=ANSWER_MAX, default=4_096)
    tried = serializers.ListField(
        child=serializers.UUIDField(), max_length=100, default=list, help_text="Accounts that have failed already."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A session without its key would be looked for in the wrong place."""
        if attrs.get("session") and "access_key" not in attrs:
            raise serializers.ValidationError({"access_key": "Say whose session it is."})
        return attrs


class StandpointShown(serializers.Serializer[Any]):
    """One account's part in the choice."""

    account = serializers.UUIDField()
    name = serializers.CharField()
    eligible = serializers.BooleanField()
    rank = serializers.IntegerField(allow_null=True, help_text="1 is first; under random all that can serve are 1.")
    reason = serializers.ChoiceField(choices=[*Reason, ""], help_text="What keeps it out for longest; empty: nothing.")
    detail = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: until a person acts.")
    load = serializers.FloatField()
    in_flight = serializers.IntegerField()
    priority = serializers.IntegerField()


class SelectionShown(serializers.Serializer[Any]):
    """The choice as it would be made at this instant."""

    pool = serializers.UUIDField()
    at = serializers.DateTimeField()
    strategy = serializers.ChoiceField(choices=Strategy.choices)
    model = serializers.CharField()
    model_group = serializers.CharField(help_text="Anthropic's limits count per group of models.")
    tokens = serializers.IntegerField(help_text="What would be reserved.")
    cost = DollarsField(help_text="What would be reserved, in US dollars.")
    chosen = serializers.UUIDField(allow_null=True)
    chosen_name = serializers.CharField()
    why = serializers.CharField()
    by_chance = serializers.BooleanField(help_text="Asked again, another one may be chosen.")
    session_kept = serializers.BooleanField()
    session_moved_from = serializers.UUIDField(allow_null=True)
    retry_at = serializers.DateTimeField(allow_null=True, help_text="When somebody may be able to serve.")
    candidates = StandpointShown(many=True)


class SelectView(Management):
    """The choice."""

    @extend_schema(summary="Ask who would serve a request", request=Question, responses=SelectionShown)
    def post(self, request: Request) -> Response:
        """By the pool's strategy and the facts of this instant. Nothing is reserved, nobody's turn is taken."""
        asked = body_of(request, Question)
        selection = who_would_serve(_pool(request, asked), _wanted(asked), now=timezone.now())
        return Response(SelectionShown(selection).data)


def _pool(request: Request, asked: dict[str, Any]) -> Pool:
    pools = visible(Pool.objects.order_by("name"), request, pool="pk")
    if "pool" in asked:
        return get_object_or_404(pools, pk=asked["pool"])
    meant = default_of(pools)
    if meant is None:
        raise serializers.ValidationError({"pool": "Name the pool: none is called default."})
    return meant


def _wanted(asked: dict[str, Any]) -> Wanted:
    return Wanted(
        model=asked["model"],
        affinity=affinity_key(str(asked.get("access_key", "")), asked.get("session", "")),
        input_tokens=asked["input_tokens"],
        max_tokens=asked["max_tokens"],
        tried=tuple(str(account) for account in asked["tried"]),
    )
