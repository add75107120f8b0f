"""How long a lease and a settlement take: one after the other, and 64 callers at once.

# Note [Taking turns]
A machine is shared, and an absolute figure drifts by half within a minute. Whatever is compared is therefore measured
in short blocks that take turns (bare call, lease and settlement, for every size, then again). Neighbours only ever add
time, so medians are those of the quietest quarter of the rounds, by the time a whole round took; ratios are taken
within a round. The 99th percentile is of all calls, neighbours and all.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter_ns

from benchmarks.machine import placed
from benchmarks.measure import MICROSECOND, Spent, percentile, spent, timed
from benchmarks.plan import Plan
from benchmarks.rig import Rig
from quota.engine.types import Strategy


@dataclass(slots=True)
class Samples:
    """Microseconds per call, one list per round."""

    rounds: list[list[float]] = field(default_factory=list)
    quiet: list[int] = field(default_factory=list)
    """Which rounds count for medians; see Note [Taking turns]."""

    @property
    def p50(self) -> float:
        return median(self.medians)

    @property
    def p99(self) -> float:
        return percentile([sample for block in self.rounds for sample in block], 99)

    @property
    def medians(self) -> list[float]:
        return [median(self.rounds[number]) for number in self.quiet]

    def over(self, other: "Samples") -> float:
        """How many times the other's median, round by round."""
        return median(mine / theirs for mine, theirs in zip(self.medians, other.medians, strict=True))


@dataclass(frozen=True, slots=True)
class Sequential:
    """One caller. `bare` is the call that does nothing, made in turns with the others."""

    where: str
    strategy: Strategy
    size: int
    bare: Samples = field(default_factory=Samples)
    lease: Samples = field(default_factory=Samples)
    settle: Samples = field(default_factory=Samples)


@dataclass(frozen=True, slots=True)
class Burst:
    """Many callers. `size` 0: bare calls, of which two stand for a pair."""

    strategy: Strategy | None
    size: int
    pairs: int
    spent: list[Spent] = field(default_factory=list)

    @property
    def calls_per_second(self) -> float:
        return median(2 * self.pairs / one.wall for one in self.spent)

    @property
    def client(self) -> float:
        """CPU µs of this process per pair."""
        return median(one.client for one in self.spent) / self.pairs * 1e6

    @property
    def server(self) -> float:
        """CPU µs of the server per pair."""
        return median(one.server for one in self.spent) / self.pairs * 1e6


async def sequential(rig: Rig, plan: Plan, *, where: str, strategies: Sequence[Strategy]) -> list[Sequential]:
    """Every size of every strategy, one caller."""
    rows: list[Sequential] = []
    with placed(where, server=rig.server):
        for strategy in strategies:
            mine = [Sequential(where, strategy, size) for size in plan.sizes]
            pools = [await rig.pool(strategy, size) for size in plan.sizes]
            for number in range(plan.rounds + 1):
                for row, pool in zip(mine, pools, strict=True):
                    await _block(rig, pool, row if number else _discarded(row), calls=plan.block)
            await rig.drop(pools)
            _keep_quietest(mine)
            rows += mine
    return rows


def _keep_quietest(rows: Sequence[Sequential]) -> None:
    """The same rounds for every size, as sizes are compared too."""
    samples = [one for row in rows for one in (row.bare, row.lease, row.settle)]
    took = [sum(sum(one.rounds[number]) for one in samples) for number in range(len(samples[0].rounds))]
    quietest = sorted(range(len(took)), key=took.__getitem__)[: max(len(took) // 4, 1)]
    for one in samples:
        one.quiet = quietest


def _discarded(row: Sequential) -> Sequential:
    """Where the first round goes, in which caches fill and scripts are loaded."""
    return Sequential(row.where, row.strategy, row.size)


async def _block(rig: Rig, pool: str, row: Sequential, *, calls: int) -> None:
    """See Note [Taking turns]."""
    bare, leases, settles = [await timed(rig.bare) for _ in range(calls)], [], []
    for _ in range(calls):
        request = rig.request(pool)
        began = perf_counter_ns()
        lease = await rig.lease(request)
        granted = perf_counter_ns()
        await rig.settle(lease)
        leases.append((granted - began) / MICROSECOND)
        settles.append((perf_counter_ns() - granted) / MICROSECOND)
    row.bare.rounds.append(bare)
    row.lease.rounds.append(leases)
    row.settle.rounds.append(settles)
    await rig.forget_events(pool)


async def bursts(rig: Rig, plan: Plan, *, where: str, strategies: Sequence[Strategy]) -> list[Burst]:
    """Every size of every strategy, many callers of one event loop; first the bare call."""
    pairs = plan.callers * plan.pairs
    rows = [Burst(None, 0, pairs)]
    with placed(where, server=rig.server):
        await _rounds(rig, plan, rows, pools=[""])
        for strategy in strategies:
            mine = [Burst(strategy, size, pairs) for size in plan.sizes]
            pools = [await rig.pool(strategy, size) for size in plan.sizes]
            await _rounds(rig, plan, mine, pools=pools)
            await rig.drop(pools)
            rows += mine
    return rows


async def _rounds(rig: Rig, plan: Plan, rows: Sequence[Burst], *, pools: Sequence[str]) -> None:
    """The first round, in which caches fill, is not kept."""
    for number in range(plan.burst_rounds + 1):
        for row, pool in zip(rows, pools, strict=True):
            took = await _burst(rig, pool, plan)
            if number:
                row.spent.append(took)


async def _burst(rig: Rig, pool: str, plan: Plan) -> Spent:
    async def all_callers() -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(plan.callers):
                callers.create_task(_caller(rig, pool, plan.pairs))

    took = await spent(rig.connection, all_callers)
    await rig.forget_events(pool)
    return took


async def _caller(rig: Rig, pool: str, pairs: int) -> None:
    for _ in range(pairs):
        if pool:
            await rig.settle(await rig.lease(rig.request(pool)))
        else:
            await rig.bare()
            await rig.bare()
