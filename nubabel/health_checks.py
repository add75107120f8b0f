"""What the health addresses ask. Each returns when all is well and raises otherwise."""

from typing import Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from nubabel.web import farewell

_SOCKET_SECONDS: Final = 1.0


class SchemaOutdated(Exception):
    """`manage.py migrate` has not run yet."""


class ProcessStops(Exception):
    """It was told to stop; it still answers, so that whoever balances can hear this first."""


class _Schema:
    """Remembers that the schema is current: while this code runs, that cannot change for the worse."""

    current = False


async def database_answers() -> None:
    await sync_to_async(_select_one, thread_sensitive=False)()


async def redis_answers() -> None:
    client = Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_SOCKET_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    async with client:
        await client.ping()


async def schema_is_current() -> None:
    if not _Schema.current:
        await sync_to_async(_compare_schema, thread_sensitive=False)()
        _Schema.current = True


async def engine_answers() -> None:
    from quota.wiring import get_engine  # the wiring of another app: imported when first asked, not at start

    await get_engine().ping()


async def process_stays() -> None:
    if farewell.stopping():
        raise ProcessStops


def _select_one() -> None:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connections.close_all()  # this thread's own: nobody else would give it back


def _compare_schema() -> None:
    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise SchemaOutdated
    finally:
        connections.close_all()
