"""The engine on a real Redis Cluster of three nodes: pools live on different ones, and move between them."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from quota.engine.cluster import FollowingConnection
from quota.engine.errors import EngineUnavailable
from quota.engine.facade import open_engine
from quota.engine.keys import pool_keys
from quota.engine.types import Account, Lease, LeaseRequest, PoolSettings, Settlement, Verdict

SERVER, CLI = shutil.which("redis-server"), shutil.which("redis-cli")
pytestmark = [
    pytest.mark.skipif(not (SERVER and CLI), reason="no redis-server here (Debian: redis-server)"),
    pytest.mark.faults,
]
POOLS = [f"pool-{number}" for number in range(12)]


@dataclass
class Cluster:
    """Its nodes' ports; `url` is that of the first."""

    ports: list[int]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.ports[0]}/0"

    def node(self, port: int) -> redis.Redis:
        return redis.Redis(port=port)

    def home(self, pool: str) -> int:
        """The port of the node that keeps a pool, as the first node says."""
        slot = self.node(self.ports[0]).execute_command("CLUSTER", "KEYSLOT", pool_keys(pool)[0])
        for first, last, master, *_ in self.node(self.ports[0]).execute_command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return int(master[1])
        raise LookupError(pool)

    def move(self, pool: str, *, to: int, finish: bool = True) -> None:
        """Give a pool's slot to another node, as redis-cli --cluster reshard does; unfinished, the keys only move."""
        source = self.home(pool)
        slot = self.node(source).execute_command("CLUSTER", "KEYSLOT", pool_keys(pool)[0])
        ids = {port: self.node(port).execute_command("CLUSTER", "MYID").decode() for port in (source, to)}
        self.node(to).execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        self.node(source).execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
        while keys := self.node(source).execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            self.node(source).execute_command("MIGRATE", "127.0.0.1", to, "", 0, 5_000, "KEYS", *keys)
        for port in self.ports if finish else ():
            self.node(port).execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[to])


def _free_ports(count: int) -> list[int]:
    """Below the ephemeral range's end minus what the cluster bus adds."""
    ports: list[int] = []
    while len(ports) < count:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        if port < 55_000 and port not in ports:
            ports.append(port)
    return ports


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    ports = _free_ports(3)
    nodes = [_node(port, tmp_path_factory.mktemp(f"node-{port}")) for port in ports]
    try:
        made = Cluster(ports)
        for port in ports:
            _until(lambda port=port: made.node(port).ping())
        addresses = [f"127.0.0.1:{port}" for port in ports]
        done = subprocess.run(
            [str(CLI), "--cluster", "create", *addresses, "--cluster-yes"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for port in ports:
            _until(lambda port=port: b"cluster_state:ok" in made.node(port).execute_command("CLUSTER", "INFO"))
        yield made
    finally:
        for node in nodes:
            node.kill()
            node.wait()


def _node(port: int, folder: Any) -> "subprocess.Popen[bytes]":
    options = {"port": str(port), "bind": "127.0.0.1", "cluster-enabled": "yes", "dir": str(folder), "save": ""}
    argv = [str(SERVER), *(part for name, value in options.items() for part in (f"--{name}", value))]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL)


def _until(holds: Any) -> None:
    due = time.monotonic() + 30
    while True:
        try:
            if holds():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < due, "the cluster did not come up"


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
