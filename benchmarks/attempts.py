"""One process that asks for more than there is, and keeps account of what it got."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

import uvloop

from benchmarks.rig import DEADLINE_SECONDS, GROUP, MODEL
from quota.engine.connection import Connection
from quota.engine.errors import EngineUnavailable
from quota.engine.redis import RedisEngine
from quota.engine.types import Lease, LeaseRequest, Settlement, Verdict

START_DEADLINE_SECONDS: Final = 60.0
NANO_PER_TOKEN: Final = 15_000
LEFT_OPEN: Final = 10
"""One lease in so many is never settled: its whole estimate stays taken."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one process does. `pace`: attempts per second, 0: all it can; `hold`: seconds a lease is held."""

    url: str
    pool: str
    number: int
    processes: int
    attempts: int
    callers: int
    seed: int
    hold: float = 0.0
    pace: float = 0.0
    leave_open: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """One admitted call: what it was charged in the end, and between which monotonic instants it surely ran."""

    account: str
    day: int
    granted_ms: int
    tokens: int
    cost: int
    began_ns: int
    ended_ns: int


@dataclass(slots=True)
class Report:
    grants: list[Grant] = field(default_factory=list)
    attempts: int = 0
    unanswered: int = 0
    """Attempts whose answer did not come in time; must be 0, or the count is not one."""


def work(assignment: Assignment) -> Report:
    """Runs in a process of its own."""
    return uvloop.run(_Asker(assignment).run())


class _Asker:
    def __init__(self, assignment: Assignment) -> None:
        self._given = assignment
        self._connection = Connection(assignment.url, deadline=DEADLINE_SECONDS)
        self._engine = RedisEngine(self._connection)
        self._random = Random(f"{assignment.seed}/{assignment.number}")
        self._report = Report()

    async def run(self) -> Report:
        await self._all_here()
        began = time.monotonic()
        async with asyncio.TaskGroup() as callers:
            for first in range(self._given.callers):
                callers.create_task(self._ask(range(first, self._given.attempts, self._given.callers), began))
        await self._engine.close()
        return self._report

    async def _all_here(self) -> None:
        """Start together. Raises TimeoutError if a process does not come."""
        key = f"here:{self._given.pool}"
        await self._connection.call("INCR", key)
        async with asyncio.timeout(START_DEADLINE_SECONDS):
            while int(await self._connection.call("GET", key)) < self._given.processes:  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.005)

    async def _ask(self, numbers: range, began: float) -> None:
        async for number in self._paced(numbers, began):
            self._report.attempts += 1
            try:
                await self._attempt(f"{self._given.number}-{number}")
            except EngineUnavailable:
                self._report.unanswered += 1

    async def _paced(self, numbers: range, began: float) -> AsyncIterator[int]:
        for number in numbers:
            if self._given.pace:
                await asyncio.sleep(max(0.0, began + number / self._given.pace - time.monotonic()))
            yield number

    async def _attempt(self, lease_id: str) -> None:
        tokens = self._random.randrange(500, 3_500)
        request = LeaseRequest(self._given.pool, lease_id, MODEL, GROUP, tokens=tokens, cost=tokens * NANO_PER_TOKEN)
        lease = await self._engine.lease(request)
        if isinstance(lease, Lease):
            await self._hold(lease)

    async def _hold(self, lease: Lease) -> None:
        began = time.monotonic_ns()
        if self._given.hold:
            await asyncio.sleep(self._given.hold)
        ended = time.monotonic_ns()
        tokens = lease.tokens
        if not (self._given.leave_open and self._random.randrange(LEFT_OPEN) == 0):
            tokens = lease.tokens * self._random.randrange(50, 101) // 100
            settlement = Settlement(Verdict.SUCCESS, tokens, tokens * NANO_PER_TOKEN, granted=lease)
            await self._engine.settle(lease.pool, lease.id, settlement)
        cost = tokens * NANO_PER_TOKEN
        self._report.grants.append(Grant(lease.account, lease.day, lease.granted_ms, tokens, cost, began, ended))
