import asyncio
import uuid

from django.apps import AppConfig


class QuotaConfig(AppConfig):
    name = "quota"
    verbose_name = "Quota"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Publish every committed edit, pardon who was mended, and tell the accounts app how to count leases."""
        from accounts.leases import register_lease_counter
        from accounts.signals import account_mended, pool_changed

        pool_changed.connect(_publish, dispatch_uid="quota.publish")
        account_mended.connect(_pardon, dispatch_uid="quota.pardon")
        register_lease_counter(_count_leases)


def _publish(*, pool_id: uuid.UUID, **_: object) -> None:
    from quota.publish import publish_pool

    publish_pool(pool_id)


def _pardon(*, pool_id: uuid.UUID, account_id: uuid.UUID, **_: object) -> None:
    from quota.publish import pardon

    pardon(pool_id=pool_id, account_id=account_id)


def _count_leases(pool: str, account: str) -> int:
    from quota.control import leases_in_force

    return asyncio.run(leases_in_force(pool, account))
