"""What this app needs from outside: the only place of it that reads Django's settings."""

from typing import TYPE_CHECKING, Final

from django.conf import settings

from accounts.loops import PerLoop
from quota.engine.api import Engine
from quota.engine.facade import open_engine, open_observer
from quota.engine.redis import RedisEngine

if TYPE_CHECKING:
    from quota.metrics.gather import Gatherer

PATIENCE_SECONDS: Final = 2.0


def get_engine() -> Engine:
    """The engine of the running event loop, opened when first asked for. Raises RuntimeError outside of a loop."""
    return _engines.get()


def open_patient_engine() -> Engine:
    """An engine for those who may wait (publishing thousands of accounts, the worker). The caller closes it."""
    return open_engine(redis_url(), deadline=PATIENCE_SECONDS)


def open_watching_engine() -> RedisEngine:
    """An engine for those who look at the pool as it stands. The caller closes it."""
    return open_observer(redis_url(), deadline=PATIENCE_SECONDS)


async def close_engine() -> None:
    """Close the running loop's engine, if it has one; a later `get_engine` opens another."""
    await _engines.close()


def _open() -> Engine:
    return open_engine(redis_url(), processes=settings.POOL_PROCESSES)


_engines: Final = PerLoop[Engine](make=_open, close=lambda engine: engine.close())


def get_gatherer() -> "Gatherer":
    """What reads the metrics on the running event loop."""
    return _gatherers.get()


async def close_gatherer() -> None:
    """Close the running loop's, if it has one."""
    await _gatherers.close()


def _gatherer() -> "Gatherer":
    from quota.metrics.gather import Gatherer  # it needs Django's apps

    return Gatherer(url=redis_url(), engine=get_engine)


_gatherers: Final = PerLoop["Gatherer"](make=_gatherer, close=lambda gatherer: gatherer.close())


def redis_url() -> str:
    """Where the engine's state lives."""
    return str(settings.REDIS_URL)


def anthropic_api_key() -> str:
    """ANTHROPIC_API_KEY as set; empty if not."""
    return str(getattr(settings, "ANTHROPIC_API_KEY", "") or "")


def anthropic_base_url() -> str:
    """Where the default account's key is sent: the first of ANTHROPIC_BASE_URLS."""
    return str(next(iter(settings.ANTHROPIC_BASE_URLS)))


def anthropic_admin_api_key() -> str:
    """ANTHROPIC_ADMIN_API_KEY as set; empty if not."""
    return str(getattr(settings, "ANTHROPIC_ADMIN_API_KEY", "") or "")
