"""The ledger added up: per account, model and access key by the hour and by the UTC day; per session by the day."""

from django.db import models
from django.db.models import Q

from quota import facts
from quota.facts import Span
from quota.models.columns import Spent, account_reference, none_negative, pool_reference

COUNTS = ("attempts", "requests", "failures", "expired", "unpriced", "tokens")


class UsageRollup(Spent):
    """Kept in step with the ledger in the same transaction: the sum of all days is the sum of all attempts."""

    id = models.BigAutoField(primary_key=True)
    pool = pool_reference()
    account = account_reference()
    model = models.CharField(max_length=facts.NAME, blank=True, default="")
    access_key = models.CharField(
        max_length=facts.NAME, blank=True, default="", db_default="", help_text="Id of the key used."
    )
    span = models.CharField(max_length=4, choices=[(word.value, word.value) for word in Span])
    starts_at = models.DateTimeField("from")
    attempts = models.BigIntegerField(default=0)
    requests = models.BigIntegerField(default=0, help_text="Those that were sent.")
    failures = models.BigIntegerField(default=0, help_text="Those that counted against the breaker.")
    expired = models.BigIntegerField(default=0, help_text="Those charged by estimate, because nobody settled them.")
    unpriced = models.BigIntegerField(default=0, help_text="Those whose model no price list knows.")
    tokens = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-starts_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["account", "span", "starts_at", "model", "pool", "access_key"], name="rollup_once_per_span"
            ),
            models.CheckConstraint(condition=Q(span__in=list(Span)), name="rollup_span_known"),
            models.CheckConstraint(condition=none_negative(*COUNTS), name="rollup_not_negative"),
        )
        indexes = (
            models.Index(fields=["-starts_at", "-id"], name="rollup_recent"),
            models.Index(fields=["span", "starts_at"], name="rollup_by_span"),
            models.Index(fields=["pool", "span", "starts_at"], name="rollup_by_pool"),
            models.Index(fields=["access_key", "span", "starts_at"], name="rollup_by_key"),
        )

    def __str__(self) -> str:
        return f"{self.span} of {self.starts_at:%Y-%m-%d %H:%M}"


class SessionRollup(Spent):
    """One session's UTC day, kept in step with the ledger in the same transaction. Old ones are let go of."""

    id = models.BigAutoField(primary_key=True)
    pool = pool_reference()
    session = models.CharField(max_length=facts.LONG)
    access_key = models.CharField(max_length=facts.NAME, blank=True, default="", help_text="Id of the key used.")
    starts_at = models.DateTimeField("day (UTC)")
    attempts = models.BigIntegerField("calls", default=0)
    requests = models.BigIntegerField("calls sent", default=0)
    failures = models.BigIntegerField(default=0, help_text="Those that counted against the breaker.")
    expired = models.BigIntegerField(default=0, help_text="Those charged by estimate, because nobody settled them.")
    unpriced = models.BigIntegerField(default=0, help_text="Those whose model no price list knows.")
    tokens = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-starts_at", "-id")
        verbose_name = "session's day"
        verbose_name_plural = "sessions by day"
        constraints = (
            models.UniqueConstraint(
                fields=["session", "access_key", "starts_at", "pool"], name="session_rollup_once_per_day"
            ),
            models.CheckConstraint(condition=~Q(session=""), name="session_rollup_has_session"),
            models.CheckConstraint(condition=none_negative(*COUNTS), name="session_rollup_not_negative"),
        )
        indexes = (
            models.Index(fields=["-starts_at", "-id"], name="session_rollup_recent"),
            models.Index(fields=["access_key", "-starts_at"], name="session_rollup_by_key"),
            models.Index(fields=["pool", "-starts_at"], name="session_rollup_by_pool"),
        )

    def __str__(self) -> str:
        return f"{self.session} on {self.starts_at:%Y-%m-%d}"
