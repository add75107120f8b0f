"""Workers are killed, Redis is killed, database connections are cut: nothing is lost and nothing is doubled."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import Sum
from pytest_django.fixtures import Settings

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account
from nubabel import valkey
from quota.drain import Pace
from quota.engine.api import Engine
from quota.engine.facade import open_engine
from quota.engine.types import LeaseRequest, Settlement, Verdict
from quota.models import Attempt, UsageRollup
from quota.publish import load_pool
from quota.running import running_worker
from quota.streams import open_client
from quota.worker import Rhythm
from tests import stores
from tests.quota.conftest import key_of

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
AT_ONCE = Pace(take_over_idle_ms=0)
QUICK = Rhythm(first_pause=0.01, longest_pause=0.05)
ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """Where this test's database is, for processes of their own."""
    return stores.address_of(connection.settings_dict)


class Workers:
    """Worker processes that can be killed."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "nubabel.settings",
            "DATABASE_URL": database_url(),
            "REDIS_URL": django_settings.REDIS_URL,
        }
        command = [sys.executable, "manage.py", "run_worker"]
        quiet = subprocess.DEVNULL
        self.running.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=quiet, stderr=quiet))

    def kill_one(self) -> None:
        victim = self.running.pop(0)
        victim.kill()
        victim.wait(timeout=10)

    def end(self) -> None:
        while self.running:
            self.kill_one()


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    workers.end()


@pytest.fixture
async def engine(redis_url: str) -> AsyncIterator[Engine]:
    engine = open_engine(redis_url, deadline=5)
    yield engine
    await engine.close()


@pytest.fixture
def alice(transactional_db: None) -> ClaudeAccount:
    return create_account(pool=Pool.objects.create(name="default"), name="alice", api_key=key_of("alice"))


async def make_calls(engine: Engine, pool: str, count: int) -> int:
    """Settle so many calls and give the tokens they took."""
    for number in range(count):
        request = LeaseRequest(pool, uuid.uuid4().hex, "claude-opus-5", "opus-5", tokens=100)
        await engine.lease(request)
        await engine.settle(pool, request.lease_id, Settlement(Verdict.SUCCESS, tokens=number + 1, cost=number))
    return count * (count + 1) // 2


async def assert_ledger_is(tokens: int, calls: int) -> None:
    assert await Attempt.objects.acount() == calls
    assert (await Attempt.objects.aaggregate(total=Sum("tokens")))["total"] == tokens
    for span in ("hour", "day"):
        rollups = UsageRollup.objects.filter(span=span)
        assert (await rollups.aaggregate(total=Sum("tokens")))["total"] == tokens


async def until_some(at_least: int) -> None:
    async with asyncio.timeout(60):
        while await Attempt.objects.acount() < at_least:  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.005)


async def test_workers_killed_at_work_lose_and_double_nothing(
    alice: ClaudeAccount, engine: Engine, workers: Workers
) -> None:
    pool, random = str(alice.pool_id), Random(7)
    await load_pool(engine, pool)
    workers.start()
    workers.start()
    total = calls = 0
    for _ in range(6):
        total += await make_calls(engine, pool, 150)
        calls += 150
        await until_some(calls - random.randint(1, 140))
        workers.kill_one()
        workers.start()
    workers.end()
    async with running_worker(pace=AT_ONCE) as last:
        await last.once()
    await assert_ledger_is(total, calls)


async def test_a_worker_told_to_stop_finishes_its_batch_and_leaves_nothing_pending(
    alice: ClaudeAccount, engine: Engine, workers: Workers, redis_url: str
) -> None:
    pool = str(alice.pool_id)
    await load_pool(engine, pool)
    workers.start()
    await make_calls(engine, pool, 50)
    await until_some(1)
    workers.running[0].send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(workers.running[0].wait, 20) == 0
    client = open_client(redis_url)
    assert (await client.xpending(f"nb:{{{pool}}}:events", "ledger"))["pending"] == 0
    await client.aclose()


@asynccontextmanager
async def a_running_worker() -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with running_worker(pace=Pace(block_ms=5, take_over_idle_ms=0), rhythm=QUICK) as worker:
        running = asyncio.create_task(worker.run(stop))
        yield
        stop.set()
        assert await running


async def test_redis_killed_and_started_again_is_caught_up_with(
    alice: ClaudeAccount, settings: Settings, start_valkey: Callable[..., valkey.Running]
) -> None:
    server = await asyncio.to_thread(start_valkey)
    settings.REDIS_URL = server.url
    engine, pool = open_engine(server.url, deadline=5), str(alice.pool_id)
    await load_pool(engine, pool)
    async with a_running_worker():
        total = await make_calls(engine, pool, 20)
        await until_some(20)
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.to_thread(start_valkey)
        total += await _when_back(engine, pool)
        await until_some(40)
    await engine.close()
    await assert_ledger_is(total, 40)


async def _when_back(engine: Engine, pool: str) -> int:
    async with asyncio.timeout(20):
        while True:
            try:
                await engine.ping()
                break
            except Exception:  # noqa: BLE001 - whatever it is, it passes
                await asyncio.sleep(0.01)
    return await make_calls(engine, pool, 20)


@pytest.fixture
def _a_new_connection_for_the_cleaning(transactional_db: None) -> Iterator[None]:
    yield
    connection.close()  # the test cut this one too


@pytest.mark.usefixtures("_a_new_connection_for_the_cleaning")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections that could be cut")
async def test_database_connections_cut_again_and_again_lose_nothing(alice: ClaudeAccount, engine: Engine) -> None:
    pool, total = str(alice.pool_id), 0
    await load_pool(engine, pool)
    async with a_running_worker():
        for round_ in range(1, 9):
            total += await make_calls(engine, pool, 60)
            await sync_to_async(cut_all_other_connections)()
            await until_some(60 * round_ - 30)
        await until_some(480)
    await assert_ledger_is(total, 480)


def cut_all_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
