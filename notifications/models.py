"""The outbox: letters to places outside, and where each place stands."""

from django.db import models
from django.db.models import Q

NAME = 100
EVENT = 200
WHY = 300


class SinkState(models.Model):
    """One destination: when it may be written to, who does, and why not, if so."""

    name = models.CharField(primary_key=True, max_length=NAME)
    fingerprint = models.CharField(max_length=64, editable=False, help_text="Of its settings.")
    disabled_at = models.DateTimeField("switched off", null=True, blank=True)
    why = models.CharField(max_length=WHY, blank=True, default="", help_text="Why it is switched off, or waits.")
    due_at = models.DateTimeField("not before", null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Tries in a row without an answer.")
    unlisted = models.PositiveIntegerField(default=0, help_text="Messages that were too many to be kept.")
    delivered_at = models.DateTimeField("last delivery", null=True, blank=True)
    holder = models.CharField(max_length=40, blank=True, default="", editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = "destination"

    def __str__(self) -> str:
        return self.name


class Letter(models.Model):
    """One message to one destination. Of an event there is one for each."""

    WAITING, SENT, SKIPPED, FAILED = "waiting", "sent", "skipped", "failed"

    id = models.BigAutoField(primary_key=True)
    sink = models.CharField("destination", max_length=NAME)
    event = models.CharField(max_length=EVENT)
    thread = models.CharField(max_length=EVENT)
    place = models.PositiveIntegerField(default=0, help_text="Its place in the thread.")
    lasting = models.BooleanField(default=False, help_text="Must arrive; others give way to later ones.")
    progress = models.BooleanField(default=False, help_text="Worth saying only now and then.")
    content = models.JSONField()
    at = models.DateTimeField(help_text="When it happened.")
    made_at = models.DateTimeField()
    heard_at = models.DateTimeField(null=True, blank=True, help_text="When a sign of the same trouble was last heard.")
    state = models.CharField(
        max_length=10, default=WAITING, choices=[(word, word) for word in (WAITING, SENT, SKIPPED, FAILED)]
    )
    done_at = models.DateTimeField("sent", null=True, blank=True)
    handle = models.CharField(max_length=NAME, blank=True, default="", editable=False)
    why = models.CharField(max_length=WHY, blank=True, default="")

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=["event", "sink"], name="letter_once_per_sink"),)
        indexes = (
            models.Index(fields=["sink", "id"], condition=Q(state="waiting"), name="letter_waiting"),
            models.Index(fields=["sink", "thread"], name="letter_by_thread"),
            models.Index(fields=["made_at"], name="letter_by_age"),
        )

    def __str__(self) -> str:
        return self.event
