"""Which account holds what our clients made at Anthropic: a batch, file, skill or container lives in one workspace."""

from typing import Any

from django.db import models
from django.db.models import CASCADE, ProtectedError, Q
from django.utils import timezone

from accounts.models import ClaudeAccount


def unless_batches_are_open(collector: Any, field: Any, sub_objs: Any, using: str) -> None:  # noqa: ANN401 - Django's
    """Refuse the deletion of an account whose batches still run: their results could never be fetched."""
    running = sub_objs.filter(open_until__gt=timezone.now())
    if count := running.count():
        raise ProtectedError(f"{count} message batches still run there", set(running))
    CASCADE(collector, field, sub_objs, using)


class Resource(models.Model):
    """One thing at Anthropic. Only the access key that made it may name it."""

    class Kind(models.TextChoices):
        BATCH = "batch", "message batch"
        FILE = "file"
        SKILL = "skill"
        CONTAINER = "container"

    id = models.CharField(primary_key=True, max_length=200, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    account = models.ForeignKey(ClaudeAccount, on_delete=unless_batches_are_open, related_name="resources")
    principal = models.CharField("access key", max_length=100)
    client = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Whose limits its cost counts against."
    )
    document = models.JSONField(default=dict, help_text="What Anthropic last said of it; lists are made of these.")
    open_until = models.DateTimeField(null=True, blank=True, help_text="A batch that runs ends by then.")
    bill_due_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When to see whether a batch has ended, to charge it; empty: nothing is owed.",
    )
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Kept for a while as a place in lists.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["principal", "kind", "-created_at", "-id"], name="resource_list"),
            models.Index(fields=["bill_due_at"], condition=Q(bill_due_at__isnull=False), name="resource_unbilled"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
