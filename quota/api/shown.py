"""What the engine and the ledger know, in JSON. Money is US dollars as text, times are UTC."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from quota.alerting.forecast import Outcome
from quota.alerting.values import Subject
from quota.engine.said import Dimension
from quota.engine.types import BreakerMode, BreakerState, Metric, Scope, Window
from quota.forecasts import Outlook
from quota.health import amount_of
from quota.parsing import instant
from quota.status import Word


def dollars(amount: Decimal) -> str:
    """Every digit there is, and no exponent: 0.000132."""
    return f"{amount.normalize():f}"


@extend_schema_field(
    {
        "oneOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+(\.\d+)?$"}],
        "description": "Cost: US dollars.",
    }
)
class AmountField(serializers.Field[Any, Any, Any, Any]):
    """Requests and tokens as numbers, money as text."""

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401 - an Amount
        return dollars(value) if isinstance(value, Decimal) else value


@extend_schema_field({"type": "string", "pattern": r"^\d+(\.\d+)?$"})
class DollarsField(AmountField):
    """US dollars as text."""


@extend_schema_field({"type": ["string", "null"], "format": "date-time"})
class InstantField(serializers.Field[Any, Any, Any, Any]):
    """Milliseconds since 1970 as UTC; 0: never."""

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401 - a number
        return serializers.DateTimeField().to_representation(instant(value)) if value else None


class GoneShown(serializers.Serializer[Any]):
    """How much is gone. `remaining` is what neither was used nor is reserved by requests under way."""

    metric = serializers.ChoiceField(choices=list(Metric))
    window = serializers.ChoiceField(choices=list(Window))
    amount = AmountField()
    used = AmountField()
    reserved = AmountField()
    remaining = AmountField()


class LimitShown(GoneShown):
    """One limit of an account."""

    resets_at = serializers.DateTimeField(help_text="When it is whole again.")


class HoldShown(serializers.Serializer[Any]):
    """A cool-down."""

    scope = serializers.ChoiceField(choices=list(Scope))
    why = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: until a person acts.")
    model_group = serializers.CharField(help_text="Only these models; empty: all.")
    model = serializers.CharField(help_text="Only this model; empty: all.")


class RateLimitShown(serializers.Serializer[Any]):
    """One of Anthropic's own limits, by its latest answer and what was taken since."""

    model_group = serializers.CharField(help_text="Anthropic's limits count per group of models.")
    counts = serializers.ChoiceField(choices=list(Dimension))
    limit = serializers.IntegerField()
    remaining = serializers.IntegerField(help_text="Without what calls under way are expected to take.")
    full_at = serializers.DateTimeField(help_text="It fills continuously until then.")
    said_at = serializers.DateTimeField(help_text="The latest answer that told of it.")
    summary = serializers.CharField(help_text="For people: Anthropic says 0 of 50 requests remain until 12:31:05 UTC.")


class BreakerShown(serializers.Serializer[Any]):
    """The breaker; `mode` is what people said and wins over `state`."""

    state = serializers.ChoiceField(choices=list(BreakerState))
    mode = serializers.ChoiceField(choices=list(BreakerMode))
    failures = serializers.IntegerField(help_text="In a row.")
    threshold = serializers.IntegerField(help_text="So many open it.")
    open_until = serializers.DateTimeField(allow_null=True)
    back_in_seconds = serializers.IntegerField(allow_null=True)
    why = serializers.CharField()
    probing = serializers.BooleanField(help_text="Its probe is under way.")


class AccountNowShown(serializers.Serializer[Any]):
    """How an account fares, by the facts that the selection itself goes by."""

    account = serializers.UUIDField()
    name = serializers.CharField()
    organization_id = serializers.CharField(help_text="Limits and cool-downs are shared within one.")
    standing = serializers.ChoiceField(choices=list(Word))
    serving = serializers.BooleanField()
    summary = serializers.CharField(help_text="For people: breaker open (http 503), back in 4:12.")
    until = serializers.DateTimeField(allow_null=True)
    back_in_seconds = serializers.IntegerField(allow_null=True)
    breaker = BreakerShown()
    holds = HoldShown(many=True)
    limits = LimitShown(many=True)
    rate_limits = RateLimitShown(many=True, help_text="The organization's at Anthropic, as far as its answers told.")
    in_flight = serializers.IntegerField()
    max_concurrency = serializers.IntegerField(allow_null=True)
    load = serializers.FloatField(help_text="Its fullest limit: 0 is empty, 1 is full.")
    last_used_at = serializers.DateTimeField(allow_null=True)


class LastErrorShown(serializers.Serializer[Any]):
    """The latest call that counted against the breaker, of the last 31 days."""

    at = serializers.DateTimeField(source="granted_at")
    outcome = serializers.CharField()
    why = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    model = serializers.CharField()
    request_id = serializers.CharField()
    activity = serializers.UUIDField(source="activity_id", allow_null=True)


class ForecastShown(serializers.Serializer[Any]):
    """When a limit per day or month runs out, by what was used lately.

    Of nights, weekends and plans it knows nothing.
    """

    subject = serializers.ChoiceField(choices=list(Subject), help_text="Whose limit it is.")
    id = serializers.CharField(help_text="Of the account, access key or pool.")
    name = serializers.CharField()
    title = serializers.CharField(help_text="For people: tokens per day.")
    metric = serializers.ChoiceField(choices=list(Metric), source="limit.metric")
    window = serializers.ChoiceField(choices=list(Window), source="limit.window")
    amount = serializers.SerializerMethodField()
    remaining = serializers.SerializerMethodField(help_text="What neither was used nor is reserved.")
    resets_at = serializers.SerializerMethodField()
    outcome = serializers.ChoiceField(
        choices=list(Outcome),
        source="forecast.outcome",
        help_text="runs_out: about `at`; lasts: until it resets; out: used up; unknown: too little was used to say.",
    )
    at = InstantField(source="forecast.at_ms", help_text="The likely instant.")
    earliest = InstantField(source="forecast.earliest_ms", help_text="It may be as early as this.")
    latest = InstantField(source="forecast.latest_ms", help_text="And as late as this; null: or not at all.")
    text = serializers.CharField(help_text="The same in words, with the time it was taken from.")

    @extend_schema_field(AmountField)
    def get_amount(self, one: Outlook) -> Any:  # noqa: ANN401 - an Amount
        """The limit."""
        return AmountField().to_representation(amount_of(one.limit.metric, one.limit.amount))

    @extend_schema_field(AmountField)
    def get_remaining(self, one: Outlook) -> Any:  # noqa: ANN401 - an Amount
        """Never below zero."""
        left = max(0, one.limit.amount - one.used)
        return AmountField().to_representation(amount_of(one.limit.metric, left))

    @extend_schema_field(serializers.DateTimeField)
    def get_resets_at(self, one: Outlook) -> Any:  # noqa: ANN401 - text
        """When it is whole again."""
        return InstantField().to_representation(one.resets_ms)


class HealthShown(AccountNowShown):
    """As in `/api/quota/`, with the last error and the forecasts."""

    last_error = LastErrorShown(allow_null=True)
    forecasts = ForecastShown(many=True)


class SpentShown(serializers.Serializer[Any]):
    """What was used."""

    attempts = serializers.IntegerField(help_text="Calls to Anthropic, failed ones included.")
    requests = serializers.IntegerField(help_text="Those that were sent.")
    failures = serializers.IntegerField(help_text="Those that counted against the breaker.")
    expired = serializers.IntegerField(help_text="Those charged by estimate, because their process died.")
    unpriced = serializers.IntegerField(help_text="Those whose model no price list knows.")
    tokens = serializers.IntegerField()
    cost = DollarsField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cache_read_tokens = serializers.IntegerField()
    cache_write_5m_tokens = serializers.IntegerField()
    cache_write_1h_tokens = serializers.IntegerField()
    web_searches = serializers.IntegerField()


class StepShown(serializers.Serializer[Any]):
    """One hour, or one UTC day."""

    starts_at = serializers.DateTimeField()
    spent = SpentShown()


class OfModelShown(serializers.Serializer[Any]):
    """One model's share."""

    model = serializers.CharField()
    spent = SpentShown()


class UsageShown(serializers.Serializer[Any]):
    """A period: in all, by hour (24h) or UTC day, and by model, the dearest first."""

    period = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    total = SpentShown()
    series = StepShown(many=True)
    models = OfModelShown(many=True)


class RoomOfLimitShown(GoneShown):
    """Summed over the accounts that serve. While `unlimited` is not 0 the pool cannot run out by this limit."""

    accounts = serializers.IntegerField(help_text="Serving accounts that have such a limit.")
    unlimited = serializers.IntegerField(help_text="Serving accounts that have none.")
    soonest_reset_at = serializers.DateTimeField(allow_null=True)


class SharedOrganizationShown(serializers.Serializer[Any]):
    """Accounts whose limits Anthropic counts together: they add no room to one another."""

    organization_id = serializers.CharField()
    accounts = serializers.ListField(child=serializers.CharField())


class RoomOfPoolShown(serializers.Serializer[Any]):
    """A pool's room now."""

    pool = serializers.UUIDField()
    name = serializers.CharField()
    at = serializers.DateTimeField()
    strategy = serializers.CharField()
    accounts_total = serializers.IntegerField()
    accounts_serving = serializers.IntegerField()
    in_flight = serializers.IntegerField()
    back_at = serializers.DateTimeField(allow_null=True, help_text="When the first that does not serve comes back.")
    limits = RoomOfLimitShown(many=True)
    shared_organizations = SharedOrganizationShown(many=True)
    accounts = AccountNowShown(many=True)
    forecasts = ForecastShown(
        many=True, help_text="Each limit per day and month of its accounts, its access keys and itself."
    )


class QuotaShown(serializers.Serializer[Any]):
    """All pools."""

    pools = RoomOfPoolShown(many=True)
