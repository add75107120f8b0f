"""The part of a scrape that a pool's snapshot tells. Pure."""

from collections.abc import Mapping
from typing import Final

from accounts.money import from_nano
from quota.engine.types import BreakerMode, BreakerState, Metric
from quota.engine.views import AccountState, LimitState, PoolSnapshot
from quota.metrics.catalogue import (
    BREAKER,
    BREAKER_FAILURES,
    ENABLED,
    HOLDS,
    IN_FLIGHT,
    LEASES,
    LIMIT,
    LIMIT_RESERVED,
    LIMIT_USED,
    LOAD,
)
from quota.metrics.sheet import Sheet, Value

_MILLION: Final = 1_000_000
STATES: Final = (
    *(state.value for state in BreakerState),
    BreakerMode.FORCED_OPEN.value,
    BreakerMode.FORCED_CLOSED.value,
)


def put_snapshot(sheet: Sheet, snapshot: PoolSnapshot, *, pool: str, names: Mapping[str, str]) -> None:
    """Write a pool down; `names` maps ids of accounts to what people call them."""
    sheet.put(LEASES, pool, value=snapshot.leases)
    for state in snapshot.accounts.values():
        if state.id in names:
            _put_account(sheet, state, pool, names[state.id], now_ms=snapshot.now_ms)


def _put_account(sheet: Sheet, state: AccountState, pool: str, name: str, *, now_ms: int) -> None:
    sheet.put(ENABLED, pool, name, value=int(state.enabled))
    sheet.put(IN_FLIGHT, pool, name, value=state.in_flight)
    sheet.put(LOAD, pool, name, value=state.load_ppm / _MILLION)
    sheet.put(HOLDS, pool, name, value=sum(hold.until_ms > now_ms for hold in state.holds))
    sheet.put(BREAKER_FAILURES, pool, name, value=state.failures)
    shown = state.breaker.value if state.mode is BreakerMode.AUTO else state.mode.value
    for one in STATES:
        sheet.put(BREAKER, pool, name, one, value=int(one == shown))
    for limit in state.limits:
        _put_limit(sheet, limit, pool, name)


def _put_limit(sheet: Sheet, state: LimitState, pool: str, name: str) -> None:
    limit = state.limit
    where = (pool, name, limit.metric.value, limit.window.value)
    for metric, amount in ((LIMIT, limit.amount), (LIMIT_USED, state.used), (LIMIT_RESERVED, state.reserved)):
        sheet.put(metric, *where, value=_shown(limit.metric, amount))


def _shown(metric: Metric, amount: int) -> Value:
    return from_nano(amount) if metric is Metric.COST else amount
