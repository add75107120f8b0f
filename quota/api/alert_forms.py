"""Alerts in JSON, and how one asks for them."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.reading import PageQuery
from quota import facts
from quota.alerting.values import CauseKind, Level, StepKind, Subject
from quota.alerts import amount_in
from quota.api.shown import AmountField, dollars
from quota.models import QuotaAlert

_OPEN, _RESOLVED, _ALL = "open", "resolved", "all"


class AlertShown(serializers.Serializer[Any]):
    """Something that deserves attention, from when it was found until it is over."""

    id = serializers.UUIDField()
    pool = serializers.UUIDField(source="pool_id")
    pool_name = serializers.CharField(allow_null=True, help_text="null: the pool has been deleted since.")
    kind = serializers.ChoiceField(choices=list(CauseKind))
    subject = serializers.ChoiceField(choices=list(Subject), help_text="What it is about.")
    subject_id = serializers.CharField()
    subject_name = serializers.CharField()
    detail = serializers.CharField(help_text="Which limit, or why it is out: tokens per day, spend_limit, …")
    level = serializers.ChoiceField(choices=list(Level), help_text="The highest it had.")
    title = serializers.CharField()
    text = serializers.CharField()
    used = serializers.SerializerMethodField(help_text="Of a limit; reserved, too.")
    amount = serializers.SerializerMethodField(help_text="The limit.")
    opened_at = serializers.DateTimeField()
    until_at = serializers.DateTimeField(allow_null=True, help_text="When it ends by itself, as far as is known.")
    resolved_at = serializers.DateTimeField(allow_null=True, help_text="null: it lasts.")
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField()

    @extend_schema_field(AmountField(allow_null=True))
    def get_used(self, alert: QuotaAlert) -> Any:  # noqa: ANN401 - an Amount or None
        """Money is dollars."""
        return _plain(amount_in(alert, alert.used))

    @extend_schema_field(AmountField(allow_null=True))
    def get_amount(self, alert: QuotaAlert) -> Any:  # noqa: ANN401 - an Amount or None
        """Money is dollars."""
        return _plain(amount_in(alert, alert.amount))


class AlertStepShown(serializers.Serializer[Any]):
    """What became of it, step by step."""

    number = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=list(StepKind))
    level = serializers.ChoiceField(choices=list(Level))
    title = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField()
    by = serializers.CharField(help_text="Who, if a person did it.")


class AlertDetail(AlertShown):
    """One alert with its history."""

    history = AlertStepShown(many=True)


class AlertsOfOneQuery(PageQuery):
    """Filters and order of an account's alerts."""

    state = serializers.ChoiceField(choices=[_OPEN, _RESOLVED, _ALL], default=_OPEN)
    kind = serializers.ChoiceField(choices=list(CauseKind), required=False)
    level = serializers.ChoiceField(choices=list(Level), required=False)
    acknowledged = serializers.BooleanField(required=False, allow_null=True, default=None)
    since = serializers.DateTimeField(required=False, help_text="Opened at this time or later.")
    until = serializers.DateTimeField(required=False, help_text="Opened before this time.")
    ordering = serializers.ChoiceField(choices=["-opened_at", "opened_at"], default="-opened_at")


class AlertQuery(AlertsOfOneQuery):
    """Filters and order of the list."""

    pool = serializers.UUIDField(required=False)
    subject = serializers.ChoiceField(choices=list(Subject), required=False)
    subject_id = serializers.CharField(required=False, max_length=facts.NAME)


_LOOKUPS = {
    "pool": "pool",
    "subject": "subject",
    "subject_id": "subject_id",
    "kind": "kind",
    "level": "level",
    "since": "opened_at__gte",
    "until": "opened_at__lt",
}


def filtered(rows: Any, asked: dict[str, Any]) -> Any:  # noqa: ANN401 - a queryset
    """The rows a query asks for, in a stable order."""
    rows = rows.filter(**{_LOOKUPS[name]: asked[name] for name in _LOOKUPS.keys() & asked.keys()})
    if asked["state"] != _ALL:
        rows = rows.filter(resolved_at__isnull=asked["state"] == _OPEN)
    if asked["acknowledged"] is not None:
        rows = rows.filter(acknowledged_at__isnull=not asked["acknowledged"])
    return rows.order_by(asked["ordering"], "pk")


def _plain(value: int | Decimal | None) -> int | str | None:
    return dollars(value) if isinstance(value, Decimal) else value
