"""`make bench-engine`: what a lease and a settlement cost, whether limits hold, and LiteLLM's router beside it.

Exit code 0 if every bound holds, 1 if one does not.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import uvloop

from benchmarks.beside import beside
from benchmarks.bounds import Bound, none_over, worst
from benchmarks.latency import Burst, Sequential, bursts, sequential
from benchmarks.machine import APART, FREE, description, load, placements
from benchmarks.overadmission import Load, Outcome, kinds, overadmission
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.report import bound_table, burst_table, outcome_table, placement_table, sequential_table
from benchmarks.rig import Rig, private_server
from quota.engine.types import Strategy

SEED = 20_261_123
METHOD = "medians  of the quietest quarter of the rounds, bare and engine calls taking turns; p99 of all calls"


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    plan = QUICK if options.quick else FULL
    bounds = uvloop.run(_measure(plan, seed=options.seed, peers=not options.no_peers))
    _say("Bounds", f"{bound_table(bounds)}\n\nload after: {load()}")
    return 0 if all(bound.holds for bound in bounds if plan.judges_speed or not bound.timing) else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: proves that it runs, not how fast")
    parser.add_argument("--no-peers", action="store_true", help="leave LiteLLM out (it installs an environment)")
    parser.add_argument("--seed", type=int, default=SEED)
    return parser.parse_args(arguments)


async def _measure(plan: Plan, *, seed: int, peers: bool) -> list[Bound]:
    """Everything, printed as it comes. Returns the bounds."""
    with private_server() as server:
        rig = Rig(server, seed=seed)
        _say("Engine benchmark", "\n".join([*await description(rig.connection, seed=seed), METHOD]))
        rows, elsewhere = await _one_caller(rig, plan, seed=seed)
        crowd = await _many_callers(rig, plan)
        outcomes = await _limits(server.url, plan, seed=seed)
        await rig.engine.close()
    if peers:
        free = [row for row in (*rows, *elsewhere) if row.where == FREE and row.strategy is Strategy.LEAST_LOADED]
        for section in await beside(free, plan, seed=seed):
            _say(section.title, section.text)
    return [*_speed(rows, crowd), _none_over(outcomes)]


async def _one_caller(rig: Rig, plan: Plan, *, seed: int) -> tuple[list[Sequential], list[Sequential]]:
    where = _judged()
    rows = await sequential(rig, plan, where=where, strategies=tuple(Strategy))
    _say(f"One caller; client and server have {where}", sequential_table(rows))
    least = (Strategy.LEAST_LOADED,)
    others = [
        row
        for other in placements()
        if other != where
        for row in await sequential(rig, plan, where=other, strategies=least)
    ]
    synced = await _synced(plan, seed=seed)
    mine = [row for row in rows if row.strategy in least]
    _say("One caller, least loaded, elsewhere", placement_table([*mine, *others, *synced]))
    return rows, others


async def _synced(plan: Plan, *, seed: int) -> list[Sequential]:
    """As `make run` starts the server: the log is on disk before the answer leaves."""
    with private_server(durable=True) as server:
        rig = Rig(server, seed=seed)
        rows = await sequential(rig, plan, where=_judged(), strategies=(Strategy.LEAST_LOADED,))
        await rig.engine.close()
    return [replace(row, where=f"{row.where}, log synced to disk") for row in rows]


def _judged() -> str:
    """The bounds on time speak of a server with a core of its own, where the machine has two."""
    return APART if APART in placements() else FREE


async def _many_callers(rig: Rig, plan: Plan) -> list[Burst]:
    rows = await bursts(rig, plan, where=_judged(), strategies=tuple(Strategy))
    _say(f"{plan.callers} callers on one event loop, a pair being a lease and its settlement", burst_table(rows))
    return rows


async def _limits(url: str, plan: Plan, *, seed: int) -> list[Outcome]:
    crowd = Load(plan.processes, plan.attempts)
    outcomes = [await overadmission(url, kind, crowd, seed=seed) for kind in kinds(crowd)]
    _say(f"{plan.processes} processes, {plan.attempts:,} attempts each", outcome_table(outcomes))
    return outcomes


def _speed(rows: Sequence[Sequential], crowd: Sequence[Burst]) -> list[Bound]:
    pairs = [(row.client, _at(row.strategy, row.size)) for row in crowd if row.strategy]
    return [
        worst(
            "one caller's lease, p50",
            limit=2.5,
            unit="x bare EVALSHA",
            measured=((row.lease.over(row.bare), _at(row.strategy, row.size)) for row in rows),
        ),
        worst("lease and settlement, most accounts", limit=1.3, unit="x fewest", measured=_growth(rows)),
        worst("client CPU of a pair, many callers", limit=60, unit="µs", measured=pairs),
    ]


def _growth(rows: Sequence[Sequential]) -> list[tuple[float, str]]:
    growth = []
    for strategy in Strategy:
        mine = sorted((row for row in rows if row.strategy is strategy), key=lambda row: row.size)
        growth.append((mine[-1].lease.over(mine[0].lease), f"lease, {strategy.value}"))
        growth.append((mine[-1].settle.over(mine[0].settle), f"settle, {strategy.value}"))
    return growth


def _none_over(outcomes: Sequence[Outcome]) -> Bound:
    return none_over(measured=((row.over / row.kind.shown_per, row.kind.name) for row in outcomes))


def _at(strategy: Strategy, size: int) -> str:
    return f"{strategy.value}, {size:,} accounts"


def _say(title: str, text: str) -> None:
    print(f"## {title}\n\n{text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
