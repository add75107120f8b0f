"""A scrape reads what others wrote: processes' reports, the worker's counts, the ledger, the engine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import ClaudeAccount, Pool
from quota.engine.facade import open_engine
from quota.engine.types import LeaseRequest, Settlement, Verdict
from quota.metrics import catalogue, tallies
from quota.metrics.gather import Gatherer
from quota.metrics.pulse import Pulse
from quota.metrics.sheet import Sheet
from quota.models import Organization
from quota.publish import load_pool
from quota.records import AttemptRecord, TokenUsage
from quota.running import running_worker
from quota.streams import Streams, open_client
from tests import stores

pytestmark = pytest.mark.django_db(transaction=True)

Scrape = Callable[[], Any]


@pytest.fixture
async def engine() -> AsyncIterator[Any]:
    engine = open_engine(django_settings.REDIS_URL, deadline=5.0)
    yield engine
    await engine.close()


@pytest.fixture
async def gatherer(engine: Any) -> AsyncIterator[Gatherer]:
    gatherer = Gatherer(url=django_settings.REDIS_URL, engine=lambda: engine)
    yield gatherer
    await gatherer.close()


async def called(engine: Any, pool: Pool, account: ClaudeAccount, *, settle: bool = True) -> None:
    """One call that cost 700 nano-dollars and 15 tokens."""
    await load_pool(engine, str(pool.pk))
    lease = await engine.lease(LeaseRequest(pool=str(pool.pk), lease_id="lease", model="m", group="m", tokens=100))
    usage = TokenUsage(input_tokens=5, output_tokens=10)
    note = AttemptRecord(
        activity="00000000-0000-0000-0000-000000000001",
        number=1,
        account=str(account.pk),
        model="m",
        group="m",
        outcome="success",
        usage=usage,
        cost_nano=700,
    )
    if settle:
        truth = Settlement(verdict=Verdict.SUCCESS, tokens=15, cost=700, note=note.to_json())
        await engine.settle(str(pool.pk), lease.id, truth)


async def test_the_ledger_tells_what_was_charged(
    pool: Pool, alice: ClaudeAccount, engine: Any, gatherer: Gatherer
) -> None:
    await called(engine, pool, alice)
    async with running_worker() as worker:
        await worker.once()
    sheet = await gatherer.gather()
    assert sheet.values[catalogue.COST]["default", "alice"] * 10**9 == 700
    assert sheet.values[catalogue.TOKENS]["default", "alice", "output"] == 10
    assert sheet.values[catalogue.ATTEMPTS]["default", "alice", "success"] == 1


async def test_the_engine_tells_what_is_used_and_held(
    pool: Pool, add_account: Callable[..., ClaudeAccount], engine: Any, gatherer: Gatherer
) -> None:
    alice = await sync_to_async(add_account)("alice", limit_tokens_day=1_000)
    await called(engine, pool, alice, settle=False)
    sheet = await gatherer.gather()
    where = ("default", "alice", "tokens", "day")
    shown = [sheet.values[one][where] for one in (catalogue.LIMIT, catalogue.LIMIT_USED, catalogue.LIMIT_RESERVED)]
    assert shown == [1_000, 0, 100]
    assert sheet.values[catalogue.LEASES]["default",] == 1
    assert sheet.values[catalogue.BREAKER]["default", "alice", "closed"] == 1


async def test_a_pool_that_the_engine_has_lost_is_said_to_be_lost(
    pool: Pool, alice: ClaudeAccount, gatherer: Gatherer
) -> None:
    stores.wipe(django_settings.REDIS_URL)
    assert (await gatherer.gather()).values[catalogue.POOL_LOADED] == {("default",): 0}


async def test_what_the_worker_has_not_written_is_its_lag(
    pool: Pool, alice: ClaudeAccount, engine: Any, gatherer: Gatherer
) -> None:
    async with running_worker() as worker:
        await worker.once()
    await called(engine, pool, alice)
    assert (await gatherer.gather()).values[catalogue.LAG_ENTRIES]["default",] == 1


async def test_an_entry_that_comes_again_is_counted_once(
    pool: Pool, alice: ClaudeAccount, engine: Any, gatherer: Gatherer
) -> None:
    await called(engine, pool, alice)
    streams = Streams(open_client(django_settings.REDIS_URL), name="repeater")
    await streams.follow([str(pool.pk)])
    raw = (await streams.read(count=10, block_ms=None))[str(pool.pk)]
    field = f'["{catalogue.FAILOVERS.name}",["{pool.pk}"],""]'
    for _ in range(3):
        await streams.acknowledge(str(pool.pk), [one for one, _ in raw], counts={field: 2})
    await streams.close()
    assert (await gatherer.gather()).values[catalogue.FAILOVERS] == {("default",): 2}


async def test_processes_add_up(pool: Pool, gatherer: Gatherer) -> None:
    """Two web processes with callers in their queues, and a worker."""
    waits = [{str(pool.pk): 2}, {str(pool.pk): 3}]
    pulses = [Pulse(url=django_settings.REDIS_URL, role="web", waiting=lambda it=it: it) for it in waits]  # type: ignore[misc]
    pulses.append(Pulse(url=django_settings.REDIS_URL, role="worker"))
    for pulse in pulses:
        tallies.add(catalogue.REFUSED, "401")
        await pulse.beat()
    sheet = await gatherer.gather()
    assert sheet.values[catalogue.PROCESSES] == {("web",): 2, ("worker",): 1}
    assert sheet.values[catalogue.WAITING] == {("default",): 5}
    assert sheet.values[catalogue.REFUSED] == {("401",): 3}
    for pulse in pulses:
        await pulse.leave()


async def test_who_left_is_not_counted_any_more(gatherer: Gatherer) -> None:
    pulse = asyncio.create_task(Pulse(url=django_settings.REDIS_URL, role="web").run(every=0.01))
    async with asyncio.timeout(10):
        while _webs(await gatherer.gather()) == 0:  # noqa: ASYNC110 - what Redis holds rings no bell
            await asyncio.sleep(0)
        pulse.cancel()
        await asyncio.wait([pulse])
        assert _webs(await gatherer.gather()) == 0


def _webs(sheet: Sheet) -> object:
    return sheet.values[catalogue.PROCESSES]["web",]


async def test_without_redis_the_ledger_is_told_all_the_same(pool: Pool, alice: ClaudeAccount, engine: Any) -> None:
    gatherer = Gatherer(url="redis://127.0.0.1:1/0", engine=lambda: engine)
    sheet = await gatherer.gather()
    await gatherer.close()
    assert sheet.values[catalogue.UP] == {("database",): 1, ("redis",): 0}
    assert sheet.values[catalogue.SET_ASIDE] == {(): 0}


async def test_counts_that_could_not_be_handed_over_are_kept(redis_url: str) -> None:
    tallies.taken()
    tallies.add(catalogue.REFUSED, "403")
    pulse = Pulse(url="redis://127.0.0.1:1/0", role="web")
    with pytest.raises(RedisError):
        await pulse.beat()
    assert sum(tallies.taken().values()) == 1


async def test_what_anthropic_counted_and_we_did_not_is_told_for_days_that_are_final(
    pool: Pool, alice: ClaudeAccount, gatherer: Gatherer
) -> None:
    now = timezone.now()
    yesterday = now.date() - timedelta(days=1)

    def tell() -> None:
        acme = Organization.objects.create(name="acme", synced_at=now, complete_until=now)
        acme.keys.create(key_id="k", status="active", account=alice, seen_at=now)
        acme.usage.create(key_id="k", day=yesterday, input_tokens=900, cost_nano=2_500_000_000)
        acme.usage.create(key_id="k", day=now.date(), input_tokens=7, cost_nano=0)

    await sync_to_async(tell)()
    sheet = await gatherer.gather()
    assert sheet.values[catalogue.UNCOUNTED_TOKENS]["default", "alice"] == 900
    assert sheet.values[catalogue.UNCOUNTED_COST]["default", "alice"] == Decimal("2.5")
    assert 0 <= sheet.values[catalogue.ADMIN_API_AGE]["acme",] < 60
