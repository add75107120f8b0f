"""Limited: at most so much per minute, UTC day and UTC month. What an account and an access key have in common."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.money import DECIMAL_PLACES, from_nano, to_nano
from accounts.validators import MAX_AMOUNT, MAX_DOLLARS, exact_dollars
from quota.engine.types import Limit, Metric, Window

COUNTED: Final = tuple(f"limit_{metric}_{window}" for metric in (Metric.REQUESTS, Metric.TOKENS) for window in Window)
COSTS: Final = tuple(f"limit_{Metric.COST}_{window}" for window in Window)
LIMIT_FIELDS: Final = (*COUNTED, *COSTS)
SMALLEST_DOLLARS: Final = from_nano(1)
POSITIVE: Final = "A limit is positive; leave it empty for none."


class BudgetAction(models.TextChoices):
    """What happens when a month's dollars are spent."""

    STOP = "stop", "Stop: refuse what would exceed it"
    ALERT = "alert", "Alert only: go on and say so"


def _amount(noun: str) -> models.PositiveBigIntegerField[int | None, int | None]:
    validators = [MinValueValidator(1, POSITIVE), MaxValueValidator(MAX_AMOUNT)]
    return models.PositiveBigIntegerField(noun, null=True, blank=True, validators=validators)


def dollars_field(noun: str, **options: Any) -> models.DecimalField[Decimal | None, Decimal | None]:  # noqa: ANN401 - as above
    validators: list[Any] = [
        MinValueValidator(SMALLEST_DOLLARS, POSITIVE),
        MaxValueValidator(MAX_DOLLARS),
        exact_dollars,
    ]
    return models.DecimalField(
        noun, max_digits=16, decimal_places=DECIMAL_PLACES, null=True, blank=True, validators=validators, **options
    )


def budget_action_field(**options: Any) -> models.CharField[str, str]:  # noqa: ANN401 - those of Django's field
    return models.CharField(
        "when the month's dollars are spent",
        max_length=10,
        choices=BudgetAction.choices,
        db_default=BudgetAction.STOP.value,  # for a version that does not know it
        **options,
    )


def budget_constraint(owner: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(budget_action__in=BudgetAction.values), name=f"{owner}_budget_action_known"
    )


def limit_constraints(owner: str) -> list[models.CheckConstraint]:
    """What the database itself holds limits to; `owner` begins the constraints' names."""
    concurrency = Q(max_concurrency__isnull=True) | Q(max_concurrency__gte=1)
    return [
        models.CheckConstraint(condition=concurrency, name=f"{owner}_concurrency_positive"),
        budget_constraint(owner),
        *(_limit_constraint(owner, field) for field in LIMIT_FIELDS),
    ]


def _limit_constraint(owner: str, field: str) -> models.CheckConstraint:
    largest = MAX_DOLLARS if field in COSTS else MAX_AMOUNT
    within = Q(**{f"{field}__gt": 0, f"{field}__lte": largest})
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | within,
        name=f"{owner}_{field}_positive",
        violation_error_message=POSITIVE,
    )


class Limited(models.Model):
    """Whoever may use only so much. An empty limit is none."""

    limit_requests_minute = _amount("requests per minute")
    limit_requests_day = _amount("requests per day")
    limit_requests_month = _amount("requests per month")
    limit_tokens_minute = _amount("tokens per minute")
    limit_tokens_day = _amount("tokens per day")
    limit_tokens_month = _amount("tokens per month")
    limit_cost_minute = dollars_field("US dollars per minute")
    limit_cost_day = dollars_field("US dollars per day")
    limit_cost_month = dollars_field("US dollars per month")
    budget_action = budget_action_field(default=BudgetAction.STOP)
    max_concurrency = models.PositiveIntegerField(
        "requests at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: as many as come.",
    )

    class Meta:
        abstract = True

    @property
    def limit_cost_minute_nano(self) -> int | None:
        return self.amount(Metric.COST, Window.MINUTE)

    @property
    def limit_cost_day_nano(self) -> int | None:
        return self.amount(Metric.COST, Window.DAY)

    @property
    def limit_cost_month_nano(self) -> int | None:
        return self.amount(Metric.COST, Window.MONTH)

    def amount(self, metric: Metric, window: Window) -> int | None:
        """A limit as the engine counts it (cost in nano-dollars); None when there is none."""
        value: Decimal | int | None = getattr(self, f"limit_{metric}_{window}")
        if value is None:
            return None
        return to_nano(Decimal(value)) if metric is Metric.COST else int(value)

    def limits(self) -> tuple[Limit, ...]:
        """Every limit that is set, in the engine's words."""
        pairs = ((metric, window, self.amount(metric, window)) for metric in Metric for window in Window)
        return tuple(Limit(metric, window, amount) for metric, window, amount in pairs if amount is not None)

    def budget(self) -> Limit | None:
        """The month's dollars, if they only alert."""
        amount = self.amount(Metric.COST, Window.MONTH)
        only_alerts = self.budget_action == BudgetAction.ALERT and amount is not None
        return Limit(Metric.COST, Window.MONTH, amount) if only_alerts and amount is not None else None

    def enforced_limits(self) -> tuple[Limit, ...]:
        """The limits that requests are refused for."""
        return tuple(limit for limit in self.limits() if limit != self.budget())
