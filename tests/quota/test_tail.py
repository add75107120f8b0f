"""Listening to the streams of a real Redis."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio

from notifications.live.frames import BEGINNING
from quota.engine.stream import stream_key
from quota.streams import open_client
from quota.tail import Tail

POOL, OTHER = "pool-1", "pool-2"


@pytest.fixture
async def tail(redis_url: str) -> AsyncIterator[Tail]:
    it = Tail(open_client(redis_url))
    yield it
    await it.close()


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Any]:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield client


async def told(store: Any, *numbers: int, pool: str = POOL, **fields: str) -> None:
    for number in numbers:
        await store.xadd(stream_key(pool), {"type": "breaker", **fields}, id=f"{number}-0")


async def test_what_came_after_an_id_is_given_by_pool(tail: Tail, store: Any) -> None:
    await told(store, 1, 2, account="alpha")
    await told(store, 5, pool=OTHER)
    heard = await tail.after({POOL: "1-0", OTHER: BEGINNING}, block_ms=10)
    assert [entry.id for entry in heard[POOL].entries] == ["2-0"]
    assert (heard[POOL].entries[0].fields["account"], heard[OTHER].last_id) == ("alpha", "5-0")


async def test_nothing_new_is_nothing(tail: Tail, store: Any) -> None:
    await told(store, 1)
    assert await tail.after({POOL: "1-0"}, block_ms=10) == {}


async def test_what_was_before_is_given_in_its_order(tail: Tail, store: Any) -> None:
    await told(store, 1, 2, 3, 4)
    latest = await tail.before(POOL, "", count=2)
    assert ([entry.id for entry in latest.entries], latest.after, latest.last_id) == (["3-0", "4-0"], "3-0", "4-0")
    older = await tail.before(POOL, latest.after, count=5)
    assert ([entry.id for entry in older.entries], older.size) == (["1-0", "2-0"], 2)


async def test_a_pool_that_nothing_happened_to_has_no_entries(tail: Tail) -> None:
    assert (await tail.before(POOL, "", count=5)).size == 0


async def test_an_entry_that_is_none_of_the_engines_is_passed_over_and_counted(tail: Tail, store: Any) -> None:
    await told(store, 1)
    await store.xadd(stream_key(POOL), {"type": b"\xff"}, id="2-0")
    batch = await tail.before(POOL, "", count=5)
    assert (len(batch.entries), batch.size, batch.last_id) == (1, 2, "2-0")
