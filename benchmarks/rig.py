"""The pools that are measured: accounts with the limits real ones have, set so high that none is reached."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from nubabel import valkey
from quota.engine.connection import Connection
from quota.engine.keys import events_key, pool_keys
from quota.engine.redis import RedisEngine
from quota.engine.scripts import Script
from quota.engine.types import (
    Account,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Settlement,
    Strategy,
    Verdict,
    Window,
)

BARE = Script("bare", "return 1")
MODEL, GROUP = "claude-sonnet-4-5", "sonnet-4.x"
DEADLINE_SECONDS = 10.0
LIMITS = (
    Limit(Metric.REQUESTS, Window.MINUTE, 1_000_000),
    Limit(Metric.TOKENS, Window.DAY, 10_000_000_000),
    Limit(Metric.COST, Window.DAY, 100_000 * 1_000_000_000),
)
LEASE_NOTE = '{"activity":"0b6f4c0e-6f0a-4b58-9a5a-2f5d0d0c9f11","number":1,"model":"claude-sonnet-4-5"}'
SETTLE_NOTE = '{"activity":"0b6f4c0e-6f0a-4b58-9a5a-2f5d0d0c9f11","pad":"' + "x" * 340 + '"}'
"""As long as what the gateway sends along."""


@contextmanager
def private_server(*, durable: bool = False) -> Iterator[valkey.Running]:
    """An embedded Valkey nobody else knows of. `durable`: as `make run` starts it, synced before each answer."""
    with TemporaryDirectory(prefix="nubabel-bench-") as folder:
        running = valkey.ensure(Path(folder), durable=durable)
        try:
            yield running
        finally:
            valkey.stop(Path(folder))


class Rig:
    """One engine on one server, and pools on it by strategy and size."""

    def __init__(self, running: valkey.Running, *, seed: int) -> None:
        self.connection = Connection(running.url, deadline=DEADLINE_SECONDS)
        self.engine = RedisEngine(self.connection)
        self.server = running.pid
        self._random = Random(seed)
        self._leases = 0

    async def pool(self, strategy: Strategy, size: int) -> str:
        """A loaded pool's id."""
        name = f"{strategy.value}-{size}"
        await self.engine.configure(name, PoolSettings(version=1, strategy=strategy), self._accounts(size))
        return name

    def request(self, pool: str) -> LeaseRequest:
        self._leases += 1
        tokens = self._random.randrange(500, 4_000)
        lease_id = f"{self._leases:036d}"
        return LeaseRequest(pool, lease_id, MODEL, GROUP, tokens=tokens, cost=tokens * 15_000, note=LEASE_NOTE)

    async def bare(self) -> None:
        await self.connection.evalsha(BARE, (), ())

    async def lease(self, request: LeaseRequest) -> Lease:
        """Raises TypeError if the pool refuses: then a limit was reached, and the figures would mean something else."""
        granted = await self.engine.lease(request)
        if not isinstance(granted, Lease):
            raise TypeError(f"the benchmark's own limits were reached: {granted}")
        return granted

    async def settle(self, lease: Lease) -> None:
        await self.engine.settle(lease.pool, lease.id, settlement(lease))

    async def drop(self, pools: Sequence[str]) -> None:
        """What is gone cannot slow down the next: a server without jemalloc feels tens of thousands of accounts."""
        for pool in pools:
            await self.connection.call("UNLINK", *pool_keys(pool))

    async def forget_events(self, pool: str) -> None:
        """What the worker does in the product: the stream does not grow for ever."""
        await self.connection.call("UNLINK", events_key(pool))

    def _accounts(self, size: int) -> list[Account]:
        return [self._account(number) for number in range(size)]

    def _account(self, number: int) -> Account:
        uuid = f"{self._random.getrandbits(128):032x}"
        priority = (10, 20, 30)[number % 3]
        return Account(uuid, priority=priority, limits=LIMITS, max_concurrency=1_000, organization=f"org-{number}")


def settlement(lease: Lease) -> Settlement:
    return Settlement(Verdict.SUCCESS, lease.tokens * 3 // 4, lease.cost * 3 // 4, note=SETTLE_NOTE, granted=lease)
