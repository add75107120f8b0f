"""All of this directory kills, freezes or floods real servers."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from nubabel import valkey
from quota.engine.redis import RedisEngine
from tests.faults.crowd import Stream, store

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def server(start_valkey: Callable[..., valkey.Running]) -> valkey.Running:
    """A server of the test's own that keeps nothing on disk."""
    return start_valkey(durable=False)


@pytest.fixture
async def engine(server: valkey.Running) -> AsyncIterator[RedisEngine]:
    """On that server, patient."""
    opened = store(server.url, deadline=10)
    yield opened
    await opened.close()


@pytest.fixture
def stream(server: valkey.Running) -> Iterator[Stream]:
    opened = Stream(server.url)
    yield opened
    opened.close()
