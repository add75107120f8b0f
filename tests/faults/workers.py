"""What a process does in a fault test, and how dozens of them are started in milliseconds.

`python -m tests.faults.workers ROLE URL [MUTANT]` imports everything once and then forks a worker for each number it
reads on its standard input, answering with the worker's process id. When its input ends it takes its workers along.
`MUTANT` names a bug of `tests.properties.mutants` that is planted in their scripts, to show that a test would see it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Final

from quota.engine.connection import Connection
from quota.engine.redis import RedisEngine
from quota.engine.scripts import Scripts, scripts
from quota.engine.types import Event, Lease, LeaseRequest, Refusal, Settlement, Verdict
from tests.properties.mutants import MUTANTS

POOL: Final = "pool"
TTL_MS: Final = 1_500
LONG_CALL_SECONDS: Final = TTL_MS * 1.1 / 1_000
GREEDY_ATTEMPTS: Final = 500


class Worker:
    """An engine of its own, and a name for every lease that no other worker uses."""

    def __init__(self, url: str, number: int, using: Scripts) -> None:
        self.engine = RedisEngine(Connection(url, deadline=10.0), using=using)
        self.random = Random(number)
        self._number = number
        self._serial = 0

    async def lease(self, *, only: str = "", tokens: int = 0, cost: int = 0) -> Lease | Refusal:
        self._serial += 1
        name = f"{self._number}-{self._serial}"
        granted = (Event("granted", name),)
        request = LeaseRequest(
            POOL, name, "m", "g", tokens=tokens, cost=cost, only=only, ttl_ms=TTL_MS, note=name, events=granted
        )
        return await self.engine.lease(request)

    async def settle(
        self, lease: Lease, verdict: Verdict, *, tokens: int = 0, cost: int = 0, sent: bool = True
    ) -> None:
        note = "probe" if lease.probe else ""
        await self.engine.settle(POOL, lease.id, Settlement(verdict, tokens, cost, sent=sent, note=note))


async def caller(worker: Worker) -> None:
    """Calls for ever, four at a time; now and then one takes longer than its lease."""
    await asyncio.gather(*(_call_for_ever(worker) for _ in range(4)))


async def _call_for_ever(worker: Worker) -> None:
    draw = worker.random
    while True:
        lease = await worker.lease(tokens=draw.randrange(1_000), cost=draw.randrange(1_000))
        is_long = draw.random() < 0.03
        await asyncio.sleep(LONG_CALL_SECONDS if is_long else draw.uniform(0, 0.02))
        if isinstance(lease, Lease):
            verdict = draw.choice((Verdict.SUCCESS, Verdict.SUCCESS, Verdict.ALIVE, Verdict.NEUTRAL, Verdict.FAILURE))
            tokens, cost, sent = draw.randrange(1_500), draw.randrange(1_500), draw.random() < 0.9
            await worker.settle(lease, verdict, tokens=tokens, cost=cost, sent=sent)


async def prober(worker: Worker) -> None:
    """Whatever it is given fails (or says nothing), so that every breaker goes round and round."""
    while True:
        lease = await worker.lease()
        if isinstance(lease, Lease):
            await worker.settle(lease, worker.random.choice((Verdict.FAILURE, Verdict.FAILURE, Verdict.NEUTRAL)))


async def greedy(worker: Worker) -> None:
    """Takes all it can get of every limited account, as fast as it can, and says when it is through."""
    draw = worker.random
    for _ in range(GREEDY_ATTEMPTS):
        tokens, cost = draw.randrange(1, 100), draw.randrange(1, 10**9)
        lease = await worker.lease(only=draw.choice(("rpm", "tokens", "cost", "cap")), tokens=tokens, cost=cost)
        await asyncio.sleep(0)
        if isinstance(lease, Lease):
            await worker.settle(lease, Verdict.SUCCESS, tokens=tokens, cost=cost)
    await worker.engine.emit(POOL, [Event("through")])


ROLES: Final[dict[str, Callable[[Worker], Awaitable[None]]]] = {"caller": caller, "prober": prober, "greedy": greedy}


def main(role: str, url: str, mutant: str = "") -> None:
    planted = next((found.scripts() for found in MUTANTS if found.name == mutant), None)
    assert planted or not mutant, f"no mutant is called {mutant!r}"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no farewell
    born = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _work(ROLES[role], url, int(line), planted or scripts())
        born.append(pid)
        print(pid, flush=True)
    for pid in born:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _work(role: Callable[[Worker], Awaitable[None]], url: str, number: int, using: Scripts) -> None:
    async def run() -> None:
        await role(Worker(url, number, using))

    try:
        asyncio.run(run())
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
