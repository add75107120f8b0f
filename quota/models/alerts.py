"""QuotaAlert: something that deserves attention, from when it was found until it is over; and each of its steps."""

import uuid

from django.db import models
from django.db.models import Q

from quota import facts
from quota.alerting.values import CauseKind, Level, StepKind, Subject
from quota.models.columns import pool_reference

CAUSE = 300
TEXT = 1_000
PERSON = 150


def _choice(*words: str) -> "models.CharField[str, str]":
    return models.CharField(max_length=20, choices=[(word, word.replace("_", " ")) for word in words])


class QuotaAlertQuerySet(models.QuerySet["QuotaAlert"]):
    def open(self) -> "QuotaAlertQuerySet":
        """Those whose cause lasts."""
        return self.filter(resolved_at=None)


class QuotaAlert(models.Model):
    """One cause, once. It keeps the highest level it had; numbers and text are those of its latest step."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pool = pool_reference()
    cause = models.CharField(max_length=CAUSE, editable=False)
    kind = _choice(*CauseKind)
    subject = _choice(*Subject)
    subject_id = models.CharField("subject's id", max_length=facts.NAME)
    subject_name = models.CharField("about", max_length=facts.LONG)
    detail = models.CharField(max_length=facts.NAME, blank=True, default="")
    level = _choice(*Level)
    title = models.CharField(max_length=CAUSE)
    text = models.CharField(max_length=TEXT, blank=True, default="")
    used = models.BigIntegerField(null=True, blank=True, help_text="In the limit's metric; cost in nano-dollars.")
    amount = models.BigIntegerField("limit", null=True, blank=True)
    until_at = models.DateTimeField("ends by itself", null=True, blank=True)
    opened_at = models.DateTimeField("since")
    calm_since = models.DateTimeField(null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField("resolved", null=True, blank=True)
    acknowledged_at = models.DateTimeField("acknowledged", null=True, blank=True)
    acknowledged_by = models.CharField(max_length=PERSON, blank=True, default="")
    steps = models.PositiveIntegerField(default=0, editable=False, help_text="How many people were told.")

    objects = QuotaAlertQuerySet.as_manager()

    class Meta:
        ordering = ("-opened_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["pool", "cause"], condition=Q(resolved_at=None), name="alert_once_while_open"
            ),
            models.CheckConstraint(condition=Q(level__in=list(Level)), name="alert_level_known"),
            models.CheckConstraint(condition=Q(kind__in=list(CauseKind)), name="alert_kind_known"),
        )
        indexes = (
            models.Index(fields=["-opened_at"], name="alert_recent"),
            models.Index(fields=["pool", "-opened_at"], name="alert_by_pool"),
            models.Index(fields=["subject_id", "-opened_at"], name="alert_by_subject"),
        )

    def __str__(self) -> str:
        return self.title


class QuotaAlertStep(models.Model):
    """One transition of an alert, kept for good and told once."""

    id = models.BigAutoField(primary_key=True)
    alert = models.ForeignKey(QuotaAlert, on_delete=models.CASCADE, related_name="history")
    number = models.PositiveIntegerField(help_text="Its place among the alert's steps, from 1.")
    kind = _choice(*StepKind)
    level = _choice(*Level)
    title = models.CharField(max_length=CAUSE)
    text = models.CharField(max_length=TEXT, blank=True, default="")
    at = models.DateTimeField()
    by = models.CharField(max_length=PERSON, blank=True, default="", help_text="Who, if a person did it.")
    told = models.BooleanField(default=False, editable=False)
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=["alert", "number"], name="alert_step_once"),)
        indexes = (models.Index(fields=["id"], condition=Q(told=False), name="alert_step_untold"),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"


class PoolWatch(models.Model):
    """Where watching a pool stands: what keeps workers from doing it twice or with what they saw earlier."""

    pool_id = models.UUIDField(primary_key=True)
    looked_at = models.DateTimeField(null=True, help_text="When a worker last set out to look.")
    seen_ms = models.BigIntegerField(default=0, help_text="The instant of the snapshot last judged.")
    summary_day = models.DateField(help_text="The day (UTC) up to which daily summaries were told.")

    def __str__(self) -> str:
        return str(self.pool_id)
