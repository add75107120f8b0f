"""The engine on a real Redis Cluster of three nodes: pools live on different ones, and move between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from quota.engine.cluster import FollowingConnection
from quota.engine.errors import EngineUnavailable
from quota.engine.facade import open_engine
from quota.engine.keys import pool_keys
from quota.engine.types import Account, Lease, LeaseRequest, PoolSettings, Settlement, Verdict
from tests.clusters import Cluster, needs_redis_server, running_cluster

pytestmark = [needs_redis_server, pytest.mark.faults]
POOLS = [f"pool-{number}" for number in range(12)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
async def engine(cluster: Cluster) -> AsyncIterator[Any]:
    engine = open_engine(cluster.url, deadline=5.0)
    yield engine
    await engine.close()


async def served(engine: Any, pool: str, lease: str) -> Lease:
    """Lease, settle, and be sure that it came from the cluster and not from this process's own share."""
    granted = await engine.lease(LeaseRequest(pool=pool, lease_id=lease, model="m", group="m", tokens=10))
    assert isinstance(granted, Lease)
    assert not engine.degraded
    await engine.settle(pool, granted.id, Settlement(verdict=Verdict.SUCCESS, tokens=10))
    return granted


async def configured(engine: Any, pool: str) -> None:
    await engine.configure(pool, PoolSettings(version=1), [Account("alice"), Account("bob")])


async def test_pools_live_on_all_nodes_and_each_is_served(cluster: Cluster, engine: Any) -> None:
    for pool in POOLS:
        await configured(engine, pool)
        await served(engine, pool, "lease")
    assert {cluster.home(pool) for pool in POOLS} == set(cluster.ports)


async def test_the_second_call_goes_to_the_right_node_at_once(cluster: Cluster, engine: Any) -> None:
    pool = next(pool for pool in POOLS if cluster.home(pool) != cluster.ports[0])
    await configured(engine, pool)
    before = _errors(cluster, cluster.ports[0])
    for number in range(10):
        await served(engine, pool, f"again-{number}")
    assert _errors(cluster, cluster.ports[0]) == before


def _errors(cluster: Cluster, port: int) -> int:
    moved: dict[str, Any] = cluster.node(port).info("errorstats")
    return int(moved.get("errorstat_MOVED", {}).get("count", 0))


async def test_a_pool_that_moves_takes_its_numbers_along(cluster: Cluster, engine: Any) -> None:
    pool = POOLS[0]
    await configured(engine, pool)
    await served(engine, pool, "before")
    used = (await engine.snapshot(pool)).accounts
    cluster.move(pool, to=next(port for port in cluster.ports if port != cluster.home(pool)))
    assert (await engine.snapshot(pool)).accounts == used
    await served(engine, pool, "after")


async def test_while_it_is_on_its_way_the_process_serves_its_share(cluster: Cluster, engine: Any) -> None:
    pool = POOLS[1]
    await configured(engine, pool)
    await served(engine, pool, "before")
    async with asyncio.timeout(10):
        while pool not in engine._seen:  # noqa: ASYNC110 - remembered in the background
            await asyncio.sleep(0.01)
    cluster.move(pool, to=next(port for port in cluster.ports if port != cluster.home(pool)), finish=False)
    lent = await engine.lease(LeaseRequest(pool=pool, lease_id="meanwhile", model="m", group="m", tokens=10))
    assert isinstance(lent, Lease)
    assert engine.degraded


async def test_a_node_that_is_gone_is_unavailable_and_forgotten(cluster: Cluster) -> None:
    connection = FollowingConnection(cluster.url, deadline=0.5)
    gone = connection._node("127.0.0.1:1")
    connection._homes[b"pool-0"] = gone
    with pytest.raises(EngineUnavailable):
        await connection.call("EXISTS", pool_keys("pool-0")[0])
    assert await connection.call("EXISTS", pool_keys("pool-0")[0]) in {0, 1}
    await connection.close()
