"""Pool: a named set of accounts with one strategy, and the version that orders all edits to it."""

from __future__ import annotations

import uuid
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q

from accounts.models.limits import (
    POSITIVE,
    BudgetAction,
    budget_action_field,
    budget_constraint,
    dollars_field,
)
from accounts.money import to_nano
from accounts.signals import pool_changed
from accounts.validators import MAX_DOLLARS, plain_name
from quota.engine.types import Limit, Metric, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

# Note [Versions]
#     Edits reach Redis from several processes, and the last to arrive must not be the oldest. Every edit of a pool or
#     of one of its accounts therefore adds one to Pool.version by an UPDATE in its own transaction: the row lock makes
#     concurrent edits queue up, so none is lost, and whoever reads the version first and the accounts after it never
#     publishes old content under a new number. It holds for save(), for queryset updates and for bulk operations.


class Strategy(models.TextChoices):
    LEAST_LOADED = "least_loaded", "Least loaded: the account with the most capacity remaining"
    ROUND_ROBIN = "round_robin", "Round robin: each account in turn, equally often"
    RANDOM = "random", "Random: any healthy account, all equally likely"
    PRIORITY = "priority", "Priority: the lowest number first, the next one when it cannot serve"


class EstimatePolicy(models.TextChoices):
    EXPECTED = "expected", "Expected: reserve what such a request usually costs"
    WORST_CASE = "worst_case", "Worst case: reserve the longest possible answer; limits can never be exceeded"


class Degraded(models.TextChoices):
    LOCAL = "local", "Local: go on with a cautious share of the limits per process"
    REFUSE = "refuse", "Refuse: answer 503 until Redis is back"


def _share(noun: str, *, default: int) -> models.PositiveSmallIntegerField[int, int]:
    validators = [MinValueValidator(1), MaxValueValidator(100)]
    return models.PositiveSmallIntegerField(noun, default=default, db_default=default, validators=validators)


class PoolQuerySet(models.QuerySet["Pool"]):
    def update(self, **changes: Any) -> int:  # noqa: ANN401
        """As ever, and counts as an edit of each pool (see Note [Versions])."""
        with transaction.atomic(using=self.db):
            ids = list(self.values_list("pk", flat=True))
            changed = super().update(**{"version": F("version") + 1, **changes})
            announce(ids, using=self.db)
        return changed

    def bump(self) -> None:
        """Count an edit of each of these pools. Call it inside the edit's transaction."""
        self.update()


class Pool(models.Model):
    """Several Claude accounts that behave like one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True, validators=[plain_name])
    strategy = models.CharField(
        max_length=20,
        choices=Strategy.choices,
        default=Strategy.LEAST_LOADED,
        help_text="Who serves the next request, among the accounts that can serve it now.",
    )
    affinity = models.BooleanField(
        "session affinity",
        default=True,
        help_text="Keep a session on its account, so that Anthropic's prompt cache stays warm, unless that account is "
        "much fuller than the best one.",
    )
    affinity_ttl_seconds = models.PositiveIntegerField(
        "affinity lasts (seconds)",
        default=3600,
        validators=[MinValueValidator(1)],
        help_text="How long after its last request a session is remembered.",
    )
    queue_seconds = models.PositiveIntegerField(
        "wait at most (seconds)",
        default=5,
        validators=[MaxValueValidator(300)],
        help_text="How long a request waits when no account can serve it, before it is refused. 0: not at all.",
    )
    queue_size = models.PositiveIntegerField(
        "requests waiting at most",
        default=100,
        help_text="When so many wait already (per process), further ones are refused at once.",
    )
    breaker_threshold = models.PositiveIntegerField(
        "failures that open the breaker",
        default=5,
        validators=[MinValueValidator(1)],
        help_text="So many failures in a row set an account aside.",
    )
    breaker_open_seconds = models.PositiveIntegerField(
        "set aside for (seconds)",
        default=300,
        validators=[MinValueValidator(1)],
        help_text="After that time one request is let through as a probe.",
    )
    breaker_successes = models.PositiveIntegerField(
        "good probes that close it",
        default=1,
        validators=[MinValueValidator(1)],
        help_text="So many successful probes bring the account back.",
    )
    early_probe = models.BooleanField(
        default=False,
        help_text="When every account is set aside, probe the one closest to recovery every 5 seconds.",
    )
    outage_guard = models.BooleanField(
        default=True,
        help_text="When several accounts are told “overloaded” (529) at once, the outage is Anthropic's: set nobody "
        "aside, raise one alert. Needs three accounts.",
    )
    learn_limits = models.BooleanField(
        "heed Anthropic's limits",
        default=True,
        db_default=True,
        help_text="Go by what Anthropic's answers say of its own rate limits: what remains, and when it is full again.",
    )
    estimate_policy = models.CharField(
        max_length=20,
        choices=EstimatePolicy.choices,
        default=EstimatePolicy.EXPECTED,
        help_text="How much of an account's limits a request reserves before its answer is known.",
    )
    degraded = models.CharField(
        "when Redis is down",
        max_length=20,
        choices=Degraded.choices,
        default=Degraded.LOCAL,
        help_text="What to do while the shared counters cannot be reached.",
    )
    alert_warning_percent = _share("warn from (percent)", default=80)
    alert_critical_percent = _share("critical from (percent)", default=95)
    alert_exhausted_percent = _share("exhausted from (percent)", default=100)
    alert_min_serving = models.PositiveIntegerField(
        "accounts that ought to serve",
        default=2,
        db_default=2,
        help_text="When fewer can serve there is an alert. A pool that has fewer misses none.",
    )
    count_foreign_usage = models.BooleanField(
        "count what did not pass through us",
        default=False,
        db_default=False,
        help_text="Tokens and cost that Anthropic's Admin API reports for an account and that this pool did not serve "
        "count against the account's limits per day and month, some minutes late.",
    )
    alert_drift_percent = models.PositiveSmallIntegerField(
        "counts may differ by (percent)",
        null=True,
        blank=True,
        default=5,
        db_default=5,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="An alert when Anthropic's count of an account differs from ours by more. Empty: never.",
    )
    alert_drift_dollars = models.DecimalField(
        "and by at least (US dollars)",
        max_digits=12,
        decimal_places=2,
        default=Decimal(1),
        db_default=Decimal(1),
        validators=[MinValueValidator(0)],
        help_text="Smaller differences in cost are never worth an alert.",
    )
    alert_drift_tokens = models.PositiveBigIntegerField(
        "or by at least (tokens)",
        default=1_000_000,
        db_default=1_000_000,
        help_text="Smaller differences in tokens are never worth an alert.",
    )
    limit_cost_month = dollars_field(
        "US dollars per month", help_text="The pool's budget, over all its accounts. Empty: none."
    )
    budget_action = budget_action_field(default=BudgetAction.STOP)
    simulated = models.BooleanField(
        "simulated (demo)",
        default=False,
        help_text="The accounts are those of the built-in simulator: nothing reaches Anthropic and nothing is billed.",
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PoolQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        permissions = (("send_messages", "Can send requests through the pool"),)
        constraints = (
            models.CheckConstraint(condition=Q(strategy__in=Strategy.values), name="pool_strategy_known"),
            models.CheckConstraint(
                condition=Q(estimate_policy__in=EstimatePolicy.values), name="pool_estimate_policy_known"
            ),
            models.CheckConstraint(condition=Q(degraded__in=Degraded.values), name="pool_degraded_known"),
            models.CheckConstraint(
                condition=Q(breaker_threshold__gte=1, breaker_open_seconds__gte=1, breaker_successes__gte=1),
                name="pool_breaker_positive",
                violation_error_message="The breaker's numbers are at least 1.",
            ),
            models.CheckConstraint(
                condition=Q(affinity_ttl_seconds__gte=1),
                name="pool_affinity_ttl_positive",
                violation_error_message="Affinity lasts at least one second.",
            ),
            models.CheckConstraint(
                condition=Q(queue_seconds__lte=300),
                name="pool_queue_bounded",
                violation_error_message="Nobody waits longer than 300 seconds.",
            ),
            models.CheckConstraint(
                condition=Q(
                    alert_warning_percent__gte=1,
                    alert_critical_percent__gt=F("alert_warning_percent"),
                    alert_exhausted_percent__gte=F("alert_critical_percent"),
                    alert_exhausted_percent__lte=100,
                ),
                name="pool_alert_shares_in_order",
                violation_error_message="Shares rise: warning, then critical, then exhausted, up to 100 percent.",
            ),
            models.CheckConstraint(
                condition=Q(limit_cost_month__isnull=True)
                | Q(limit_cost_month__gt=0, limit_cost_month__lte=MAX_DOLLARS),
                name="pool_limit_cost_month_positive",
                violation_error_message=POSITIVE,
            ),
            models.CheckConstraint(
                condition=Q(alert_drift_percent__isnull=True) | Q(alert_drift_percent__range=(1, 100)),
                name="pool_drift_percent_possible",
                violation_error_message="Counts may differ by 1 to 100 percent.",
            ),
            models.CheckConstraint(
                condition=Q(alert_drift_dollars__gte=0, alert_drift_tokens__gte=0),
                name="pool_drift_floor_possible",
                violation_error_message="A difference is not below zero.",
            ),
            budget_constraint("pool"),
        )

    def __str__(self) -> str:
        return f"{self.name} (simulated)" if self.simulated else self.name

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:  # noqa: ANN401
        """As ever; an edit adds one to `version`, in the same transaction (see Note [Versions])."""
        with transaction.atomic(using=options.get("using")):
            save_versioned(self, super().save, update_fields=update_fields, **options)
            announce([self.pk], using=options.get("using"))

    def budget(self) -> Limit | None:
        """The month's dollars of all accounts and access keys together; None if there is no such limit."""
        if self.limit_cost_month is None:
            return None
        return Limit(Metric.COST, Window.MONTH, to_nano(self.limit_cost_month))

    def enforced_limits(self) -> tuple[Limit, ...]:
        """The pool's own limits that requests are refused for."""
        budget = self.budget()
        return (budget,) if budget and self.budget_action == BudgetAction.STOP else ()


def save_versioned(row: Any, save: Any, *, update_fields: Iterable[str] | None, **options: Any) -> None:  # noqa: ANN401
    """Save a row whose `version` counts its edits, leaving the true number on the instance."""
    if row._state.adding:  # noqa: SLF001 - documented by Django for this very question
        save(update_fields=update_fields, **options)
        return
    row.version = F("version") + 1
    if update_fields is not None:
        stamps = {"version", "updated_at"} & {field.name for field in row._meta.concrete_fields}  # noqa: SLF001 - documented
        update_fields = {*update_fields, *stamps}
    save(update_fields=update_fields, **options)
    row.refresh_from_db(fields=["version"], using=options.get("using"))


def announce(pool_ids: Iterable[uuid.UUID], *, using: str | None = None) -> None:
    """Tell `pool_changed` receivers once the transaction has committed."""
    for pool_id in pool_ids:
        transaction.on_commit(partial(pool_changed.send_robust, Pool, pool_id=pool_id), using=using)
