"""RejectedKey: accounts whose key Anthropic refused and which the engine therefore holds until a person acts."""

import uuid

from django.db import models

from quota import facts


class RejectedKey(models.Model):
    """Stays until the account is enabled again and the engine has been told; see `quota.publish`."""

    account_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    pool_id = models.UUIDField("pool")
    why = models.CharField(max_length=facts.LONG, blank=True, default="")
    at = models.DateTimeField("rejected")

    class Meta:
        ordering = ("-at",)
        indexes = (models.Index(fields=["pool_id"], name="rejected_key_by_pool"),)

    def __str__(self) -> str:
        return str(self.account_id)
