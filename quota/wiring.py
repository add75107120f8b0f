"""What this app needs from outside: the only place of it that reads Django's settings."""

import asyncio
from typing import Final
from weakref import WeakKeyDictionary

from django.conf import settings

from quota.engine.api import Engine
from quota.engine.facade import open_engine

PATIENCE_SECONDS: Final = 2.0
_engines: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, Engine]] = WeakKeyDictionary()


def get_engine() -> Engine:
    """The engine of the running event loop, opened when first asked for. Raises RuntimeError outside of a loop."""
    loop = asyncio.get_running_loop()
    engine = _engines.get(loop)
    if engine is None:
        engine = _engines[loop] = open_engine(redis_url(), processes=settings.POOL_PROCESSES)
    return engine


def open_patient_engine() -> Engine:
    """An engine for those who may wait (publishing thousands of accounts, the worker). The caller closes it."""
    return open_engine(redis_url(), deadline=PATIENCE_SECONDS)


async def close_engine() -> None:
    """Close the running loop's engine, if it has one; a later `get_engine` opens another."""
    engine = _engines.pop(asyncio.get_running_loop(), None)
    if engine is not None:
        await engine.close()


def redis_url() -> str:
    """Where the engine's state lives."""
    return str(settings.REDIS_URL)


def anthropic_api_key() -> str:
    """ANTHROPIC_API_KEY as set; empty if not."""
    return str(getattr(settings, "ANTHROPIC_API_KEY", "") or "")


def anthropic_base_url() -> str:
    """Where the default account's key is sent: the first of ANTHROPIC_BASE_URLS."""
    return str(next(iter(settings.ANTHROPIC_BASE_URLS)))
