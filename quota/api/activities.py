"""`/api/admin/activities/`: the log of requests, and what the pool decided for each."""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import PAGE_SIZE, PAGE_SIZE_MAX, ManagementViewSet
from accounts.api.reading import Strict, query_of
from notifications.told import told_of
from notifications.wiring import told_of_requests
from quota import facts
from quota.activity_log import FILTERS, CursorRefused, Place, Wanted, attempts_of, page_of, with_names
from quota.api.shown import DollarsField
from quota.facts import ActivityStatus, AttemptState
from quota.models import Activity

_NEWEST, _OLDEST = "-started_at", "started_at"


class ActivityQuery(Strict):
    """Filters and place of the list."""

    pool = serializers.UUIDField(required=False)
    account = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(choices=list(ActivityStatus), required=False)
    session = serializers.CharField(required=False, max_length=facts.LONG)
    access_key = serializers.CharField(required=False, max_length=facts.NAME, help_text="Id of the key used.")
    request_id = serializers.CharField(required=False, max_length=facts.NAME, help_text="Anthropic's own.")
    since = serializers.DateTimeField(required=False, help_text="Started at this time or later.")
    until = serializers.DateTimeField(required=False, help_text="Started before this time.")
    ordering = serializers.ChoiceField(choices=[_NEWEST, _OLDEST], default=_NEWEST)
    cursor = serializers.CharField(required=False, max_length=200, help_text="From `next`.")
    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)

    def validate_cursor(self, value: str) -> Place:
        """A cursor is a place; one of somebody's own making is refused."""
        try:
            return Place.read(value)
        except CursorRefused as refused:
            raise serializers.ValidationError(str(refused)) from None


class TokensShown(serializers.Serializer[Any]):
    """Tokens and searches by kind."""

    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cache_read_tokens = serializers.IntegerField()
    cache_write_5m_tokens = serializers.IntegerField()
    cache_write_1h_tokens = serializers.IntegerField()
    web_searches = serializers.IntegerField()


class CostShown(serializers.Serializer[Any]):
    """US dollars as text; not `known` where a price had to be assumed."""

    usd = DollarsField(source="cost")
    nano_usd = serializers.IntegerField(source="cost_nano")
    known = serializers.BooleanField(source="price_known")
    estimated = serializers.BooleanField(
        source="cost_is_estimate", help_text="Nobody told what was used: the reservation was charged."
    )


class ActivityShown(serializers.Serializer[Any]):
    """One request. Names are null where pool or account have been deleted since."""

    id = serializers.UUIDField()
    pool = serializers.UUIDField(source="pool_id")
    pool_name = serializers.CharField(allow_null=True)
    account = serializers.UUIDField(source="account_id", allow_null=True, help_text="Who answered.")
    account_name = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=list(ActivityStatus))
    source = serializers.CharField()  # type: ignore[assignment] # a field of that name, not the base's attribute
    model = serializers.CharField(help_text="As asked for.")
    served_model = serializers.CharField(help_text="As answered.")
    category = serializers.CharField()
    session = serializers.CharField()
    access_key = serializers.CharField()
    stream = serializers.BooleanField()
    attempts = serializers.IntegerField()
    usage = TokensShown(source="*")
    cost = CostShown(source="*")
    request_id = serializers.CharField()
    error_type = serializers.CharField()
    error_message = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(help_text="The last sign of life.")


class AttemptShown(serializers.Serializer[Any]):
    """One call to Anthropic, as it was charged."""

    number = serializers.IntegerField()
    account = serializers.UUIDField(source="account_id")
    account_name = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=list(AttemptState))
    outcome = serializers.CharField()
    verdict = serializers.CharField(help_text="What the breaker heard.")
    why = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    model = serializers.CharField()
    usage = TokensShown(source="*")
    tokens = serializers.IntegerField(help_text="What counted against the limits.")
    cost = CostShown(source="*")
    request_id = serializers.CharField()
    granted_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    first_content_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class ToldShown(serializers.Serializer[Any]):
    """What became of the message that the request ended, at one destination that is configured."""

    destination = serializers.CharField()
    state = serializers.ChoiceField(
        choices=["none", "waiting", "sent", "skipped", "failed"], help_text="none: no message."
    )
    at = serializers.DateTimeField(allow_null=True, help_text="When it was sent or given up.")
    why = serializers.CharField(help_text="What is in the way, if anything.")


class ActivityDetail(ActivityShown):
    """One request with its decision chain: each decision in words, each call with what it cost, who was told."""

    decision = serializers.ListField(child=serializers.CharField())
    calls = AttemptShown(many=True)
    told = ToldShown(many=True)


@extend_schema_serializer(many=False)
class ActivityList(serializers.Serializer[Any]):
    """A part of the log. `next` is null at the end."""

    next = serializers.CharField(allow_null=True)
    results = ActivityShown(many=True)


class ActivityViewSet(ManagementViewSet):
    """Requests."""

    queryset = Activity.objects.all()
    serializer_class = ActivityShown
    pagination_class = None

    @extend_schema(summary="List requests", parameters=[ActivityQuery], responses={200: ActivityList})
    def list(self, request: Request) -> Response:
        """The log, newest first unless asked otherwise; `next` leads on."""
        asked = query_of(request, ActivityQuery)
        page = page_of(self.rows(), _wanted(asked))
        following = _following(request, str(page.following)) if page.following else None
        return Response(ActivityList({"next": following, "results": page.rows}).data)

    @extend_schema(summary="Show a request", responses=ActivityDetail)
    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - the router's arguments
        """One request with all that was decided for it."""
        activity = self.one()
        activity.calls = attempts_of(activity)
        activity.told = told_of(str(activity.pk), destinations=told_of_requests())
        return Response(ActivityDetail(activity).data)

    def rows(self) -> Any:  # noqa: ANN401 - a queryset
        """With names where one is shown."""
        return with_names(super().rows()) if self.action == "retrieve" else super().rows()


def _wanted(asked: dict[str, Any]) -> Wanted:
    return Wanted(
        equal={name: asked[name] for name in sorted(FILTERS & asked.keys())},
        since=asked.get("since"),
        until=asked.get("until"),
        oldest_first=asked["ordering"] == _OLDEST,
        after=asked.get("cursor"),
        limit=asked["page_size"],
    )


def _following(request: Request, cursor: str) -> str:
    query = {**request.query_params.dict(), "cursor": cursor}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
