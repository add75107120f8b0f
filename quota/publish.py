"""From the database to the engine: pools and accounts as people edited them, with what the ledger says was used.

The database is where edits live; the engine is told after each commit and again every now and then by the worker, so
an edit made while Redis was away arrives too. `Pool.version` orders them: an old one never overwrites a newer one.
"""

import asyncio
import logging
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from accounts.database import in_database
from accounts.models import ClaudeAccount, Pool
from accounts.models.pools import Degraded
from quota.engine.api import Engine
from quota.engine.errors import EngineError, UnknownAccount
from quota.engine.types import WHOLE_POOL, Account, BreakerSettings, Foreign, PoolSettings, Strategy, Usage
from quota.facts import Span
from quota.models import RejectedKey, UsageRollup
from quota.organizations.foreign import foreign_of
from quota.wiring import open_patient_engine

logger = logging.getLogger(__name__)

PARDON: Final = "enabled again"
"""Named as the actor where an edit frees an account that was held for its key."""
_EPOCH: Final = date(1970, 1, 1)
_USED: Final = {"requests": "requests", "tokens": "tokens", "cost": "cost_nano"}


@dataclass(frozen=True, slots=True)
class PoolImage:
    """A pool as the database has it, in the engine's words."""

    pool: str
    settings: PoolSettings
    accounts: tuple[Account, ...]
    usage: Mapping[str, Usage]
    clients: Mapping[str, Usage] = field(default_factory=dict)
    """What access keys and the whole pool used, for an engine that has lost it."""
    pardoned: Mapping[str, datetime] = field(default_factory=dict)
    """Accounts to let go of, as they were refused once or mended (when), and are enabled."""
    day: int = 0
    """The UTC day (days since 1970-01-01) it was read on."""
    foreign: Mapping[str, Foreign] = field(default_factory=dict)
    """What was used of accounts past the pool, if the pool counts that."""


def settings_of(pool: Pool) -> PoolSettings:
    """A pool's rules in the engine's words."""
    return PoolSettings(
        version=pool.version,
        strategy=Strategy(pool.strategy),
        affinity=pool.affinity,
        affinity_ttl_ms=pool.affinity_ttl_seconds * 1_000,
        breaker=BreakerSettings(
            threshold=pool.breaker_threshold,
            open_ms=pool.breaker_open_seconds * 1_000,
            successes_to_close=pool.breaker_successes,
            early_probe=pool.early_probe,
        ),
        outage_guard=pool.outage_guard,
        learning=pool.learn_limits,
        limits=pool.enforced_limits(),
        serve_degraded=pool.degraded == Degraded.LOCAL,
    )


def account_of(account: ClaudeAccount) -> Account:
    """One account in the engine's words. One whose key cannot be read serves nobody."""
    return Account(
        id=str(account.pk),
        enabled=account.is_serviceable,
        priority=account.priority,
        weight=account.weight,
        limits=account.enforced_limits(),
        max_concurrency=account.max_concurrency,
        models=tuple(account.allowed_models) or None,
        organization=account.organization_id,
    )


def usage_of(pool_id: uuid.UUID, *, today: date) -> dict[str, Usage]:
    """What each account used on this UTC day and in its month, by the ledger."""
    return _usage_by("account_id", _this_month(pool_id, today), today=today)


def clients_usage_of(pool_id: uuid.UUID, *, today: date) -> dict[str, Usage]:
    """What each access key used on this UTC day and in its month, by the ledger. Every call of it counts there."""
    return _usage_by("access_key", _this_month(pool_id, today).exclude(access_key=""), today=today)


def _this_month(pool_id: uuid.UUID, today: date) -> QuerySet[UsageRollup]:
    midnight = datetime.combine(today, time.min, tzinfo=UTC)
    return UsageRollup.objects.filter(
        pool=pool_id, span=Span.DAY, starts_at__gte=midnight.replace(day=1), starts_at__lt=midnight + timedelta(days=1)
    )


def _usage_by(column: str, rollups: QuerySet[UsageRollup], *, today: date) -> dict[str, Usage]:
    midnight = datetime.combine(today, time.min, tzinfo=UTC)
    month = {f"month_{name}": Sum(column) for name, column in _USED.items()}
    day = {f"day_{name}": Sum(column, filter=Q(starts_at=midnight), default=0) for name, column in _USED.items()}
    sums = (*month, *day)
    rows = rollups.order_by().values(column).annotate(**month, **day).values_list(column, *sums)
    number = (today - _EPOCH).days
    return {str(who): Usage(day=number, **dict(zip(sums, used, strict=True))) for who, *used in rows}


def read_pool(pool_id: uuid.UUID, *, today: date) -> PoolImage:
    """Read everything the engine must know of a pool. Raises `Pool.DoesNotExist`."""
    # The version first: whatever is read after it is at least as new as it says.
    pool = Pool.objects.get(pk=pool_id)
    accounts = tuple(account_of(account) for account in ClaudeAccount.objects.filter(pool=pool).order_by("pk"))
    usage = usage_of(pool.pk, today=today)
    clients = {**clients_usage_of(pool.pk, today=today), **_whole_pool(usage)}
    return PoolImage(
        str(pool.pk),
        settings_of(pool),
        accounts,
        usage,
        clients,
        _pardoned(pool.pk, accounts),
        day=(today - _EPOCH).days,
        foreign=foreign_of(pool.pk, today=today) if pool.count_foreign_usage else {},
    )


def _whole_pool(accounts: Mapping[str, Usage]) -> dict[str, Usage]:
    """What all accounts used together, those that are gone included."""
    columns = [column.name for column in fields(Usage) if column.name != "day"]
    sums = {column: sum(getattr(used, column) for used in accounts.values()) for column in columns}
    return {WHOLE_POOL: Usage(day=next(iter(accounts.values())).day, **sums)} if accounts else {}


def _pardoned(pool_id: uuid.UUID, accounts: Sequence[Account]) -> dict[str, datetime]:
    rejected = {str(pk): at for pk, at in RejectedKey.objects.filter(pool_id=pool_id).values_list("pk", "at")}
    return {account.id: rejected[account.id] for account in accounts if account.enabled and account.id in rejected}


def pardon(*, pool_id: uuid.UUID, account_id: uuid.UUID) -> None:
    """Have the engine drop what it holds against an account, with the publication that follows this edit."""
    mended = {"pool_id": pool_id, "why": "", "at": timezone.now()}
    RejectedKey.objects.update_or_create(account_id=account_id, defaults=mended)


def forget_pardoned(image: PoolImage) -> None:
    """Do not tell the engine again: it would also drop what it has found out since.

    A key refused anew meanwhile is another matter and stays.
    """
    for account, at in image.pardoned.items():
        RejectedKey.objects.filter(pk=account, at=at).delete()


async def load_pool(engine: Engine, pool_id: str) -> bool:
    """Tell the engine of a pool: at start, and when it answers `EngineEmpty`. False: it knows a newer version.

    Raises `Pool.DoesNotExist`, Django's database errors, TimeoutError and the engine's errors.
    """
    image = await in_database(lambda: read_pool(uuid.UUID(pool_id), today=timezone.now().date()))
    done = await configure(engine, image)
    await in_database(lambda: forget_pardoned(image))
    return done


async def configure(engine: Engine, image: PoolImage) -> bool:
    """Tell the engine; False if it knows a newer version. Raises the engine's errors."""
    done = await engine.configure(image.pool, image.settings, image.accounts, usage=image.usage, clients=image.clients)
    if done:
        await engine.set_foreign(image.pool, image.foreign, day=image.day)
    for account in image.pardoned:
        with suppress(UnknownAccount):  # gone in the newer version
            await engine.clear_cooldown(image.pool, account, actor=PARDON)
    return done


def publish_pool(pool_id: uuid.UUID) -> bool:
    """Tell the engine now, from code that is not async. Never raises: what cannot be told now, the worker will."""
    try:
        image = read_pool(pool_id, today=timezone.now().date())
        done = _run(_publish(image))
        forget_pardoned(image)
        return done  # noqa: TRY300 - the database may fail in the line before
    except Pool.DoesNotExist:
        return False  # deleted meanwhile; nobody can lease from it any more
    except (EngineError, TimeoutError) as error:
        logger.warning(
            "pool %s could not be published now (%s); the worker will do it",
            pool_id,
            type(error).__name__,
            extra={"action": "publish_failed"},
        )
        return False


async def _publish(image: PoolImage) -> bool:
    engine = open_patient_engine()
    try:
        return await configure(engine, image)
    finally:
        await engine.close()


def _run(work: Coroutine[Any, Any, bool]) -> bool:
    """Run to the end from wherever we are: a loop may be running in this thread (a test, a shell)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
