"""Whether many processes together ever get more than a limit allows.

Each process asks as fast as it can for several times what the limits allow. Nothing the engine says about itself is
believed: the grants of all processes are put together and counted here, account by account.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

from benchmarks.attempts import Assignment, Grant, Report, work
from benchmarks.limited import Kind, calls_at_once, cost_a_day, requests_a_minute, tokens_a_day
from benchmarks.rig import DEADLINE_SECONDS
from quota.engine.connection import Connection
from quota.engine.redis import RedisEngine
from quota.engine.types import PoolSettings
from quota.engine.views import PoolSnapshot

ACCOUNTS = 20
CALLERS = 32


@dataclass(frozen=True, slots=True)
class Load:
    """How it is asked for. `pace`: attempts per second of each process, 0 for as many as possible."""

    processes: int
    attempts: int
    accounts: int = ACCOUNTS
    callers: int = CALLERS
    pace: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`limit`, `reached` and `over` are of all accounts together, in the kind's base unit."""

    kind: Kind
    attempts: int
    admitted: int
    limit: int
    reached: int
    over: int
    unanswered: int
    books: bool
    """The engine's own books come to the same as the count."""
    seconds: float


def kinds(load: Load) -> tuple[Kind, ...]:
    """Limits of which all attempts together want two to four times as much."""
    each = max(load.processes * load.attempts // load.accounts // 4, 1)
    return (
        requests_a_minute(each),
        tokens_a_day(each * 1_000),
        cost_a_day(each * 1_000 * 15_000),
        calls_at_once(max(load.processes * load.callers // load.accounts // 3, 1)),
    )


async def overadmission(url: str, kind: Kind, load: Load, *, seed: int) -> Outcome:
    """Let all processes loose on a new pool and count."""
    engine = RedisEngine(Connection(url, deadline=DEADLINE_SECONDS))
    pool = f"{kind.name} {load.processes} x {load.attempts} at {load.pace}"
    accounts = [kind.account(f"account-{number}", kind.amount) for number in range(load.accounts)]
    await engine.configure(pool, PoolSettings(version=1), accounts)
    began = time.monotonic()
    first = _assignment(kind, load, url=url, pool=pool, seed=seed)
    reports = _let_loose([replace(first, number=number) for number in range(load.processes)])
    seconds = time.monotonic() - began
    snapshot = await engine.snapshot(pool)
    await engine.close()
    return _counted(kind, load, reports, snapshot, seconds=seconds)


def _assignment(kind: Kind, load: Load, *, url: str, pool: str, seed: int) -> Assignment:
    return Assignment(
        url=url,
        pool=pool,
        number=0,
        processes=load.processes,
        attempts=load.attempts,
        callers=load.callers,
        seed=seed,
        hold=kind.hold,
        pace=load.pace,
        leave_open=kind.leave_open,
    )


def _let_loose(assignments: Sequence[Assignment]) -> list[Report]:
    with ProcessPoolExecutor(len(assignments), mp_context=get_context("spawn")) as processes:
        return list(processes.map(work, assignments))


def _counted(kind: Kind, load: Load, reports: Sequence[Report], snapshot: PoolSnapshot, *, seconds: float) -> Outcome:
    grants = _by_account(reports)
    most = {name: kind.most(grants[name]) for name in snapshot.accounts}
    return Outcome(
        kind=kind,
        attempts=sum(report.attempts for report in reports),
        admitted=sum(len(report.grants) for report in reports),
        limit=kind.amount * load.accounts,
        reached=sum(most.values()),
        over=sum(max(0, used - kind.amount) for used in most.values()),
        unanswered=sum(report.unanswered for report in reports),
        books=all(kind.ours(grants[name]) == kind.theirs(state) for name, state in snapshot.accounts.items()),
        seconds=seconds,
    )


def _by_account(reports: Sequence[Report]) -> Mapping[str, list[Grant]]:
    grants: dict[str, list[Grant]] = defaultdict(list)
    for report in reports:
        for grant in report.grants:
            grants[grant.account].append(grant)
    return grants
