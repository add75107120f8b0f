"""Requests that come as they come, more of them than the organizations allow, through the gateway's own loop."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final
from uuid import UUID

from accounts.credentials import Secret
from accounts.directory import Credential
from benchmarks.learning.scene import ACCOUNTS, Scene
from benchmarks.learning.upstream import Simulated, ask
from benchmarks.learning.virtual import LoopClock, VirtualLoop
from gateway.background import Background
from gateway.driver import Run
from gateway.ports import Ports
from gateway.preparing import Context, PoolRules, prepare
from gateway.renewals import Renewals
from quota.engine.api import Engine
from quota.engine.types import Account, PoolSettings
from simulator.world import World

POOL: Final = "3f0c7c1e-0000-4000-8000-000000000001"
QUEUE_MS: Final = 5_000
DRAIN_SECONDS: Final = 120.0
MakeEngine = Callable[[Callable[[], int]], Engine]


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of the loop's time, and how much more is asked than can be had (1.0: just that)."""

    learning: float = 60.0
    measured: float = 120.0
    demand: float = 1.3
    seed: int = 20_261_128


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Anthropic was asked once it was known, how often it throttled, and how callers fared meanwhile."""

    scene: Scene
    learning: bool
    first_calls: int
    first_throttled: int
    calls: int
    throttled: int
    answered: int
    refused: int
    minutes: float

    @property
    def share(self) -> float:
        """Of the calls, those that were throttled."""
        return self.throttled / self.calls if self.calls else 0.0

    @property
    def use(self) -> float:
        """Of what the organizations allow, what callers got."""
        return self.answered / self.minutes / self.scene.capacity


class Keys:
    """Credentials of the simulator's accounts."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def get(self, account_id: str) -> Credential:
        key = Secret(self._world.accounts[account_id].key)
        return Credential(account_id, account_id, POOL, "http://simulator", key, simulated=True)


def measure(scene: Scene, plan: Plan, *, learning: bool, make_engine: MakeEngine) -> Outcome:
    """Play a scene on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_play(scene, plan, learning=learning, make_engine=make_engine))


async def _play(scene: Scene, plan: Plan, *, learning: bool, make_engine: MakeEngine) -> Outcome:
    clock = LoopClock()
    world = scene.world(clock, seed=plan.seed)
    upstream = Simulated(world, seconds=scene.seconds, random=Random(plan.seed + 1))
    engine = make_engine(clock.now_ms)
    accounts = [Account(id=name) for name in ACCOUNTS]
    await engine.configure(POOL, PoolSettings(version=1, learning=learning, affinity=False), accounts)
    ports = _ports(engine, world, upstream, clock)
    answers = await _load(scene, plan, ports, world=world)
    await ports.background.close(timeout=DRAIN_SECONDS)
    calls, throttled = upstream.tally.since(plan.learning)
    all_calls, all_throttled = upstream.tally.since(0)
    return Outcome(
        scene=scene,
        learning=learning,
        first_calls=all_calls - calls,
        first_throttled=all_throttled - throttled,
        calls=calls,
        throttled=throttled,
        answered=answers[True],
        refused=answers[False],
        minutes=plan.measured / 60,
    )


def _ports(engine: Engine, world: World, upstream: Simulated, clock: LoopClock) -> Ports:
    async def reload(_pool: str) -> None:
        raise AssertionError("the engine lost the pool")

    return Ports(
        engine=engine,
        credentials=Keys(world),
        upstream=upstream,
        reload=reload,
        clock=clock,
        background=Background(),
        renewals=Renewals(clock=clock),
    )


async def _load(scene: Scene, plan: Plan, ports: Ports, *, world: World) -> Counter[bool]:
    """Send until the time is up; how many of those sent once it was learned were answered (True) or refused."""
    answers: Counter[bool] = Counter()
    random = Random(plan.seed)
    rate, end = scene.capacity * plan.demand / 60, plan.learning + plan.measured
    neighbour = asyncio.create_task(_neighbour(scene, world, Random(plan.seed + 2)))
    async with asyncio.TaskGroup() as callers:
        while (now := ports.clock.monotonic()) < end:
            callers.create_task(_call(scene, ports, random, answers, counts=now >= plan.learning))
            await asyncio.sleep(random.expovariate(rate))
        neighbour.cancel()
    with suppress(asyncio.CancelledError):
        await neighbour
    return answers


async def _call(scene: Scene, ports: Ports, random: Random, answers: Counter[bool], *, counts: bool) -> None:
    request = scene.request(random)
    rules = PoolRules(id=POOL, name="load", strategy="least_loaded", queue_ms=QUEUE_MS, queue_size=1_000)
    activity = str(UUID(int=random.getrandbits(128)))
    call = prepare(request, context=Context(), rules=rules, activity=activity, now_ms=ports.clock.now_ms())
    response = await Run(ports, call, request).respond()
    if response.stream is not None:
        async for _ in response.stream:
            pass
    if counts:
        answers[response.status == 200] += 1


async def _neighbour(scene: Scene, world: World, random: Random) -> None:
    """Another program with a key of the largest organization, which never heard of the pool."""
    key = world.accounts["cedar"].key
    while scene.neighbour:
        await asyncio.sleep(random.expovariate(scene.neighbour / 60))
        request = scene.request(random)
        ask(world, request, {**dict(request.headers), "x-api-key": key})
