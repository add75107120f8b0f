"""SetAside: stream entries that made no sense, kept for people to look at."""

from django.db import models

from quota import facts


class SetAside(models.Model):
    """One entry that could not be read (or only in part). It blocks nothing and is never retried by itself."""

    id = models.BigAutoField(primary_key=True)
    pool_id = models.CharField("pool", max_length=facts.NAME)
    entry = models.CharField(max_length=facts.ENTRY)
    why = models.CharField(max_length=facts.ERROR)
    content = models.JSONField(default=dict)
    created_at = models.DateTimeField("set aside", auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        verbose_name = "entry set aside"
        verbose_name_plural = "entries set aside"
        constraints = (models.UniqueConstraint(fields=["pool_id", "entry"], name="set_aside_once"),)

    def __str__(self) -> str:
        return f"{self.entry}: {self.why}"
