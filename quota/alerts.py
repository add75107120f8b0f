"""What can be done with alerts beside reading them; admin and REST call this and add nothing."""

import uuid
from datetime import datetime

from django.db import transaction

from quota.alert_store import add_step
from quota.alerting.values import StepKind
from quota.models import QuotaAlert
from quota.models.alerts import PERSON, QuotaAlertQuerySet


def alerts_of(pool_id: uuid.UUID | None = None, *, only_open: bool = True) -> QuotaAlertQuerySet:
    """The alerts of one pool or of all, newest first; resolved ones too, if asked for."""
    alerts = QuotaAlert.objects.open() if only_open else QuotaAlert.objects.all()
    return alerts if pool_id is None else alerts.filter(pool=pool_id)


@transaction.atomic
def acknowledge(alert: QuotaAlert, *, by: str, now: datetime) -> bool:
    """Note that a person has seen it, and tell; nothing else changes. False: it is over, or somebody was faster."""
    free = QuotaAlert.objects.open().filter(pk=alert.pk, acknowledged_at=None)
    changed = free.update(acknowledged_at=now, acknowledged_by=by[:PERSON])
    if changed:
        add_step(alert, StepKind.ACKNOWLEDGED, at=now, by=by[:PERSON])
    alert.refresh_from_db()
    return bool(changed)
