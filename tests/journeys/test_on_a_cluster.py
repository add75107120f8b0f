"""The whole product on a Redis Cluster: the real web process, a worker, pools on different nodes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from accounts.access import issue_access_key
from accounts.models import Pool
from accounts.scopes import Scope
from quota.models import Activity
from quota.running import running_worker
from simulator.testing import running_simulator
from simulator.world import World
from tests.clusters import Cluster, needs_redis_server, running_cluster
from tests.journeys.processes import PATIENCE, Web, pool_of, web

pytestmark = [needs_redis_server, pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
async def served(cluster: Cluster, settings: Settings) -> AsyncIterator[Web]:
    settings.REDIS_URL = cluster.url
    world = World(seed=7)
    world.add_account("alpha")
    async with running_simulator(world) as simulator:
        settings.ALLOWED_BASE_URLS = (simulator.url,)
        pool, _ = await sync_to_async(pool_of)(simulator)
        key = await sync_to_async(_prepare)(cluster, pool)
        async with web(simulator, key) as running:
            yield running


def _prepare(cluster: Cluster, pool: Pool) -> str:
    """Pools on two nodes at least, so that nothing can be asked of all of them at once; and a key that may look."""
    here = cluster.home(str(pool.pk))
    while cluster.home(str(Pool.objects.create(name=f"other-{Pool.objects.count()}").pk)) == here:
        pass
    plain, _ = issue_access_key(name="journey", scopes=[Scope.MESSAGES, Scope.ADMIN_READ], pool=pool)
    return plain


async def test_a_request_is_answered_recorded_counted_and_told_live(served: Web) -> None:
    bearer = {"Authorization": f"Bearer {served.key}"}
    async with asyncio.timeout(PATIENCE), running_worker() as worker:
        async with served.http.get(f"{served.url}/api/activity/stream", headers=bearer) as events:
            async with served.post(stream=False) as answer:
                assert answer.status == 200
                activity = answer.headers["nubabel-activity"]
            await _heard(events, activity, "agent_completed")
        await worker.once()
        record = await Activity.objects.aget(pk=activity)
        assert record.status == "completed"
        async with served.http.get(f"{served.url}/metrics", headers=bearer) as told:
            text = await told.text()
    assert 'nubabel_up{store="redis"} 1.0' in text
    assert 'nubabel_requests_total{outcome="completed",pool="demo"} 1.0' in text


async def _heard(events: Any, *words: str) -> None:
    seen = ""
    async for chunk in events.content.iter_any():
        seen += chunk.decode()
        if all(word in seen for word in words):
            return
    raise AssertionError(f"the stream ended: {seen[-500:]}")
