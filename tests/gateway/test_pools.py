"""Pools are looked up in memory, a moment behind the database, and outlive its restarts."""

import asyncio

import pytest

from gateway.errors import UnknownPool
from gateway.pools import FRESH_SECONDS, GRACE_SECONDS, Pools
from gateway.preparing import PoolRules


class Table:
    """A database of pools that can be away."""

    def __init__(self, *names):
        self.names = names
        self.loads = 0
        self.away = False

    async def load(self):
        self.loads += 1
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionError
        return tuple(PoolRules(id=f"id-{name}", name=name) for name in self.names)


@pytest.mark.parametrize("names", [("demo",), ("blue", "default")])
async def test_without_a_name_the_default_pool_or_the_only_one_is_meant(names):
    assert (await Pools(load=Table(*names).load).get("")).name == names[-1]


async def test_without_a_name_and_with_several_pools_none_is_guessed():
    with pytest.raises(UnknownPool):
        await Pools(load=Table("blue", "green").load).get("")


class Watch:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def table():
    return Table("default")


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def pools(table, watch):
    return Pools(load=table.load, clock=watch)


async def test_a_pool_is_found_by_name_and_by_id(pools):
    assert await pools.get("default") is await pools.get("id-default")


async def test_what_is_fresh_is_not_asked_for_again(pools, table):
    for _ in range(5):
        await pools.get("default")
    assert table.loads == 1


async def test_an_edit_is_seen_after_two_seconds(pools, table, watch):
    await pools.get("default")
    table.names = ("default", "other")
    watch.seconds += FRESH_SECONDS
    await pools.get("default")
    assert (await pools.get("other")).name == "other"
    assert table.loads == 2


async def test_a_pool_made_just_now_is_asked_for_at_once(pools, table):
    await pools.get("default")
    table.names = ("default", "new")
    assert (await pools.get("new")).name == "new"


async def test_many_at_once_ask_once(pools, table):
    await asyncio.gather(*(pools.get("default") for _ in range(20)))
    assert table.loads == 1


async def test_a_pool_nobody_has_is_unknown(pools):
    with pytest.raises(UnknownPool, match="nope"):
        await pools.get("nope")


async def test_a_database_that_is_away_is_outlived(pools, table, watch):
    await pools.get("default")
    table.away = True
    watch.seconds += GRACE_SECONDS - 1
    assert (await pools.get("default")).name == "default"


async def test_a_database_that_is_away_is_not_waited_for_by_every_request(pools, table, watch):
    await pools.get("default")
    table.away = True
    watch.seconds += FRESH_SECONDS
    for _ in range(5):
        await pools.get("default")
    assert table.loads == 2


async def test_a_database_that_was_away_is_asked_again(pools, table, watch):
    await pools.get("default")
    table.away = True
    watch.seconds += FRESH_SECONDS
    await pools.get("default")
    table.away, table.names = False, ("default", "new")
    watch.seconds += FRESH_SECONDS
    await pools.get("default")
    assert table.loads == 3


async def test_but_not_for_ever(pools, table, watch):
    await pools.get("default")
    table.away = True
    watch.seconds += GRACE_SECONDS
    with pytest.raises(ConnectionError):
        await pools.get("default")


async def test_one_that_leaves_does_not_take_the_others_answer(pools):
    first, second = asyncio.create_task(pools.get("default")), asyncio.create_task(pools.get("default"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).name == "default"
