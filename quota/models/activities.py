"""Activity: the durable record of one request."""

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from accounts.money import from_nano
from quota import facts
from quota.facts import ActivityStatus
from quota.models.columns import Spent, account_reference, none_negative, pool_reference


def _added_text(*, help_text: str) -> "models.CharField[str, str]":
    """Make a column that workers of the version before this need not know: they leave it to the database."""
    return models.CharField(max_length=facts.NAME, blank=True, default="", db_default="", help_text=help_text)


NAMED_ERROR = Q(error_type__gt=RawSQL("''", ()))
"""Requests that have an error's name; written out for the sake of an index, as in `attempts`."""


class Activity(Spent):
    """One request of a client, however many calls it took."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pool = pool_reference()
    status = models.CharField(max_length=20, choices=[(word.value, word.value) for word in ActivityStatus])
    source = models.CharField(max_length=facts.WORD, blank=True, default="", help_text="Where it came in.")
    model = models.CharField(max_length=facts.NAME, blank=True, default="", help_text="As asked for.")
    served_model = models.CharField(max_length=facts.NAME, blank=True, default="", help_text="As answered.")
    category = models.CharField(max_length=facts.NAME, blank=True, default="")
    session = models.CharField(max_length=facts.LONG, blank=True, default="")
    access_key = models.CharField(max_length=facts.NAME, blank=True, default="", help_text="Id of the key used.")
    agent = _added_text(help_text="Which one of the session.")
    parent_agent = _added_text(help_text="Which one started that.")
    stream = models.BooleanField(default=False)
    account = account_reference(null=True)
    moved_from = account_reference(null=True, name="moved from")
    move_cost_nano = models.BigIntegerField("cost of the move (nano-dollars)", default=0, db_default=0)
    price_known = models.BooleanField(default=True, help_text="If not, the highest price known was charged.")
    attempts = models.PositiveIntegerField(default=0)
    decision = models.JSONField(default=list, blank=True, help_text="What was tried and why, in order.")
    request_id = models.CharField("upstream request id", max_length=facts.NAME, blank=True, default="")
    error_type = models.CharField(max_length=facts.NAME, blank=True, default="")
    error_message = models.CharField(max_length=facts.ERROR, blank=True, default="")
    started_at = models.DateTimeField("started")
    ended_at = models.DateTimeField("ended", null=True, blank=True)
    seen_at = models.DateTimeField("last sign of life")
    stage = models.PositiveIntegerField(default=0, editable=False, help_text="How far it got; see quota.facts.")
    stage_entry = models.CharField(max_length=facts.ENTRY, blank=True, default="", editable=False)

    class Meta:
        ordering = ("-started_at",)
        verbose_name_plural = "activities"
        constraints = (
            models.CheckConstraint(condition=Q(status__in=list(ActivityStatus)), name="activity_status_known"),
            models.CheckConstraint(condition=none_negative(), name="activity_spent_not_negative"),
            models.CheckConstraint(condition=Q(move_cost_nano__gte=0), name="activity_move_cost_not_negative"),
        )
        indexes = (
            models.Index(fields=["-started_at"], name="activity_recent"),
            models.Index(fields=["status", "-started_at"], name="activity_by_status"),
            models.Index(fields=["pool", "-started_at"], name="activity_by_pool"),
            models.Index(fields=["account", "-started_at"], name="activity_by_account"),
            models.Index(fields=["session", "-started_at"], name="activity_by_session"),
            models.Index(fields=["access_key", "-started_at"], name="activity_by_key"),
            models.Index(fields=["request_id"], name="activity_by_request_id"),
            models.Index(
                fields=["error_type", "-started_at"], condition=Q(error_type__gt=""), name="activity_by_error"
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def cost_is_estimate(self) -> bool:
        """Whether nobody knows what it used: the process that served it died, and the reservation was charged."""
        return self.status == ActivityStatus.UNKNOWN and self.cost_nano > 0

    @property
    def move_cost(self) -> Decimal:
        """US dollars, about, of `cost`: what re-creating the session's prompt cache cost."""
        return from_nano(self.move_cost_nano)
