"""Is the process alive, and can it serve? Fixed words only: no versions, addresses, names or error texts.

    /health/live    this process answers
    /health/db      the database answers
    /health/redis   Redis answers
    /health/ready   all of it, the schema is current, the pool's engine answers, and the process is not about to stop

# Note [One check at a time]
A store that hangs may keep a checking thread for long. Whoever asks meanwhile waits for that same check, for at most
the deadline, instead of starting another; so a thousand impatient probes cost one thread.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from weakref import WeakKeyDictionary

from nubabel import health_checks

logger = logging.getLogger(__name__)

DEADLINE: Final = 1.0
"""Seconds any answer may take."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must work: `run` returns if it does and raises anything if not."""

    name: str
    run: Callable[[], Awaitable[None]]
    deadline: float = DEADLINE
    _running: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]]" = field(
        default_factory=WeakKeyDictionary, repr=False, compare=False
    )

    async def passes(self) -> bool:
        """Never raises, and takes no longer than the deadline."""
        task = self._shared_task()
        try:
            await asyncio.wait_for(asyncio.shield(task), self.deadline)
        except TimeoutError:
            logger.warning("health check %s: no answer within %.1f s", self.name, self.deadline)
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not ok"
            logger.warning("health check %s: %s", self.name, type(error).__name__)
            return False
        return True

    def _shared_task(self) -> "asyncio.Task[None]":
        """See Note [One check at a time]."""
        loop = asyncio.get_running_loop()
        task = self._running.get(loop)
        if task is None or task.done():
            task = loop.create_task(_awaited(self.run))
            task.add_done_callback(_heard)
            self._running[loop] = task
        return task


@dataclass(frozen=True, slots=True)
class Report:
    """What one address answers."""

    ok: bool
    at: datetime
    checks: Mapping[str, bool]

    @property
    def http_status(self) -> HTTPStatus:
        return HTTPStatus.OK if self.ok else HTTPStatus.SERVICE_UNAVAILABLE

    def body(self) -> dict[str, object]:
        fixed: dict[str, object] = {"status": _word(self.ok), "timestamp": self.at.isoformat(timespec="milliseconds")}
        named = {name: _word(ok) for name, ok in self.checks.items()}
        return fixed | ({"checks": named} if len(named) > 1 else {})


DATABASE: Final = Check("database", health_checks.database_answers)
REDIS: Final = Check("redis", health_checks.redis_answers)
MIGRATIONS: Final = Check("migrations", health_checks.schema_is_current)
POOL: Final = Check("pool", health_checks.engine_answers)
STAYING: Final = Check("staying", health_checks.process_stays)

CHECKS: Final[Mapping[str, tuple[Check, ...]]] = MappingProxyType(
    {"live": (), "db": (DATABASE,), "redis": (REDIS,), "ready": (DATABASE, REDIS, MIGRATIONS, POOL, STAYING)}
)


async def report(checks: tuple[Check, ...], *, clock: Clock = lambda: datetime.now(UTC)) -> Report:
    """Run the checks side by side."""
    passed = await asyncio.gather(*(check.passes() for check in checks))
    named = {check.name: ok for check, ok in zip(checks, passed, strict=True)}
    return Report(ok=all(passed), at=clock(), checks=MappingProxyType(named))


def _word(ok: bool) -> str:
    return "ok" if ok else "error"


async def _awaited(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def _heard(task: "asyncio.Task[None]") -> None:
    """Retrieve the outcome of a check nobody waited for to its end, so that asyncio does not complain about it."""
    if not task.cancelled():
        task.exception()
