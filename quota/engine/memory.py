"""The engine in this process's memory: the specification run as it stands, a test double, the degraded mode."""

from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from quota.engine import learning, leasing, settling
from quota.engine.checks import check
from quota.engine.errors import EngineEmpty, UnknownAccount
from quota.engine.members import Member
from quota.engine.pool import Pool
from quota.engine.states import snapshot_of
from quota.engine.types import (
    Account,
    BreakerMode,
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

CLOCK_SLACK_MS = 5_000
"""A clock that steps back this far stands still; one that steps back further is a different clock."""


class MemoryEngine:
    """An `Engine` without a store. `clock` gives milliseconds since 1970-01-01 UTC."""

    def __init__(self, *, clock: Callable[[], int], epoch: str = "") -> None:
        self._clock = clock
        self._epoch = epoch
        self._pools: dict[str, Pool] = {}
        self._events: dict[str, list[tuple[str, dict[str, str]]]] = {}

    async def configure(
        self,
        pool: str,
        settings: PoolSettings,
        accounts: Sequence[Account],
        *,
        usage: Mapping[str, Usage] | None = None,
        clients: Mapping[str, Usage] | None = None,
    ) -> bool:
        check(settings, accounts)
        try:
            found, _ = self._at(pool)
        except EngineEmpty:
            made = Pool(name=pool, settings=settings, epoch=self._epoch or uuid4().hex, clock_ms=self._clock())
            made.events = self._events.setdefault(pool, [])
            self._pools[pool] = found = made
            found.restore_clients(clients or {})
        return found.configure(settings, accounts, usage, now_ms=found.clock_ms)

    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        pool, now = self._at(request.pool)
        return leasing.lease(pool, request, now_ms=now)

    async def renew(self, pool: str, lease_id: str, *, ttl_ms: int, alive: bool = False) -> bool:
        found, now = self._at(pool)
        found.reap(now)
        granted = found.renew(lease_id, ttl_ms=ttl_ms, now_ms=now)
        if granted is not None and alive:
            settling.apply_alive(found, granted, now_ms=now)
        return granted is not None

    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        found, now = self._at(pool)
        return settling.settle(found, lease_id, settlement, now_ms=now)

    async def expire(self, pool: str) -> int:
        found, now = self._at(pool)
        return found.reap(now)

    async def snapshot(
        self, pool: str, *, accounts: Sequence[str] | None = None, clients: Sequence[Client] = ()
    ) -> PoolSnapshot:
        found, now = self._look(pool)
        return snapshot_of(found, accounts, clients=clients, leases=len(found.leases), now_ms=now)

    async def reset_breaker(self, pool: str, account: str, *, actor: str) -> None:
        found, member, _ = self._member(pool, account)
        found.reset(member, actor=actor)

    async def force_open(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        found, member, _ = self._member(pool, account)
        found.force(member, BreakerMode.FORCED_OPEN, actor=actor, why=why)

    async def force_closed(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        found, member, _ = self._member(pool, account)
        found.force(member, BreakerMode.FORCED_CLOSED, actor=actor, why=why)

    async def clear_cooldown(self, pool: str, account: str, *, actor: str) -> None:
        found, member, now = self._member(pool, account)
        found.holds.forget_past(now)
        forgotten = learning.forget(found, member.account)
        if found.holds.clear(member.account) or forgotten:
            found.tell("hold.cleared", account=account, actor=actor)

    async def set_foreign(self, pool: str, used: Mapping[str, Foreign], *, day: int) -> bool:
        found, now = self._at(pool)
        return found.set_foreign(used, day=day, now_ms=now)

    async def emit(self, pool: str, events: Sequence[Event]) -> None:
        told = self._events.setdefault(pool, [])
        told.extend((event.type, {"pool": pool, "payload": event.payload}) for event in events)

    async def ping(self) -> float:
        return 0.0

    async def close(self) -> None:
        self._pools.clear()

    def events(self, pool: str) -> list[tuple[str, dict[str, str]]]:
        """Everything told so far, oldest first: (type, fields)."""
        return list(self._events.get(pool, ()))

    def forget(self) -> None:
        """Lose everything, as a store without persistence does when it restarts."""
        self._pools.clear()

    def _at(self, name: str) -> tuple[Pool, int]:
        """The pool and the time, which never runs backwards for it."""
        pool, now = self._look(name)
        pool.clock_ms = now
        return pool, now

    def _look(self, name: str) -> tuple[Pool, int]:
        pool = self._pools.get(name)
        if pool is None:
            raise EngineEmpty(name)
        now = self._clock()
        if now < pool.clock_ms - CLOCK_SLACK_MS:
            del self._pools[name]
            raise EngineEmpty(name)
        return pool, max(pool.clock_ms, now)

    def _member(self, name: str, account: str) -> tuple[Pool, Member, int]:
        pool, now = self._at(name)
        member = pool.members.get(account)
        if member is None:
            raise UnknownAccount(name, account)
        return pool, member, now
