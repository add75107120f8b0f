"""What can be done with alerts beside reading them; admin and REST call this and add nothing."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from accounts.models import ClaudeAccount, Pool
from accounts.money import from_nano
from quota.alert_store import add_step
from quota.alerting.values import CauseKind, StepKind, Subject
from quota.engine.types import Metric
from quota.models import QuotaAlert
from quota.models.alerts import PERSON, QuotaAlertQuerySet


def about(account: ClaudeAccount) -> QuotaAlertQuerySet:
    """Those of an account and of its organization, whose cool-downs are its own too; resolved ones as well."""
    whose = Q(subject=Subject.ACCOUNT, subject_id=str(account.pk))
    if account.organization_id:
        whose |= Q(subject=Subject.ORGANIZATION, subject_id=account.organization_id)
    return QuotaAlert.objects.filter(whose, pool=account.pool_id)


def with_pool_names(alerts: QuotaAlertQuerySet) -> QuotaAlertQuerySet:
    """Beside the pool's id its name; alerts outlive pools, so a join would lose rows."""
    return alerts.annotate(pool_name=Subquery(Pool.objects.filter(pk=OuterRef("pool_id")).values("name")[:1]))


def amount_in(alert: QuotaAlert, number: int | None) -> int | Decimal | None:
    """A number of an alert in people's units: dollars where its limit is one of cost."""
    if number is None or alert.kind != CauseKind.LIMIT:
        return number
    of_cost = f" {alert.detail}".rpartition(" per ")[0].endswith(f" {Metric.COST}")
    return from_nano(number) if of_cost else number


@transaction.atomic
def acknowledge(alert: QuotaAlert, *, by: str, now: datetime) -> bool:
    """Note that a person has seen it, and tell; nothing else changes. False: it is over, or somebody was faster."""
    free = QuotaAlert.objects.open().filter(pk=alert.pk, acknowledged_at=None)
    changed = free.update(acknowledged_at=now, acknowledged_by=by[:PERSON])
    if changed:
        add_step(alert, StepKind.ACKNOWLEDGED, at=now, by=by[:PERSON])
    alert.refresh_from_db()
    return bool(changed)
