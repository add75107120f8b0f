"""What every test can count on: a Redis and a database of its own, and no network beyond this machine."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connections

from nubabel import valkey
from tests import stores
from tests.network_guard import Guard
from tests.settings import CALLERS_REDIS_URL, SCRATCH

_guard = Guard(allowed_hosts={urlsplit(CALLERS_REDIS_URL).hostname, settings.DATABASES["default"].get("HOST")})
sys.addaudithook(_guard)


_OWN_FIXTURES = {"redis_url", "_clean_redis", "_redis_for_cleaning", "_no_network"}
_STORE_FIXTURES = {"db", "transactional_db", "live_server", "admin_user", "admin_client"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what touches a database or Redis as `stores`: that part runs again on other flavours."""
    for item in items:
        if isinstance(item, pytest.Function) and _touches_stores(item):
            item.add_marker(pytest.mark.stores)


def _touches_stores(item: pytest.Function) -> bool:
    if item.get_closest_marker("django_db") or _STORE_FIXTURES & set(item.fixturenames):
        return True
    info = item._fixtureinfo
    asked = set(info.argnames)
    for name, definitions in info.name2fixturedefs.items():
        if name not in _OWN_FIXTURES:
            asked.update(definitions[-1].argnames)
    return bool(asked & {"redis_url", "start_valkey"})


@pytest.fixture(scope="session", autouse=True)
def redis_url() -> Iterator[str]:
    """The Redis of this test process: a private embedded Valkey, or a database of its own on REDIS_URL's server."""
    stores.sweep(SCRATCH)
    if not CALLERS_REDIS_URL:
        valkey.ensure(SCRATCH, durable=False)
        stores.wipe(settings.REDIS_URL)
    yield settings.REDIS_URL
    if CALLERS_REDIS_URL:
        stores.release(settings.REDIS_URL, callers=CALLERS_REDIS_URL)
    else:
        valkey.stop(SCRATCH)


@pytest.fixture(autouse=True)
def _clean_redis(redis_url: str, _redis_for_cleaning: redis.Redis) -> Iterator[None]:
    """Leave nothing for the next test."""
    yield
    if _redis_for_cleaning.dbsize() > 1:  # the mark stays
        stores.wipe(redis_url)


@pytest.fixture(scope="session")
def _redis_for_cleaning(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_connection_left_open() -> Iterator[None]:
    """Close what async code opened in asgiref's one thread.

    Django looks at an open connection at the end of each request; in a later test without a database pytest-django
    takes that look for a forbidden query.
    """
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result(timeout=10)


@pytest.fixture
def start_valkey(tmp_path: Path) -> Iterator[Callable[..., valkey.Running]]:
    """Start (or restart) a server of the test's own, for tests that kill or freeze it."""
    started: set[str] = set()

    def start(name: str = "own", *, durable: bool = True) -> valkey.Running:
        started.add(name)
        return valkey.ensure(tmp_path / name, durable=durable)

    yield start
    for name in started:
        valkey.stop(tmp_path / name)


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    """A connection beyond this machine fails the test, even if the code under test swallowed the error."""
    _guard.seen.clear()
    yield
    assert not _guard.seen, f"this test reached for the network: {_guard.seen}"
