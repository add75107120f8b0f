"""From the engine to an alert and into the stream, as the worker does it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from accounts.models import AccessKey, ClaudeAccount, Pool
from accounts.services import create_account
from quota.database_store import DatabaseStore
from quota.engine.api import Engine
from quota.engine.facade import open_engine
from quota.engine.stream import stream_key
from quota.engine.types import Lease, LeaseRequest, Refusal, Settlement, Verdict
from quota.models import QuotaAlert, QuotaAlertStep
from quota.publish import load_pool
from quota.streams import open_client
from quota.watch import Watch
from tests.quota.conftest import key_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def engine(redis_url: str) -> AsyncIterator[Engine]:
    engine = open_engine(redis_url, deadline=5)
    yield engine
    await engine.close()


@pytest.fixture
async def watch(engine: Engine) -> AsyncIterator[Watch]:
    store = DatabaseStore(look_every=timedelta(0))
    yield Watch(engine=engine, store=store, clock=lambda: 0.0)
    await store.close()


@pytest.fixture
async def alice(engine: Engine) -> ClaudeAccount:
    def make() -> ClaudeAccount:
        pool = Pool.objects.create(name="default")
        return create_account(pool=pool, name="alice", api_key=key_of("alice"), limit_tokens_day=1_000)

    account = await sync_to_async(make)()
    await load_pool(engine, str(account.pool_id))
    return account


async def use(engine: Engine, account: ClaudeAccount, tokens: int, *, key: AccessKey | None = None) -> None:
    client = key.client() if key else None
    request = LeaseRequest(str(account.pool_id), f"lease-{tokens}", "claude-opus-5", "opus-5", client=client)
    await engine.lease(request)
    await engine.settle(request.pool, request.lease_id, Settlement(Verdict.SUCCESS, tokens=tokens))


async def told(redis_url: str, account: ClaudeAccount) -> list[str]:
    client = open_client(redis_url)
    entries = await client.xrange(stream_key(str(account.pool_id)))
    await client.aclose()
    payloads = [json.loads(fields[b"payload"]) for _, fields in entries if fields[b"type"] == b"quota.alert"]
    return [f"{payload['step']} {payload['level']}" for payload in payloads]


async def test_a_limit_nearly_used_up_is_found_and_told_once(
    alice: ClaudeAccount, engine: Engine, watch: Watch, redis_url: str
) -> None:
    await use(engine, alice, 850)
    for _ in range(3):
        await watch.look(str(alice.pool_id))
    alert = await QuotaAlert.objects.aget()
    assert alert.title == "alice: 85 % of tokens per day used"
    assert await told(redis_url, alice) == ["opened warning"]


async def test_it_escalates_and_is_resolved_when_the_limit_is_raised(
    alice: ClaudeAccount, engine: Engine, watch: Watch, redis_url: str
) -> None:
    for tokens in (850, 110):
        await use(engine, alice, tokens)
        await watch.look(str(alice.pool_id))
    alice.limit_tokens_day = 10_000
    await alice.asave()
    await load_pool(engine, str(alice.pool_id))
    await watch.look(str(alice.pool_id))
    assert await told(redis_url, alice) == ["opened warning", "escalated critical", "resolved critical"]


async def test_an_access_keys_own_limit_has_an_alert_too(alice: ClaudeAccount, engine: Engine, watch: Watch) -> None:
    key = await AccessKey.objects.acreate(name="ci", sha256="0" * 64, scopes=["messages"], limit_tokens_month=100)
    await use(engine, alice, 99, key=key)
    await watch.look(str(alice.pool_id))
    assert [one.subject_name async for one in QuotaAlert.objects.all()] == ["ci"]


async def test_a_budget_that_only_alerts_refuses_nobody(alice: ClaudeAccount, engine: Engine) -> None:
    alice.limit_cost_month, alice.budget_action = Decimal(1), "alert"
    await alice.asave()
    await load_pool(engine, str(alice.pool_id))
    limits = (await engine.snapshot(str(alice.pool_id))).accounts[str(alice.pk)].limits
    assert [one.limit.metric for one in limits] == ["tokens"]


async def test_while_another_worker_looks_this_one_does_not(alice: ClaudeAccount, engine: Engine) -> None:
    store = DatabaseStore(look_every=timedelta(hours=1))
    assert [await store.scene(str(alice.pool_id)) is None for _ in range(2)] == [False, True]
    await store.close()


async def test_a_pools_budget_stops_at_the_lease_and_has_an_alert(
    alice: ClaudeAccount, engine: Engine, watch: Watch
) -> None:
    pool = await Pool.objects.aget()
    pool.limit_cost_month = Decimal("0.000001")
    await pool.asave()
    await load_pool(engine, str(pool.pk))
    request = LeaseRequest(str(pool.pk), "lease-1", "claude-opus-5", "opus-5", cost=960)
    await engine.lease(request)
    await engine.settle(request.pool, request.lease_id, Settlement(Verdict.SUCCESS, cost=960))
    refusal = await engine.lease(replace(request, lease_id="lease-2"))
    assert isinstance(refusal, Refusal)
    assert refusal.limited
    await watch.look(str(pool.pk))
    assert (await QuotaAlert.objects.aget()).title == "default: 96 % of its budget, cost per month used"


async def test_a_pools_budget_that_only_alerts_refuses_nobody(
    alice: ClaudeAccount, engine: Engine, watch: Watch
) -> None:
    pool = await Pool.objects.aget()
    pool.limit_cost_month, pool.budget_action = Decimal("0.000001"), "alert"
    await pool.asave()
    await load_pool(engine, str(pool.pk))
    for number in (1, 2):
        request = LeaseRequest(str(pool.pk), f"lease-{number}", "claude-opus-5", "opus-5", cost=960)
        assert isinstance(await engine.lease(request), Lease)
    await watch.look(str(pool.pk))
    assert (await QuotaAlert.objects.aget()).level == "exhausted"


async def test_a_pool_that_takes_long_to_look_at_is_looked_at_less_often(alice: ClaudeAccount, engine: Engine) -> None:
    ticks = iter([0.0, 3.0, 29.9, 30.0, 30.0])
    store = DatabaseStore(look_every=timedelta(0))
    watch = Watch(engine=engine, store=store, clock=lambda: next(ticks))
    await use(engine, alice, 850)
    for steps, more in ((1, 60), (1, 45), (2, 1)):
        await watch.look(str(alice.pool_id))
        assert await QuotaAlertStep.objects.acount() == steps
        await use(engine, alice, more)
    await store.close()
