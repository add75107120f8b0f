"""A consumer group that loses nothing and throws away only what everybody has."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from quota.engine.stream import stream_key
from quota.streams import Streams, open_client

POOL = "pool"
KEY = stream_key(POOL)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    client = open_client(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def join(redis_url: str) -> AsyncIterator[Callable[[str], Awaitable[Streams]]]:
    opened = []

    async def join(name: str) -> Streams:
        streams = Streams(open_client(redis_url), name=name)
        opened.append(streams)
        await streams.follow([POOL])
        return streams

    yield join
    for streams in opened:
        await streams.close()


Join = Callable[[str], Awaitable[Streams]]


async def add(client: Any, count: int) -> list[bytes]:
    return [await client.xadd(KEY, {"type": "x"}) for _ in range(count)]


def ids(entries: Any) -> list[bytes]:
    return [entry for entry, _ in entries]


async def test_entries_written_before_the_group_was_made_are_read(client: Any, join: Join) -> None:
    written = await add(client, 3)
    alice = await join("alice")
    assert ids((await alice.read(count=10, block_ms=None))[POOL]) == written


async def test_two_consumers_share_the_work(client: Any, join: Join) -> None:
    alice, bob = await join("alice"), await join("bob")
    written = await add(client, 4)
    first = ids((await alice.read(count=2, block_ms=None))[POOL])
    second = ids((await bob.read(count=2, block_ms=None))[POOL])
    assert [*first, *second] == written


async def test_what_a_dead_consumer_owes_is_taken_over(client: Any, join: Join) -> None:
    written = await add(client, 3)
    alice, bob = await join("alice"), await join("bob")
    await alice.read(count=10, block_ms=None)
    assert ids(await bob.take_over(POOL, idle_ms=0, count=10)) == written


async def test_what_is_acknowledged_is_not_taken_over(client: Any, join: Join) -> None:
    written = await add(client, 3)
    alice, bob = await join("alice"), await join("bob")
    await alice.read(count=10, block_ms=None)
    await alice.acknowledge(POOL, written)
    assert await bob.take_over(POOL, idle_ms=0, count=10) == []


async def test_a_stream_keeps_its_tail_and_what_nobody_acknowledged(client: Any, join: Join) -> None:
    written = await add(client, 30)
    alice = await join("alice")
    await alice.read(count=20, block_ms=None)
    await alice.acknowledge(POOL, written[:12])
    assert await alice.trim(POOL, tail=5) == 12
    assert (await client.xrange(KEY))[0][0] == written[12]


async def test_a_stream_never_gets_shorter_than_its_tail(client: Any, join: Join) -> None:
    written = await add(client, 30)
    alice = await join("alice")
    await alice.read(count=100, block_ms=None)
    await alice.acknowledge(POOL, written)
    await alice.trim(POOL, tail=5)
    assert ids(await client.xrange(KEY)) == written[25:]


async def test_a_long_stream_is_trimmed_in_steps(client: Any, join: Join) -> None:
    async with client.pipeline(transaction=False) as pipe:
        for _ in range(2_500):
            pipe.xadd(KEY, {"type": "x"})
        written = await pipe.execute()
    alice = await join("alice")
    await alice.read(count=5_000, block_ms=None)
    await alice.acknowledge(POOL, written)
    assert await alice.trim(POOL, tail=10) == 2_490


async def test_a_stream_nobody_has_read_is_not_trimmed(client: Any, join: Join) -> None:
    await add(client, 20)
    alice = await join("alice")
    assert await alice.trim(POOL, tail=5) == 0


async def test_the_lag_counts_what_is_undelivered_and_what_is_pending(client: Any, join: Join) -> None:
    written = await add(client, 5)
    alice = await join("alice")
    await alice.read(count=3, block_ms=None)
    await alice.acknowledge(POOL, written[:1])
    lag = await alice.lag(POOL)
    assert (lag.undelivered, lag.pending, lag.entries) == (2, 2, 4)
    assert lag.oldest_ms == int(written[1].partition(b"-")[0])


async def test_nothing_to_do_is_no_lag(join: Join) -> None:
    alice = await join("alice")
    lag = await alice.lag(POOL)
    assert (lag.entries, lag.oldest_ms) == (0, None)


async def test_a_consumer_that_owes_nothing_leaves_no_trace(client: Any, join: Join) -> None:
    alice, bob = await join("alice"), await join("bob")
    await add(client, 2)
    await alice.read(count=1, block_ms=None)
    await bob.acknowledge(POOL, ids((await bob.read(count=1, block_ms=None))[POOL]))
    await alice.leave()
    await bob.leave()
    assert [consumer["name"] for consumer in await client.xinfo_consumers(KEY, "ledger")] == [b"alice"]


async def test_a_group_lost_with_redis_is_made_again(client: Any, join: Join) -> None:
    alice = await join("alice")
    await client.flushdb()
    written = await add(client, 1)
    await alice.forget()
    await alice.follow([POOL])
    assert ids((await alice.read(count=10, block_ms=None))[POOL]) == written
