"""Pools and accounts as they stand: what the database says of them beside what the engine does, at one instant."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import ClaudeAccount, Pool
from accounts.money import from_nano
from quota.engine.errors import EngineEmpty, EngineError
from quota.engine.types import Metric, Window
from quota.engine.views import AccountState, LimitState, PoolSnapshot
from quota.status import UNKNOWN, Status, status_of
from quota.wiring import open_patient_engine

Amount = int | Decimal
"""Requests, tokens, or US dollars."""


@dataclass(frozen=True, slots=True)
class LimitSeen:
    """One limit and how much of it is gone."""

    metric: Metric
    window: Window
    amount: Amount
    used: Amount
    reserved: Amount


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """One account. `load_ppm`: its fullest limit, in millionths; `in_flight`: calls under way."""

    id: str
    name: str
    enabled: bool
    priority: int
    status: Status
    breaker: str = ""
    load_ppm: int = 0
    in_flight: int = 0
    limits: tuple[LimitSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """One pool. `trouble` says why the engine told nothing of it; empty when it did."""

    id: str
    name: str
    strategy: str
    accounts: tuple[AccountSeen, ...]
    leases: int = 0
    trouble: str = ""

    @property
    def serving(self) -> int:
        """How many accounts an ordinary request may go to."""
        return sum(one.status.serves for one in self.accounts)


def overview(pools: Sequence[Pool]) -> tuple[PoolSeen, ...]:
    """Look at these pools. Where the engine does not answer, what the database knows is told all the same."""
    snapshots = asyncio.run(_snapshots([str(pool.pk) for pool in pools]))
    return tuple(_pool(pool, snapshots[str(pool.pk)]) for pool in pools)


async def _snapshots(pools: Sequence[str]) -> Mapping[str, PoolSnapshot | str]:
    """Each pool's snapshot, or why there is none."""
    engine = open_patient_engine()
    seen: dict[str, PoolSnapshot | str] = {}
    try:
        for pool in pools:
            try:
                seen[pool] = await engine.snapshot(pool)
            except EngineEmpty:
                seen[pool] = "not loaded yet; the worker, or the first request, will do it"
            except EngineError:
                seen[pool] = "Redis does not answer"
        return seen
    finally:
        await engine.close()


def _pool(pool: Pool, snapshot: PoolSnapshot | str) -> PoolSeen:
    rows = pool.accounts.order_by("priority", "name")
    if isinstance(snapshot, str):
        unseen = tuple(_unseen(row) for row in rows)
        return PoolSeen(str(pool.pk), pool.name, pool.strategy, unseen, trouble=snapshot)
    accounts = tuple(_account(row, snapshot.accounts.get(str(row.pk)), now_ms=snapshot.now_ms) for row in rows)
    return PoolSeen(str(pool.pk), pool.name, pool.strategy, accounts, leases=snapshot.leases)


def _account(row: ClaudeAccount, state: AccountState | None, *, now_ms: int) -> AccountSeen:
    if state is None:
        return _unseen(row)
    status = status_of(
        state,
        enabled=row.enabled,
        readable=row.has_readable_key,
        now_ms=now_ms,
        disabled_for=row.disabled_reason,
        cap=row.max_concurrency,
    )
    return AccountSeen(
        id=str(row.pk),
        name=row.name,
        enabled=row.enabled,
        priority=row.priority,
        status=status,
        breaker=state.breaker.value,
        load_ppm=state.load_ppm,
        in_flight=state.in_flight,
        limits=tuple(_limit(one) for one in state.limits),
    )


def _unseen(row: ClaudeAccount) -> AccountSeen:
    return AccountSeen(id=str(row.pk), name=row.name, enabled=row.enabled, priority=row.priority, status=UNKNOWN)


def _limit(state: LimitState) -> LimitSeen:
    amount, used, reserved = (
        from_nano(number) if state.limit.metric is Metric.COST else number
        for number in (state.limit.amount, state.used, state.reserved)
    )
    return LimitSeen(state.limit.metric, state.limit.window, amount, used, reserved)
