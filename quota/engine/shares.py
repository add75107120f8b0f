"""What one process may still admit when the store is away: its share of what was left when it was last seen."""

from collections.abc import Mapping
from dataclasses import replace

from quota.engine.types import NEVER, Account, BreakerMode, BreakerState, Limit, Window
from quota.engine.views import AccountState, PoolSnapshot


def shares(snapshot: PoolSnapshot, *, processes: int) -> tuple[Account, ...]:
    """The pool's accounts with 1/`processes` of their room; those that could not serve then, cannot now.

    All processes together admit at most what was left (rounded down each), but for concurrency, where each may use
    one slot: the bound on what an outage can admit too much is `processes` calls in flight per account.
    """
    return tuple(_share(account, snapshot.accounts, processes=processes) for account in snapshot.configuration)


def _share(account: Account, states: Mapping[str, AccountState], *, processes: int) -> Account:
    state = states[account.id]
    cap = account.max_concurrency
    return replace(
        account,
        enabled=account.enabled and _was_serving(state),
        limits=tuple(_rest(limit, state, processes=processes) for limit in account.limits),
        max_concurrency=None if cap is None else max(1, cap // processes),
    )


def _was_serving(state: AccountState) -> bool:
    trusted = state.mode is BreakerMode.FORCED_CLOSED
    closed = state.mode is BreakerMode.AUTO and state.breaker is BreakerState.CLOSED
    held = any(not hold.group and not hold.model and hold.until_ms >= NEVER for hold in state.holds)
    return (trusted or closed) and not held


def _rest(limit: Limit, state: AccountState, *, processes: int) -> Limit:
    """A minute's room comes back by itself, a day's and a month's is what is left of it."""
    if limit.window is Window.MINUTE:
        return replace(limit, amount=limit.amount // processes)
    gone = next((known.used + known.reserved for known in state.limits if known.limit == limit), 0)
    return replace(limit, amount=max(0, limit.amount - gone) // processes)
