"""AuditEntry: who changed what. Written with the change itself, never edited, and without any secret."""

from __future__ import annotations

from django.db import models

from accounts.actors import Via

_WAYS = {Via.ADMIN: "admin site", Via.API: "REST API", Via.COMMAND: "command line", Via.POOL: "the pool itself"}


class AuditEntry(models.Model):
    """One change of one pool, account or access key, or one order that an account was given."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField("when", auto_now_add=True)
    actor = models.CharField("who", max_length=150, blank=True, default="")
    via = models.CharField("by way of", max_length=10, choices=[(way.value, words) for way, words in _WAYS.items()])
    action = models.CharField("did", max_length=30)
    kind = models.CharField("what", max_length=30)
    object_id = models.CharField("its id", max_length=40)
    name = models.CharField(max_length=100, help_text="As it was called then.")
    changes = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("-at", "-id")
        verbose_name = "audit log entry"
        verbose_name_plural = "audit log entries"
        indexes = (
            models.Index(fields=["-at", "-id"], name="audit_recent"),
            models.Index(fields=["object_id", "-at"], name="audit_by_object"),
            models.Index(fields=["actor", "-at"], name="audit_by_actor"),
            models.Index(fields=["name", "-at"], name="audit_by_name"),
        )

    def __str__(self) -> str:
        return f"{self.actor or self.get_via_display()} {self.action} {self.kind} {self.name}"
