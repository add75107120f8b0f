"""From the engine to an alert and into the stream, as the worker does it."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from msgspec.structs import replace

from accounts.models import AccessKey, ClaudeAccount, Pool
from accounts.services import create_account
from notifications.models import Letter
from notifications.post_office import PostOffice
from notifications.sinks import WebhookSettings, sinks_of
from notifications.slack_routes import SlackSettings
from quota.alert_store import as_moved
from quota.database_store import DatabaseStore
from quota.drain import Drain
from quota.engine.api import Engine
from quota.engine.errors import EngineUnavailable
from quota.engine.facade import open_engine
from quota.engine.memory import MemoryEngine
from quota.engine.stream import stream_key
from quota.engine.types import Lease, LeaseRequest, Refusal, Settlement, Verdict
from quota.engine.views import PoolSnapshot
from quota.models import Organization, QuotaAlert, QuotaAlertStep
from quota.publish import load_pool
from quota.records import AlertMoved
from quota.running import tell_directly
from quota.streams import Streams, open_client
from quota.watch import AWAY_SECONDS, Watch
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


def told_by_anthropic(account: ClaudeAccount, *, tokens: int, rpm: int) -> None:
    """What its organization's Admin API said: usage of yesterday, which is final, and a rate limit."""
    now = timezone.now()
    acme = Organization.objects.create(name="acme", anthropic_id="org_1", synced_at=now, complete_until=now)
    acme.keys.create(key_id="k", status="active", account=account, seen_at=now)
    acme.usage.create(key_id="k", day=now.date() - timedelta(days=1), input_tokens=tokens)
    limits = {"requests_per_minute": rpm}
    acme.rate_limits.create(group="opus-5", kind="model_group", limits=limits, seen_at=now)
    ClaudeAccount.objects.update(organization_id="org_1", limit_requests_minute=50)


async def kinds_after_a_look(account: ClaudeAccount, engine: Engine, watch: Watch) -> list[str]:
    await load_pool(engine, str(account.pool_id))
    await watch.look(str(account.pool_id))
    return [f"{one.kind} {one.detail}" async for one in QuotaAlert.objects.open().order_by("kind", "detail")]


async def test_a_count_that_is_not_ours_is_an_alert_of_the_day_and_of_the_month(
    alice: ClaudeAccount, engine: Engine, watch: Watch
) -> None:
    await sync_to_async(told_by_anthropic)(alice, tokens=2_000_000, rpm=50)
    assert await kinds_after_a_look(alice, engine, watch) == ["drift day", "drift month"]


async def test_a_count_within_what_the_pool_tolerates_is_none(
    alice: ClaudeAccount, engine: Engine, watch: Watch
) -> None:
    await sync_to_async(told_by_anthropic)(alice, tokens=999_999, rpm=50)
    assert await kinds_after_a_look(alice, engine, watch) == []


async def test_accounts_that_may_ask_more_than_anthropic_allows_are_an_alert(
    alice: ClaudeAccount, engine: Engine, watch: Watch
) -> None:
    await sync_to_async(told_by_anthropic)(alice, tokens=0, rpm=49)
    assert await kinds_after_a_look(alice, engine, watch) == ["rate_limits requests per minute"]


class Flickering(MemoryEngine):
    """A store that is away when the test says so."""

    away = True

    async def snapshot(self, pool: str, **asked: Any) -> PoolSnapshot:
        if self.away:
            raise EngineUnavailable("Redis does not answer")
        return await super().snapshot(pool, **asked)


@dataclass
class Outage:
    """A pool whose Redis is away, a worker that looks, and what it tells people directly."""

    alice: ClaudeAccount
    now_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = str(self.alice.pool_id)
        self.engine = Flickering(clock=lambda: self.now_ms)
        self.store = DatabaseStore(look_every=timedelta(0))
        self.watch = Watch(engine=self.engine, store=self.store, clock=lambda: self.seconds, tell=self._hear)

    async def _hear(self, moved: Sequence[AlertMoved]) -> None:
        self.said += [f"{one.step} {one.kind}" for one in moved]

    async def look(self, *, after: float) -> None:
        """As the worker does it, so many seconds later."""
        self.seconds += after
        self.now_ms += int(after * 1_000)
        try:
            await self.watch.look(self.pool)
        except EngineUnavailable:
            await self.watch.without_redis([self.pool])


@pytest.fixture
async def outage(alice: ClaudeAccount) -> AsyncIterator[Outage]:
    outage = Outage(alice)
    await load_pool(outage.engine, outage.pool)
    yield outage
    await outage.store.close()


async def test_redis_away_for_a_moment_is_no_alert(outage: Outage) -> None:
    await outage.look(after=0)
    await outage.look(after=AWAY_SECONDS - 0.1)
    assert not await QuotaAlert.objects.aexists()


async def test_redis_away_for_longer_is_an_alert_that_reaches_people_without_redis(outage: Outage) -> None:
    for after in (0, AWAY_SECONDS, 1):
        await outage.look(after=after)
    alert = await QuotaAlert.objects.aget()
    assert (alert.kind, alert.level, alert.title) == ("redis_away", "critical", "default: Redis does not answer")
    assert "A worker gets no answer" in alert.text
    assert outage.said == ["opened redis_away"]


async def test_what_else_is_open_stays_as_it_was_while_nobody_can_look(outage: Outage) -> None:
    outage.engine.away = False
    await use(outage.engine, outage.alice, 850)
    await outage.look(after=0)
    outage.engine.away = True
    for after in (1, AWAY_SECONDS):
        await outage.look(after=after)
    assert [one.kind async for one in QuotaAlert.objects.open().order_by("kind")] == ["limit", "redis_away"]


async def test_it_ends_when_redis_has_answered_for_half_a_minute(outage: Outage) -> None:
    for after in (0, AWAY_SECONDS):
        await outage.look(after=after)
    outage.engine.away = False
    for after in (1, 29, 1):
        await outage.look(after=after)
    steps = [(kind, told) async for kind, told in QuotaAlertStep.objects.order_by("pk").values_list("kind", "told")]
    assert steps[0][0] == "opened"
    assert steps[-1] == ("resolved", True)


async def test_who_hears_it_directly_and_from_the_stream_gets_one_letter(
    alice: ClaudeAccount, engine: Engine, watch: Watch, redis_url: str
) -> None:
    store = DatabaseStore(look_every=timedelta(0))
    settings = SlackSettings(shared_webhook="https://hooks.slack.com/services/T0/B0/x")
    office = PostOffice(sinks=sinks_of(settings, WebhookSettings()), do=store.do, now=timezone.now)
    await store.pools()
    await use(engine, alice, 850)
    await watch.look(str(alice.pool_id))
    step = await QuotaAlertStep.objects.select_related("alert").aget()
    await tell_directly(office.relay, store, [as_moved(step)])
    streams = Streams(open_client(redis_url), name="one")
    await Drain(streams=streams, store=store, clock=lambda: 0.0, teller=office.relay).everything()
    assert [one.event async for one in Letter.objects.all()] == [f"alert:{step.alert_id}:1"]
    await streams.close()
    await store.close()


async def test_an_alert_of_a_deleted_pool_ends_and_people_are_told(outage: Outage) -> None:
    outage.engine.away = False
    await use(outage.engine, outage.alice, 850)
    await outage.look(after=0)
    await ClaudeAccount.objects.all().adelete()
    await Pool.objects.all().adelete()
    for _ in range(2):
        await outage.watch.forget_gone()
    assert outage.said == ["resolved limit"]
    assert not await QuotaAlert.objects.open().aexists()


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
