"""What an engine does, whichever way it is built. `open_engine` in `quota.engine.facade` gives one."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from quota.engine.types import (
    Account,
    Client,
    Event,
    Foreign,
    Lease,
    LeaseRequest,
    PoolSettings,
    Refusal,
    Settled,
    Settlement,
    Usage,
)
from quota.engine.views import PoolSnapshot


class Engine(Protocol):
    """Capacity, breakers and selection for any number of pools.

    Every method raises `EngineUnavailable` when the store does not answer within the deadline (0.25 s unless set
    otherwise) and, but for `configure` and `emit`, `EngineEmpty` when the pool is not loaded. None retries by itself;
    all may be repeated safely.
    """

    async def configure(
        self,
        pool: str,
        settings: PoolSettings,
        accounts: Sequence[Account],
        *,
        usage: Mapping[str, Usage] | None = None,
        clients: Mapping[str, Usage] | None = None,
    ) -> bool:
        """Make the pool be exactly this. False if a newer version is already in force.

        Raises EngineMisconfigured, and changes nothing, if it makes no sense.
        `usage` counts only for accounts the store does not know (first start, lost Redis, an account that is new or
        comes back); of the others it knows better. `clients` likewise, when the store has lost the pool or never
        had it.
        """

    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        """Choose an account and reserve the estimate on it, in one atomic step. A refusal changes nothing."""

    async def renew(self, pool: str, lease_id: str, *, ttl_ms: int, alive: bool = False) -> bool:
        """Move the deadline to now + ttl. `alive` tells the breaker that the call has begun to answer well.

        False: the lease is gone (expired or settled); the call may go on, its settlement will be late.
        """

    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        """End a lease: the truth replaces the estimate, the breaker hears the verdict. Twice changes nothing."""

    async def expire(self, pool: str) -> int:
        """Settle overdue leases now (any lease call does it too) and return how many were settled."""

    async def snapshot(
        self, pool: str, *, accounts: Sequence[str] | None = None, clients: Sequence[Client] = ()
    ) -> PoolSnapshot:
        """The pool as it stands: all accounts or those named, and these clients. Changes nothing."""

    async def reset_breaker(self, pool: str, account: str, *, actor: str) -> None:
        """Close the breaker, forget its failures, return to automatic."""

    async def force_open(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        """Take the account out until a person says otherwise."""

    async def force_closed(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        """Use the account whatever its breaker finds out."""

    async def clear_cooldown(self, pool: str, account: str, *, actor: str) -> None:
        """Drop every hold on the account and on its organization."""

    async def set_foreign(self, pool: str, used: Mapping[str, Foreign], *, day: int) -> bool:
        """Count what was used of these accounts past the pool, and of all others nothing, against their limits.

        `used` is all of it, not what came on top, so the same again changes nothing. `day` is the UTC day (days since
        1970-01-01) it was counted on. False, and nothing has changed, if by the store's clock that is not today.
        """

    async def emit(self, pool: str, events: Sequence[Event]) -> None:
        """Append events that belong to no lease."""

    async def ping(self) -> float:
        """Seconds one round trip takes."""

    async def close(self) -> None: ...
