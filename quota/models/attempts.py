"""Attempt: one upstream call as it was charged. Together they are the ledger."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from quota import facts
from quota.facts import AttemptState
from quota.models.columns import Spent, account_reference, none_negative, pool_reference

_VERDICTS = ("failure", "overloaded", "rejected")
_FAILED = Q(verdict__in=_VERDICTS)
FAILED = Q(verdict__in=[RawSQL(f"'{word}'", ()) for word in _VERDICTS])  # noqa: S611 - our own words
"""Calls that counted against the breaker, as `quota.facts` counts them. Written out, because SQLite uses a partial
index only where it sees that a query asks for no more than it holds, and it does not see into parameters."""


class Attempt(Spent):
    """One lease that ended. `tokens` and `cost_nano` are what the engine counted, to the token."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    lease_id = models.CharField(max_length=facts.LONG, unique=True)
    pool = pool_reference()
    account = account_reference()
    activity_id = models.UUIDField("activity", null=True, blank=True)
    access_key = models.CharField(
        max_length=facts.NAME, blank=True, default="", db_default="", help_text="Id of the key used."
    )
    session = models.CharField(max_length=facts.LONG, blank=True, default="", db_default="")
    number = models.PositiveIntegerField(default=0, help_text="Its place among the activity's attempts, from 1.")
    model = models.CharField(max_length=facts.NAME, blank=True, default="")
    group = models.CharField("model group", max_length=facts.NAME, blank=True, default="")
    state = models.CharField(max_length=20, choices=[(word.value, word.value) for word in AttemptState])
    usage_day = models.DateField(help_text="The UTC day whose limits it counts against.")
    counted_requests = models.PositiveSmallIntegerField(default=1, help_text="0: it was never sent.")
    tokens = models.BigIntegerField(default=0)
    estimated_tokens = models.BigIntegerField(default=0)
    estimated_cost_nano = models.BigIntegerField(default=0)
    price_known = models.BooleanField(default=True)
    verdict = models.CharField(max_length=facts.WORD, blank=True, default="", help_text="What the breaker heard.")
    outcome = models.CharField(max_length=facts.WORD, blank=True, default="")
    why = models.CharField(max_length=facts.LONG, blank=True, default="")
    status = models.PositiveSmallIntegerField("HTTP status", null=True, blank=True)
    request_id = models.CharField("upstream request id", max_length=facts.NAME, blank=True, default="")
    granted_at = models.DateTimeField("granted")
    started_at = models.DateTimeField("sent", null=True, blank=True)
    first_content_at = models.DateTimeField("first content", null=True, blank=True)
    ended_at = models.DateTimeField("ended", null=True, blank=True)
    entry = models.CharField(max_length=facts.ENTRY, editable=False, help_text="The stream entry it was read from.")

    class Meta:
        ordering = ("-granted_at",)
        constraints = (
            models.CheckConstraint(condition=Q(state__in=list(AttemptState)), name="attempt_state_known"),
            models.CheckConstraint(condition=~Q(lease_id=""), name="attempt_has_lease"),
            models.CheckConstraint(condition=Q(counted_requests__lte=1), name="attempt_counts_once"),
            models.CheckConstraint(
                condition=none_negative("tokens", "estimated_tokens", "estimated_cost_nano"),
                name="attempt_spent_not_negative",
            ),
        )
        indexes = (
            models.Index(fields=["-granted_at"], name="attempt_recent"),
            models.Index(fields=["activity_id", "number"], name="attempt_by_activity"),
            models.Index(fields=["account", "usage_day"], name="attempt_by_account_day"),
            models.Index(fields=["pool", "-granted_at"], name="attempt_by_pool"),
            models.Index(fields=["request_id"], name="attempt_by_request_id"),
            # Few rows of many: the last error of an account, and errors by kind.
            models.Index(fields=["account", "-granted_at"], condition=_FAILED, name="attempt_failed_by_account"),
            models.Index(fields=["-granted_at", "outcome"], condition=_FAILED, name="attempt_failed_by_time"),
        )

    def __str__(self) -> str:
        return self.lease_id

    @property
    def cost_is_estimate(self) -> bool:
        """Whether nobody told what it used: its reservation was charged."""
        return self.state == AttemptState.EXPIRED
