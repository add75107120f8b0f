"""Limits in JSON, going out and coming in: what accounts, access keys and pools say alike."""

from typing import Any

from rest_framework import serializers

from accounts.api.reading import Strict
from accounts.models.limits import COSTS, POSITIVE, SMALLEST_DOLLARS, BudgetAction
from accounts.money import DECIMAL_PLACES
from accounts.validators import MAX_AMOUNT, MAX_DOLLARS
from quota.engine.types import Metric, Window

CONCURRENCY_MAX = 1_000_000


def dollars(**options: Any) -> serializers.DecimalField:  # noqa: ANN401 - those of REST framework's field
    """A limit in US dollars, as text; null: none."""
    return serializers.DecimalField(
        min_value=SMALLEST_DOLLARS,
        max_value=MAX_DOLLARS,
        max_digits=16,
        decimal_places=DECIMAL_PLACES,
        normalize_output=True,
        allow_null=True,
        error_messages={"min_value": POSITIVE},
        **options,
    )


def concurrency() -> serializers.IntegerField:
    """Requests at once; null: as many as come."""
    said = "Requests at once; null: as many as come."
    return serializers.IntegerField(
        min_value=1, max_value=CONCURRENCY_MAX, allow_null=True, default=None, help_text=said
    )


def budget_action() -> serializers.ChoiceField:
    """What happens when the month's dollars are spent."""
    said = "When the month's dollars (`cost` per `month`) are spent: refuse what exceeds them, or only tell people."
    return serializers.ChoiceField(choices=list(BudgetAction), default=BudgetAction.STOP.value, help_text=said)


def _limit(column: str) -> serializers.Field[Any, Any, Any, Any]:
    if column in COSTS:
        return dollars(source=column, required=False)
    return serializers.IntegerField(
        min_value=1,
        max_value=MAX_AMOUNT,
        source=column,
        required=False,
        allow_null=True,
        error_messages={"min_value": POSITIVE},
    )


def _limits_of(metric: Metric) -> type[Strict]:
    windows = {str(window): _limit(f"limit_{metric}_{window}") for window in Window}
    return type(f"{metric.capitalize()}Limits", (Strict,), windows)


RequestsLimits, TokensLimits, CostLimits = (_limits_of(metric) for metric in Metric)


class Limits(Strict):
    """Per minute (any 60 seconds), UTC day and UTC month. null: no limit. Cost is in US dollars, as text."""

    requests = RequestsLimits(source="*", required=False)
    tokens = TokensLimits(source="*", required=False)
    cost = CostLimits(source="*", required=False)
