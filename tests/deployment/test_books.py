"""What the rollback test would complain of: it must be able to fail."""

import asyncio
import ssl
from collections import Counter
from dataclasses import replace

import pytest

from simulator.world import World
from tests.deployment.books import Books
from tests.deployment.load import Load
from tests.nubabel.deployment import KEY, Deployment, deployed

GOOD = Books(recorded=2, activities=3, attempts=3, unsettled=0, cost=900, rolled_up=3, rolled_up_cost=900, set_aside=0)


def complaints(books, *, answered=2):
    world = World(seed=1)
    claude = world.add_account("alpha")
    claude.statuses, claude.cost = Counter({200: 3}), 900
    return list(books.complaints(answered=answered, claude=claude))


def test_books_that_add_up_are_not_complained_of():
    assert complaints(GOOD) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"recorded": 1}, "2 requests were answered, 1 are recorded"),
        ({"activities": 4}, "4 records of requests and 3 calls"),
        ({"attempts": 2}, "Claude answered 3 calls, the ledger has 2"),
        ({"cost": 901}, "Claude billed 900 nano-dollars, the ledger has 901"),
        ({"rolled_up_cost": 1}, "rollups say 3 calls and 1"),
        ({"unsettled": 1}, "1 calls were charged by estimate"),
        ({"set_aside": 1}, "1 entries could not be read"),
    ],
)
def test_whatever_does_not_add_up_is_complained_of(wrong, said):
    assert any(said in complaint for complaint in complaints(replace(GOOD, **wrong)))


async def lost_at(url: str) -> dict[str, int]:
    """The load goes on until the first request has ended, as every one does: it has a deadline."""
    with Load(url, KEY, ssl.create_default_context()) as load:
        async with asyncio.timeout(20):
            while not load.outcomes:  # noqa: ASYNC110 - another thread's
                await asyncio.sleep(0)
        await asyncio.to_thread(load.stop)
    return load.lost


async def test_a_request_that_is_refused_is_lost():
    async with deployed(Deployment(broken={"POST /v1/messages": (503, "stopping")})) as deployment:
        assert any(name.startswith("HTTP 503") for name in await lost_at(deployment.url))


async def test_an_answer_that_is_not_whole_is_lost():
    ours = {"content": [], "type": "message"}
    async with deployed(Deployment(broken={"POST /v1/messages": (200, ours)})) as deployment:
        assert await lost_at(deployment.url)


async def test_where_nobody_listens_every_request_is_lost():
    assert "ClientConnectorError" in await lost_at("http://127.0.0.1:1")
