"""The worker's life: what it does by the second, how it waits out trouble, how it stops."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from quota.database_store import DatabaseStore
from quota.drain import Drain, Pace
from quota.engine.api import Engine
from quota.engine.errors import EngineMisconfigured
from quota.engine.facade import open_engine
from quota.engine.types import Event, Lease, LeaseRequest, Settlement, Verdict
from quota.entries import Entry
from quota.ledger import Unreadable, Written
from quota.models import Activity, Attempt
from quota.publish import load_pool
from quota.records import ActivityStarted, LeaseNote
from quota.streams import Streams, open_client
from quota.watch import Watch
from quota.worker import Rhythm, Worker
from tests.quota.conftest import key_of

pytestmark = pytest.mark.django_db(transaction=True)
FAST = Rhythm(tick_every=0.005, publish_every=0.005, first_pause=0.001, longest_pause=0.002, stop_within=5)
EAGER = Pace(block_ms=1, take_over_idle_ms=0)

Working = Callable[..., Any]


@pytest.fixture
async def engine(redis_url: str) -> AsyncIterator[Engine]:
    engine = open_engine(redis_url, deadline=5)
    yield engine
    await engine.close()


@pytest.fixture
def working(redis_url: str, engine: Engine) -> Working:
    @asynccontextmanager
    async def working(store: Any = None, *, rhythm: Rhythm = FAST) -> AsyncIterator[Worker]:
        streams = Streams(open_client(redis_url), name=uuid.uuid4().hex)
        store = store or DatabaseStore()
        drain = Drain(streams=streams, store=store, clock=asyncio.get_running_loop().time, pace=EAGER)
        try:
            yield Worker(
                drain=drain,
                engine=engine,
                source=store,
                watch=Watch(engine=engine, store=store, clock=lambda: 0.0),
                rhythm=rhythm,
            )
        finally:
            await streams.close()
            await store.close()

    return working


@pytest.fixture
async def alice(engine: Engine) -> ClaudeAccount:
    def make() -> ClaudeAccount:
        pool = Pool.objects.create(name="default")
        return create_account(pool=pool, name="alice", api_key=key_of("alice"))

    account = await sync_to_async(make)()
    await load_pool(engine, str(account.pool_id))
    return account


def ask(account: ClaudeAccount, activity: uuid.UUID, *, ttl_ms: int = 60_000) -> LeaseRequest:
    pool = str(account.pool_id)
    started = ActivityStarted(str(activity), "test", pool, "claude-opus-5")
    return LeaseRequest(
        pool,
        uuid.uuid4().hex,
        "claude-opus-5",
        "opus-5",
        tokens=1_000,
        cost=50,
        ttl_ms=ttl_ms,
        note=LeaseNote(str(activity), 1, "claude-opus-5", "opus-5").to_json(),
        events=(Event("activity.started", started.to_json()),),
    )


async def test_a_call_made_and_settled_is_in_the_ledger(alice: ClaudeAccount, engine: Engine, working: Working) -> None:
    request = ask(alice, uuid.uuid4())
    await engine.lease(request)
    await engine.settle(request.pool, request.lease_id, Settlement(Verdict.SUCCESS, tokens=12, cost=34))
    async with working() as worker:
        await worker.once()
    row = await Attempt.objects.aget()
    assert (row.lease_id, row.tokens, row.cost_nano, row.account_id) == (request.lease_id, 12, 34, alice.pk)


async def test_a_request_whose_process_died_is_charged_and_unknown_without_any_traffic(
    alice: ClaudeAccount, engine: Engine, working: Working
) -> None:
    activity = uuid.uuid4()
    lease = await engine.lease(ask(alice, activity, ttl_ms=1))
    assert isinstance(lease, Lease)
    while (await engine.snapshot(lease.pool)).now_ms <= lease.deadline_ms:
        pass
    async with working() as worker:
        await worker.once()
    assert ((await Attempt.objects.aget()).tokens, (await Activity.objects.aget()).status) == (1_000, "unknown")


async def test_the_ledger_and_the_engine_agree_to_the_token(
    alice: ClaudeAccount, engine: Engine, working: Working
) -> None:
    for tokens in (3, 5, 7):
        request = ask(alice, uuid.uuid4())
        await engine.lease(request)
        await engine.settle(request.pool, request.lease_id, Settlement(Verdict.SUCCESS, tokens=tokens, cost=tokens))
    async with working() as worker:
        await worker.once()
    counted = (await engine.snapshot(str(alice.pool_id))).accounts[str(alice.pk)]
    assert sum([row.tokens async for row in Attempt.objects.all()]) == counted.day_tokens == 15


async def test_an_engine_that_lost_everything_is_loaded_again_with_its_usage(
    alice: ClaudeAccount, engine: Engine, working: Working, redis_url: str
) -> None:
    request = ask(alice, uuid.uuid4())
    await engine.lease(request)
    await engine.settle(request.pool, request.lease_id, Settlement(Verdict.SUCCESS, tokens=12, cost=34))
    async with working() as worker:
        await worker.once()
        client = open_client(redis_url)
        await client.flushdb()
        await client.aclose()
        await worker.once()
    assert (await engine.snapshot(request.pool)).accounts[str(alice.pk)].day_tokens == 12


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - a row in a database, nothing that could be awaited
            await asyncio.sleep(0.002)


async def test_it_works_until_it_is_told_to_stop(alice: ClaudeAccount, engine: Engine, working: Working) -> None:
    stop = asyncio.Event()
    async with working() as worker:
        running = asyncio.create_task(worker.run(stop))
        request = ask(alice, uuid.uuid4())
        await engine.lease(request)
        await engine.settle(request.pool, request.lease_id, Settlement(Verdict.SUCCESS, tokens=1))
        await until(Attempt.objects.aexists)
        stop.set()
        assert await running


class Shaky(DatabaseStore):
    """A database that refuses the first writes."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals

    async def write(self, pool_id: uuid.UUID, entries: Sequence[Entry], unreadable: Sequence[Unreadable]) -> Written:
        if self.refusals:
            self.refusals -= 1
            raise OperationalError("the server is starting up")
        return await super().write(pool_id, entries, unreadable)


async def test_it_waits_out_a_database_that_is_away(alice: ClaudeAccount, engine: Engine, working: Working) -> None:
    request, stop = ask(alice, uuid.uuid4()), asyncio.Event()
    await engine.lease(request)
    await engine.settle(request.pool, request.lease_id, Settlement(Verdict.SUCCESS, tokens=1))
    async with working(Shaky(refusals=5)) as worker:
        running = asyncio.create_task(worker.run(stop))
        await until(Attempt.objects.aexists)
        stop.set()
        await running
    assert await Attempt.objects.acount() == 1


class Hanging(DatabaseStore):
    """A database that neither answers nor fails."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    async def pools(self) -> list[str]:
        self.asked.set()
        await asyncio.Event().wait()
        return []


async def test_it_stops_in_time_even_if_the_database_hangs(working: Working) -> None:
    stop, store = asyncio.Event(), Hanging()
    async with working(store, rhythm=Rhythm(stop_within=0.01)) as worker:
        running = asyncio.create_task(worker.run(stop))
        await asyncio.sleep(0)
        stop.set()
        assert not await running or not store.asked.is_set()


class Broken(DatabaseStore):
    """A mistake of ours."""

    async def pools(self) -> list[str]:
        raise ZeroDivisionError


async def test_a_mistake_of_ours_ends_it_loudly(working: Working) -> None:
    async with working(Broken()) as worker:
        with pytest.raises(ZeroDivisionError):
            await worker.run(asyncio.Event())


class Picky:
    """An engine that has something against the first pool."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def expire(self, pool: str) -> int:
        self.asked.append(pool)
        if pool == "first":
            raise EngineMisconfigured("first: nonsense")
        return 0


async def test_one_pool_in_trouble_does_not_keep_the_others_waiting() -> None:
    engine, drain, source = Picky(), SimpleNamespace(pools=["first", "second"]), SimpleNamespace()
    watch = Watch(engine=cast("Any", engine), store=cast("Any", source), clock=lambda: 0.0)
    worker = Worker(drain=cast("Any", drain), engine=cast("Any", engine), source=cast("Any", source), watch=watch)
    with pytest.raises(EngineMisconfigured):
        await worker._tick()
    assert engine.asked == ["first", "second"]
