"""What the database knows that watching a pool needs: its settings, whom it holds and who may use it."""

import uuid

from django.utils import timezone

from accounts.default_pool import default_of
from accounts.models import AccessKey, ClaudeAccount, Pool
from accounts.money import to_nano
from quota.alerting.values import AccountFacts, KeyFacts, Scene, Thresholds, Told, Tolerance
from quota.engine.types import Client


def read_scene(pool_id: uuid.UUID, *, told: Told | None = None) -> Scene | None:
    """Read it; None if the pool is gone. `told`: what the Admin API said, if that is of interest."""
    pool = Pool.objects.filter(pk=pool_id).first()
    return None if pool is None else scene_in(pool, told=told)


def scene_in(pool: Pool, *, told: Told | None = None) -> Scene:
    """What is known of a pool that has just been read."""
    is_default = default_of(Pool.objects.order_by("name")) == pool
    return Scene(
        pool=str(pool.pk),
        name=pool.name,
        thresholds=_thresholds(pool),
        accounts=_accounts(pool),
        keys=_keys(pool, is_default=is_default),
        budget=pool.budget(),
        budget_stops=bool(pool.enforced_limits()),
        told=told or Told(),
        tolerance=_tolerance(pool),
        counts_foreign=pool.count_foreign_usage,
    )


def scene_of(account: ClaudeAccount) -> Scene:
    """What is known of one account alone, without a question to the database."""
    return Scene(pool=str(account.pool_id), name="", accounts={str(account.pk): _account(account)})


def _tolerance(pool: Pool) -> Tolerance | None:
    if pool.alert_drift_percent is None:
        return None
    return Tolerance(pool.alert_drift_percent, to_nano(pool.alert_drift_dollars), pool.alert_drift_tokens)


def _thresholds(pool: Pool) -> Thresholds:
    return Thresholds(
        warning=pool.alert_warning_percent,
        critical=pool.alert_critical_percent,
        exhausted=pool.alert_exhausted_percent,
        serving=pool.alert_min_serving,
    )


def _accounts(pool: Pool) -> dict[str, AccountFacts]:
    rows = ClaudeAccount.objects.of_pool(pool).defer("api_key").order_by("pk")
    return {str(row.pk): _account(row) for row in rows}


def _account(row: ClaudeAccount) -> AccountFacts:
    return AccountFacts(row.name, row.enabled, row.disabled_reason, row.budget())


def _keys(pool: Pool, *, is_default: bool) -> dict[str, KeyFacts]:
    """Those with limits that the pool counts; one without a pool of its own uses the default one."""
    usable = AccessKey.objects.usable(now=timezone.now())
    mine = [key for key in usable if key.pool_id == pool.pk or (key.pool_id is None and is_default)]
    return {str(key.pk): _key(key) for key in mine if key.limits()}


def _key(key: AccessKey) -> KeyFacts:
    budget = key.budget()
    return KeyFacts(key.name, Client(str(key.pk), key.limits()), (budget,) if budget else ())
