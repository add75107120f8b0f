"""RejectedKey: accounts that the engine is to let go of once they are enabled."""

import uuid

from django.db import models

from quota import facts


class RejectedKey(models.Model):
    """Anthropic refused its key, or a person has mended the account: a new key, or switched on again.

    Stays until the account is enabled and the engine has been told; see `quota.publish`.
    """

    account_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    pool_id = models.UUIDField("pool")
    why = models.CharField(max_length=facts.LONG, blank=True, default="")
    at = models.DateTimeField("rejected")

    class Meta:
        ordering = ("-at",)
        indexes = (models.Index(fields=["pool_id"], name="rejected_key_by_pool"),)

    def __str__(self) -> str:
        return str(self.account_id)
