"""Streams, the tail, reports and the cache on a real Redis Cluster, where pools live on different nodes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError

from notifications.live.frames import BEGINNING
from quota import checks
from quota.engine.stream import stream_key
from quota.errors import SetupFailed
from quota.metrics import shelves
from quota.metrics.pulse import Pulse
from quota.streams import Streams, open_client
from quota.tail import Tail
from tests.clusters import Cluster, needs_redis_server, running_cluster

pytestmark = [needs_redis_server, pytest.mark.faults]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(autouse=True)
def _empty(cluster: Cluster) -> None:
    for port in cluster.ports:
        cluster.node(port).flushall()


@pytest.fixture(scope="module")
def pools(cluster: Cluster) -> list[str]:
    """Pools on all nodes, two at least on one of them."""
    names: list[str] = []
    while len({cluster.home(name) for name in names}) < len(cluster.ports) or len(names) == len(cluster.ports):
        names.append(f"pool-{len(names)}")
    return names


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Any]:
    client = open_client(cluster.url)
    yield client
    await client.aclose()


@pytest.fixture
async def streams(cluster: Cluster, pools: list[str]) -> AsyncIterator[Streams]:
    streams = Streams(open_client(cluster.url), name="alice")
    await streams.follow(pools)
    yield streams
    await streams.close()


@pytest.fixture
async def tail(cluster: Cluster) -> AsyncIterator[Tail]:
    tail = Tail(open_client(cluster.url))
    yield tail
    await tail.close()


async def add(client: Any, *pools: str) -> dict[str, bytes]:
    return {pool: await client.xadd(stream_key(pool), {"type": "x", "pool": pool}) for pool in pools}


async def gathered(streams: Streams, count: int, *, block_ms: int | None) -> dict[str, list[bytes]]:
    """Read until so many entries have come."""
    found: dict[str, list[bytes]] = {}
    async with asyncio.timeout(20):
        while sum(map(len, found.values())) < count:
            for pool, entries in (await streams.read(count=100, block_ms=block_ms)).items():
                found.setdefault(pool, []).extend(entry for entry, _ in entries)
    return found


@pytest.mark.parametrize("block_ms", [None, 1_000])
async def test_a_consumer_reads_the_streams_of_all_nodes(
    client: Any, streams: Streams, pools: list[str], block_ms: int | None
) -> None:
    written = await add(client, *pools)
    assert await gathered(streams, len(pools), block_ms=block_ms) == {pool: [entry] for pool, entry in written.items()}


async def test_news_of_one_node_does_not_wait_for_the_others(client: Any, streams: Streams, pools: list[str]) -> None:
    reading = asyncio.create_task(gathered(streams, 1, block_ms=2_900))
    await asyncio.sleep(0.1)
    written = await add(client, pools[1])
    assert await asyncio.wait_for(reading, 2) == {pools[1]: [written[pools[1]]]}


async def test_nothing_is_lost_or_doubled_in_a_flood(client: Any, streams: Streams, pools: list[str]) -> None:
    times = 50
    reading = asyncio.create_task(gathered(streams, times * len(pools), block_ms=1_000))
    written = [await add(client, *pools) for _ in range(times)]
    found = await reading
    for pool in pools:
        assert found[pool] == [entries[pool] for entries in written]
        await streams.acknowledge(pool, found[pool], counts={"counted": 50})
        assert (await streams.lag(pool)).entries == 0
        assert await client.hgetall(shelves.counts_key(pool)) == {b"counted": b"50"}


async def test_what_was_given_to_a_read_that_was_given_up_is_taken_over(
    client: Any, streams: Streams, pools: list[str]
) -> None:
    reading = asyncio.create_task(streams.read(count=1, block_ms=2_900))
    await asyncio.sleep(0.2)
    reading.cancel()
    written = await add(client, *pools)
    async with asyncio.timeout(10):
        for pool in pools:
            while not (await client.xpending(stream_key(pool), "ledger"))["pending"]:  # noqa: ASYNC110 - Redis
                await asyncio.sleep(0.01)
    await streams.forget()
    for pool in pools:
        assert [entry for entry, _ in await streams.take_over(pool, idle_ms=0, count=10)] == [written[pool]]


async def test_a_stream_that_moves_is_followed(
    cluster: Cluster, client: Any, streams: Streams, pools: list[str]
) -> None:
    pool, home = pools[0], cluster.home(pools[0])
    await gathered_one(client, streams, pool)
    for place in (next(port for port in cluster.ports if port != home), home):
        cluster.move(pool, to=place)
        await gathered_one(client, streams, pool)


async def gathered_one(client: Any, streams: Streams, pool: str) -> None:
    written = await add(client, pool)
    async with asyncio.timeout(20):
        while True:
            try:
                found = await gathered(streams, 1, block_ms=500)
            except ResponseError:  # a blocked read is told that its stream has gone
                continue
            assert found == {pool: [written[pool]]}
            return


async def test_the_tail_hears_of_all_nodes(client: Any, tail: Tail, pools: list[str]) -> None:
    places = dict.fromkeys(pools, BEGINNING)
    for _ in range(2):
        written = await add(client, *pools)
        heard: set[str] = set()
        async with asyncio.timeout(20):
            while heard != set(pools):
                for pool, batch in (await tail.after(places, block_ms=1_000)).items():
                    assert batch.last_id == written[pool].decode()
                    places[pool] = batch.last_id
                    heard.add(pool)


async def test_who_listens_from_elsewhere_hears_what_came_after_that(client: Any, tail: Tail, pools: list[str]) -> None:
    here, there = pools[:2]
    await tail.after({here: BEGINNING, there: BEGINNING}, block_ms=1)
    first, second = await add(client, here), await add(client, here)
    heard = await tail.after({here: first[here].decode(), there: BEGINNING}, block_ms=1_000)
    assert [entry.id for entry in heard[here].entries] == [second[here].decode()]


async def test_a_process_reports_wherever_the_report_is_kept(cluster: Cluster, client: Any) -> None:
    pulse = Pulse(url=cluster.url, role="web")
    await pulse.beat()
    assert len(await client.hgetall(shelves.REPORTS)) == 1
    await pulse.leave()


async def test_a_node_that_is_gone_is_forgotten(client: Any, pools: list[str]) -> None:
    gone = client._node("127.0.0.1", 1)
    client._homes._homes[pools[0].encode()] = gone
    with pytest.raises(Unreachable):
        await client.xlen(stream_key(pools[0]))
    assert await client.xlen(stream_key(pools[0])) == 0


@pytest.fixture
def cache(cluster: Cluster) -> Any:
    configured: dict[str, Any] = settings.CACHES["default"]
    options = {**configured["OPTIONS"], "IGNORE_EXCEPTIONS": False}
    return import_string(configured["BACKEND"])(cluster.url, {**configured, "OPTIONS": options})


def test_the_cache_counts_and_forgets(cache: Any) -> None:
    names = [f"rate:{number}" for number in range(20)]
    for name in names:
        assert cache.add(name, 0, timeout=60)
        assert not cache.add(name, 0, timeout=60)
        assert cache.incr(name) == 1
    assert cache.get_many(names) == dict.fromkeys(names, 1)
    cache.delete_many(names)
    assert cache.get_many(names) == {}


def test_the_next_client_of_the_cache_knows_where_to_go(cluster: Cluster, cache: Any) -> None:
    cache.set("a", 1)
    before = moved(cluster)
    again = type(cache)(cluster.url, cache._params)
    assert again.get("a") == 1
    assert moved(cluster) == before


def moved(cluster: Cluster) -> int:
    stats: list[dict[str, Any]] = [cluster.node(port).info("errorstats") for port in cluster.ports]
    return sum(int(one.get("errorstat_MOVED", {}).get("count", 0)) for one in stats)


def test_every_node_is_looked_at_before_anything_is_served(cluster: Cluster) -> None:
    assert len(checks.redis_server(cluster.url)) == 3  # nothing is kept on disk, says each
    last = cluster.node(cluster.ports[2])
    last.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(SetupFailed, match="maxmemory-policy is allkeys-lru"):
            checks.redis_server(cluster.url)
    finally:
        last.config_set("maxmemory-policy", "noeviction")


def test_a_database_of_a_cluster_is_refused_with_what_to_do(cluster: Cluster) -> None:
    with pytest.raises(SetupFailed) as failed:
        checks.redis_server(cluster.url.replace("/0", "/1"))
    assert failed.value.mend == "a cluster has no other than 0: end REDIS_URL with /0"
