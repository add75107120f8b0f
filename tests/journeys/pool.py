"""A pool over the simulator: the real SDK, the real HTTP client, the real loop; only Anthropic is a double."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from accounts.credentials import Secret
from accounts.directory import Credential
from accounts.errors import UnknownAccount
from gateway.background import Background
from gateway.clock import SystemClock
from gateway.driver import Run
from gateway.ports import Ports
from gateway.preparing import PoolRules
from gateway.renewals import Renewals
from gateway.sdk import client
from gateway.serving import service_over
from gateway.upstream import HttpUpstream
from gateway.wire import DEADLINES, Deadlines
from quota.engine.api import Engine
from quota.engine.memory import MemoryEngine
from quota.engine.types import Account, Event, PoolSettings
from simulator.latency import Pace
from simulator.testing import RunningSimulator, running_simulator
from simulator.world import World
from tests.gateway.remembered import RememberedOwners

POOL = "3f0c7c1e-0000-4000-8000-000000000001"
SETTINGS = PoolSettings(version=1)


@dataclass
class Keys:
    """Credentials of a simulator's accounts."""

    simulator: RunningSimulator

    async def get(self, account_id: str) -> Credential:
        if account_id not in self.simulator.world.accounts:
            raise UnknownAccount(account_id)
        key = Secret(self.simulator.key(account_id))
        return Credential(account_id, account_id, POOL, self.simulator.url, key, simulated=True)


@dataclass
class PoolOverSimulator:
    """What a journey has in hand."""

    world: World
    engine: Engine
    ports: Ports
    rules: PoolRules
    events: list[Event] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    owners: Any = field(default_factory=RememberedOwners)
    """The twin answers as the database does: tests.gateway.test_owners."""

    def __post_init__(self):
        self.service = service_over(self.owners)

    def client(self, **options):
        async def via():
            return self.ports, self.rules

        return client(
            via=via, service=lambda: self.service, listener=self.events.append, on_run=self.runs.append, **options
        )

    def told(self, type_: str) -> list[str]:
        """Payloads of the events of one type."""
        return [event.payload for event in self.events if event.type == type_]


def world_of(*names: str, pace: Pace | None = None) -> World:
    """A world of these accounts, each in an organization of its own; `pace` spreads a stream's events over time."""
    world = World(seed=7, pace=pace)
    for name in names:
        world.add_account(name)
    return world


@asynccontextmanager
async def pool_over(
    world: World,
    *,
    settings: PoolSettings = SETTINGS,
    deadlines: Deadlines = DEADLINES,
    wait_ms: int = 0,
    engine: Engine | None = None,
    reload: Callable[[str], Awaitable[object]] | None = None,
) -> AsyncIterator[PoolOverSimulator]:
    """Serve the world's accounts as one pool until the block ends."""
    clock, background = SystemClock(), Background()
    upstream = HttpUpstream(deadlines=deadlines)
    engine = engine or MemoryEngine(clock=lambda: time.time_ns() // 1_000_000)

    async def configure(pool: str) -> None:
        await engine.configure(pool, settings, [Account(id=name) for name in world.accounts])

    async with running_simulator(world) as simulator:
        ports = Ports(
            engine=engine,
            credentials=Keys(simulator),
            upstream=upstream,
            reload=reload or configure,
            clock=clock,
            background=background,
            renewals=Renewals(clock=clock),
            deadlines=deadlines,
        )
        await configure(POOL)
        rules = PoolRules(id=POOL, name="default", strategy=settings.strategy.value, queue_ms=wait_ms)
        try:
            yield PoolOverSimulator(world, engine, ports, rules)
        finally:
            await background.close(timeout=1)
            await upstream.close()
