"""Many accounts at once: every way to change them counts as an edit (see Note [Versions] in `pools`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F

from accounts.models.pools import Pool

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

    from accounts.models.claude_accounts import ClaudeAccount


class ClaudeAccountQuerySet(models.QuerySet["ClaudeAccount"]):
    def enabled(self) -> ClaudeAccountQuerySet:
        """Those that a person has not taken out."""
        return self.filter(enabled=True)

    def of_pool(self, pool: Pool | uuid.UUID) -> ClaudeAccountQuerySet:
        return self.filter(pool=pool)

    def update(self, **changes: Any) -> int:  # noqa: ANN401
        """As ever, and counts as an edit of each account and of its pool (see Note [Versions])."""
        with transaction.atomic(using=self.db):
            pools = self._pools_with(changes)
            changed = super().update(**{"version": F("version") + 1, **changes})
            Pool.objects.using(self.db).filter(pk__in=pools).bump()
        return changed

    def _pools_with(self, changes: dict[str, Any]) -> set[uuid.UUID]:
        if {"pool", "pool_id"} & changes.keys():
            raise ValidationError("An account stays in its pool; make a new one in the other pool.")
        return set(self.order_by().values_list("pool_id", flat=True).distinct())

    def bulk_create(self, objs: Iterable[ClaudeAccount], *args: Any, **options: Any) -> list[ClaudeAccount]:  # noqa: ANN401
        """As ever, and counts as an edit of the pools concerned."""
        with transaction.atomic(using=self.db):
            created = super().bulk_create(objs, *args, **options)
            Pool.objects.using(self.db).filter(pk__in={account.pool_id for account in created}).bump()
        return created

    def bulk_update(self, objs: Iterable[ClaudeAccount], fields: Iterable[str], *args: Any, **options: Any) -> int:  # noqa: ANN401
        """As ever; a key is written with what describes it."""
        return super().bulk_update(objs, with_companions(fields), *args, **options)


def with_companions(fields: Iterable[str]) -> set[str]:
    """A key's hint and fingerprint go wherever the key goes."""
    return {*fields, "key_hint", "key_fingerprint"} if "api_key" in set(fields) else set(fields)
