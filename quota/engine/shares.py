"""What one process may still admit when the store is away: its share of what was left when it was last seen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from quota.engine.types import NEVER, Account, BreakerMode, BreakerState, Client, Limit, PoolSettings, Window
from quota.engine.views import AccountState, ClientState, LimitState, PoolSnapshot


def shares(snapshot: PoolSnapshot, *, processes: int) -> tuple[Account, ...]:
    """The pool's accounts with 1/`processes` of their room; those that could not serve then, cannot now.

    All processes together admit at most what was left (rounded down each), but for concurrency, where each may use
    one slot: the bound on what an outage can admit too much is `processes` calls in flight per account.
    """
    return tuple(_share(account, snapshot.accounts, processes=processes) for account in snapshot.configuration)


def settings_share(snapshot: PoolSnapshot, *, processes: int) -> PoolSettings:
    """The pool's settings with 1/`processes` of what was left of its own limits."""
    limits = tuple(_rest(limit, snapshot.whole.limits, processes=processes) for limit in snapshot.settings.limits)
    return replace(snapshot.settings, limits=limits)


def client_share(client: Client, known: ClientState | None, *, processes: int) -> Client:
    """A client with 1/`processes` of what was left of its limits; of one not seen before, of all of them."""
    limits = known.limits if known else ()
    return replace(
        client,
        limits=tuple(_rest(limit, limits, processes=processes) for limit in client.limits),
        max_concurrency=_cap_share(client.max_concurrency, processes=processes),
    )


def _cap_share(cap: int | None, *, processes: int) -> int | None:
    return None if cap is None else max(1, cap // processes)


def _share(account: Account, states: Mapping[str, AccountState], *, processes: int) -> Account:
    state = states[account.id]
    return replace(
        account,
        enabled=account.enabled and _was_serving(state),
        limits=tuple(_rest(limit, state.limits, processes=processes) for limit in account.limits),
        max_concurrency=_cap_share(account.max_concurrency, processes=processes),
    )


def _was_serving(state: AccountState) -> bool:
    trusted = state.mode is BreakerMode.FORCED_CLOSED
    closed = state.mode is BreakerMode.AUTO and state.breaker is BreakerState.CLOSED
    held = any(not hold.group and not hold.model and hold.until_ms >= NEVER for hold in state.holds)
    return (trusted or closed) and not held


def _rest(limit: Limit, states: Sequence[LimitState], *, processes: int) -> Limit:
    """A minute's room comes back by itself, a day's and a month's is what is left of it."""
    if limit.window is Window.MINUTE:
        return replace(limit, amount=limit.amount // processes)
    gone = next((known.used + known.reserved for known in states if known.limit == limit), 0)
    return replace(limit, amount=max(0, limit.amount - gone) // processes)
