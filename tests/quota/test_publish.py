"""The engine knows a pool as the database has it, right after the commit."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import QuerySet
from pytest_django.fixtures import Settings

from accounts.models import ClaudeAccount, Pool
from accounts.services import disable_account, enable_account, update_account
from quota.control import leases_in_force
from quota.engine.errors import EngineEmpty
from quota.engine.facade import open_engine
from quota.engine.types import (
    WHOLE_POOL,
    Account,
    BreakerSettings,
    Hold,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Scope,
    Settlement,
    Strategy,
    Usage,
    Verdict,
    Window,
)
from quota.engine.views import PoolSnapshot
from quota.ledger import write
from quota.models import RejectedKey
from quota.publish import account_of, forget_pardoned, load_pool, publish_pool, read_pool, settings_of
from quota.running import running_worker
from tests.quota.entries import DAY, NOON_MS, expired, settled

TODAY = date(1970, 1, 1) + timedelta(days=DAY)


def test_a_pools_rules_are_put_in_the_engines_words() -> None:
    pool = Pool(
        version=7,
        strategy="priority",
        affinity=False,
        affinity_ttl_seconds=60,
        breaker_threshold=3,
        breaker_open_seconds=30,
        breaker_successes=2,
        early_probe=True,
        outage_guard=False,
        learn_limits=False,
        degraded="refuse",
    )
    assert settings_of(pool) == PoolSettings(
        version=7,
        strategy=Strategy.PRIORITY,
        affinity=False,
        affinity_ttl_ms=60_000,
        breaker=BreakerSettings(threshold=3, open_ms=30_000, successes_to_close=2, early_probe=True),
        outage_guard=False,
        learning=False,
        serve_degraded=False,
    )


def test_an_account_is_put_in_the_engines_words(add_account: Callable[..., ClaudeAccount]) -> None:
    row = add_account(
        "alice",
        priority=5,
        weight=2,
        max_concurrency=9,
        allowed_models=["claude-opus-5"],
        limit_requests_minute=60,
        limit_cost_day=Decimal("1.25"),
    )
    assert account_of(row) == Account(
        id=str(row.pk),
        priority=5,
        weight=2,
        max_concurrency=9,
        models=("claude-opus-5",),
        limits=(Limit(Metric.REQUESTS, Window.MINUTE, 60), Limit(Metric.COST, Window.DAY, 1_250_000_000)),
    )


def test_an_account_without_a_list_of_models_serves_all(alice: ClaudeAccount) -> None:
    assert account_of(alice).models is None


def test_an_account_whose_key_cannot_be_read_serves_nobody(alice: ClaudeAccount, settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "f" * 64
    assert not account_of(ClaudeAccount.objects.get()).enabled


def test_usage_is_what_the_ledger_says_of_today_and_of_this_month(alice: ClaudeAccount) -> None:
    entries = [
        settled(1, lease="today", account=alice.pk, tokens=10, cost=100),
        expired(2, lease="yesterday", account=alice.pk, tokens=5, cost=50, day=DAY - 1),
        settled(3, lease="never sent", account=alice.pk, sent=False),
        settled(4, lease="last month", account=alice.pk, day=DAY - 31),
    ]
    write(alice.pool_id, entries)
    assert read_pool(alice.pool_id, today=TODAY).usage == {
        str(alice.pk): Usage(
            day=DAY, day_requests=1, day_tokens=10, day_cost=100, month_requests=2, month_tokens=15, month_cost=150
        )
    }


def test_reading_a_pool_takes_five_questions(
    add_account: Callable[..., ClaudeAccount], pool: Pool, django_assert_num_queries: Any
) -> None:
    for name in ("alice", "bob", "carol"):
        add_account(name)
    with django_assert_num_queries(5):
        read_pool(pool.pk, today=TODAY)


def test_what_access_keys_used_is_what_the_ledger_says_whichever_account_served(
    add_account: Callable[..., ClaudeAccount],
) -> None:
    alice, bob = add_account("alice"), add_account("bob")
    entries = [
        settled(1, lease="today", account=alice.pk, tokens=10, cost=100, client="key-1"),
        settled(2, lease="elsewhere", account=bob.pk, tokens=1, cost=2, client="key-1"),
        expired(3, lease="yesterday", account=alice.pk, tokens=5, cost=50, day=DAY - 1, client="key-1"),
        settled(4, lease="of another", account=alice.pk, tokens=7, cost=7, client="key-2"),
        settled(5, lease="of nobody", account=alice.pk, tokens=9, cost=9),
    ]
    write(alice.pool_id, entries)
    used = read_pool(alice.pool_id, today=TODAY).clients
    assert used["key-1"] == Usage(
        day=DAY, day_requests=2, day_tokens=11, day_cost=102, month_requests=3, month_tokens=16, month_cost=152
    )
    assert set(used) == {"key-1", "key-2", WHOLE_POOL}
    assert (used[WHOLE_POOL].day_cost, used[WHOLE_POOL].month_cost) == (118, 168)


@pytest.fixture
def look(redis_url: str) -> Callable[[uuid.UUID], PoolSnapshot]:
    import asyncio

    async def snapshot(pool: uuid.UUID) -> PoolSnapshot:
        engine = open_engine(redis_url)
        try:
            return await engine.snapshot(str(pool))
        finally:
            await engine.close()

    return lambda pool: asyncio.run(snapshot(pool))


@pytest.mark.django_db(transaction=True)
class TestAnEdit:
    def test_reaches_the_engine_with_its_commit(
        self, alice: ClaudeAccount, look: Callable[[uuid.UUID], PoolSnapshot]
    ) -> None:
        disable_account(alice)
        assert not look(alice.pool_id).accounts[str(alice.pk)].enabled

    def test_that_is_rolled_back_reaches_nobody(
        self, alice: ClaudeAccount, look: Callable[[uuid.UUID], PoolSnapshot]
    ) -> None:
        with transaction.atomic():
            disable_account(alice)
            transaction.set_rollback(True)
        assert look(alice.pool_id).accounts[str(alice.pk)].enabled

    def test_stands_even_when_redis_is_away(self, alice: ClaudeAccount, settings: Settings, tmp_path: Path) -> None:
        settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
        assert disable_account(alice)
        assert not ClaudeAccount.objects.get().enabled

    def test_brings_the_ledgers_usage_to_an_empty_engine(
        self, alice: ClaudeAccount, look: Callable[[uuid.UUID], PoolSnapshot], redis_url: str
    ) -> None:
        import redis

        day = (datetime.now(tz=UTC).date() - date(1970, 1, 1)).days
        write(alice.pool_id, [settled(1, account=alice.pk, tokens=10, day=day)])
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
        publish_pool(alice.pool_id)
        assert look(alice.pool_id).accounts[str(alice.pk)].day_tokens == 10


@pytest.mark.django_db(transaction=True)
class TestAnAccountWhoseKeyWasRejected:
    """The engine holds it until a person acts; enabling it again is how people act."""

    @pytest.fixture(autouse=True)
    async def _rejected(self, alice: ClaudeAccount, redis_url: str) -> AsyncIterator[None]:
        self.account, self.pool = str(alice.pk), str(alice.pool_id)
        self.engine = open_engine(redis_url)
        await load_pool(self.engine, self.pool)
        await self.engine.lease(LeaseRequest(self.pool, "l", "m", "g"))
        await self.engine.settle(self.pool, "l", Settlement(Verdict.REJECTED, why="http 401"))
        async with running_worker() as worker:
            await worker.once()
        yield
        await self.engine.close()

    async def holds(self) -> list[str]:
        return [hold.why for hold in (await self.engine.snapshot(self.pool)).accounts[self.account].holds]

    async def test_is_disabled_and_stays_held(self, alice: ClaudeAccount) -> None:
        await alice.arefresh_from_db()
        assert (alice.enabled, await self.holds()) == (False, ["invalid_key"])

    async def test_is_free_once_a_person_has_enabled_it(self, alice: ClaudeAccount) -> None:
        await sync_to_async(enable_account)(alice)
        assert await self.holds() == []

    async def test_is_held_again_if_its_key_is_refused_again_before_the_pardon_is_noted(
        self, alice: ClaudeAccount
    ) -> None:
        await QuerySet(ClaudeAccount).filter(pk=alice.pk).aupdate(enabled=True)  # unheard of by the engine
        image = await sync_to_async(read_pool)(alice.pool_id, today=TODAY)
        await RejectedKey.objects.filter(pk=alice.pk).aupdate(at=datetime(2100, 1, 1, tzinfo=UTC))
        await sync_to_async(forget_pardoned)(image)
        assert await RejectedKey.objects.acount() == 1

    async def test_is_freed_only_once(self, alice: ClaudeAccount) -> None:
        await sync_to_async(enable_account)(alice)
        assert not await RejectedKey.objects.aexists()


@pytest.mark.django_db(transaction=True)
async def test_a_new_key_frees_an_account_from_what_the_old_one_had_brought_upon_it(
    alice: ClaudeAccount, redis_url: str
) -> None:
    account, pool = str(alice.pk), str(alice.pool_id)
    engine = open_engine(redis_url)
    await load_pool(engine, pool)
    await engine.lease(LeaseRequest(pool, "l", "m", "g"))
    spent = Hold(Scope.ACCOUNT, "spend_limit", for_ms=86_400_000)
    await engine.settle(pool, "l", Settlement(Verdict.ALIVE, holds=(spent,)))
    await sync_to_async(update_account)(alice, api_key=f"sk-ant-api03-{'z' * 40}")
    assert (await engine.snapshot(pool)).accounts[account].holds == ()
    await engine.close()


@pytest.mark.django_db(transaction=True)
async def test_an_empty_engine_is_loaded_from_the_database(redis_url: str) -> None:
    pool = await Pool.objects.acreate(name="default")
    engine = open_engine(redis_url)
    assert await load_pool(engine, str(pool.pk))
    assert (await engine.snapshot(str(pool.pk))).settings.version == pool.version
    await engine.close()


def test_a_pool_deleted_meanwhile_is_not_published(db: None) -> None:
    assert not publish_pool(uuid.uuid4())


@pytest.mark.django_db(transaction=True)
async def test_leases_in_force_are_counted_for_those_who_want_to_delete(redis_url: str) -> None:
    engine = open_engine(redis_url)
    await engine.configure("p", PoolSettings(version=1), [Account("a")])
    assert isinstance(await engine.lease(LeaseRequest("p", "l", "m", "g")), Lease)
    assert (await leases_in_force("p", "a"), await leases_in_force("p", "b")) == (1, 0)
    await engine.close()


async def test_an_empty_engine_has_no_leases(redis_url: str) -> None:
    engine = open_engine(redis_url)
    with pytest.raises(EngineEmpty):
        await engine.snapshot("nobody")
    assert await leases_in_force("nobody", "a") == 0
    await engine.close()


def test_the_clock_of_these_tests_is_the_day_they_say() -> None:
    assert datetime.fromtimestamp(NOON_MS / 1000, tz=UTC).date() == TODAY
