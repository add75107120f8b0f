"""The cast: a pool called default, and Alice and Bob, who are accounts in it."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account


def key_of(name: str) -> str:
    return f"sk-ant-api03-test-{name}-".ljust(100, "x")


@pytest.fixture
def pool(db: None) -> Pool:
    return Pool.objects.create(name="default")


@pytest.fixture
def add_account(pool: Pool) -> Callable[..., ClaudeAccount]:
    def add(name: str, **columns: Any) -> ClaudeAccount:
        return create_account(pool=pool, name=name, api_key=key_of(name), **columns)

    return add


@pytest.fixture
def alice(add_account: Callable[..., ClaudeAccount]) -> ClaudeAccount:
    return add_account("alice")


@pytest.fixture(scope="session", autouse=True)
def _close_the_async_threads_connection(django_db_setup: None) -> Iterator[None]:
    """PostgreSQL does not drop a test database that a forgotten connection of asgiref's thread still looks at."""
    yield
    asyncio.run(sync_to_async(connections.close_all)())
