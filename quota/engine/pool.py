"""One pool in plain Python: the executable specification of what the Lua scripts do.

Here is what a pool remembers, its deadlines and what it tells; `leasing` and `settling` are what is done with it.
Everything takes `now_ms`; nothing waits, reads a clock or talks to anybody.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from quota.engine import breaker as breakers
from quota.engine import clients, learned
from quota.engine.breaker import Breaker
from quota.engine.calendar import day_of
from quota.engine.capacity import Amount, Counters
from quota.engine.holds import Holds
from quota.engine.incidents import COMMON_CAUSE_WINDOW_MS, OUTAGE_WINDOW_MS, Wave
from quota.engine.learned import Learned
from quota.engine.members import Books, Granted, Member
from quota.engine.types import (
    WHOLE_POOL,
    Account,
    BreakerMode,
    BreakerState,
    Event,
    Foreign,
    Lease,
    PoolSettings,
    Usage,
)

LATE_SETTLE_MS = 86_400_000
"""An expired lease can be corrected for a day."""


@dataclass(slots=True)
class Pool:
    name: str
    settings: PoolSettings
    epoch: str
    members: dict[str, Member] = field(default_factory=dict)
    leases: dict[str, Granted] = field(default_factory=dict)
    expired: dict[str, Granted] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)
    clients: dict[str, Books] = field(default_factory=dict)
    holds: Holds = field(default_factory=Holds)
    learned: dict[str, Learned] = field(default_factory=dict)
    """What Anthropic said of its limits, by owner and model group; see `learning`."""
    sessions: dict[str, tuple[str, int]] = field(default_factory=dict)
    overloads: Wave = field(default_factory=lambda: Wave(OUTAGE_WINDOW_MS))
    rejections: Wave = field(default_factory=lambda: Wave(COMMON_CAUSE_WINDOW_MS))
    outage_told_ms: int = 0
    early_probe_ms: int = 0
    turn: int = 0
    virtual_time: int = 0
    clock_ms: int = 0
    events: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    rng: random.Random = field(default_factory=random.Random)

    def configure(
        self,
        settings: PoolSettings,
        accounts: Sequence[Account],
        usage: Mapping[str, Usage] | None = None,
        *,
        now_ms: int,
    ) -> bool:
        if settings.version < self.settings.version:
            return False
        self.settings = settings
        members = {account.id: self._member(account, (usage or {}).get(account.id)) for account in accounts}
        for name, member in self.members.items():
            if name not in members and member.in_flight:
                # Removed with calls under way: it takes no more, and goes when they have ended.
                member.account = replace(member.account, enabled=False)
                members[name] = member
        self.members = members
        self._forget_idle_clients(now_ms)
        self.learned = {key: known for key, known in self.learned.items() if not known.idle(now_ms)}
        return True

    def _forget_idle_clients(self, now_ms: int) -> None:
        for books in self.clients.values():
            books.counters.roll(now_ms)
        self.clients = {client: books for client, books in self.clients.items() if not books.idle}

    def restore_clients(self, usage: Mapping[str, Usage]) -> None:
        """What clients had used before the pool was loaded."""
        self.clients = {client: Books(Counters.restored(used)) for client, used in usage.items()}

    def set_foreign(self, used: Mapping[str, Foreign], *, day: int, now_ms: int) -> bool:
        """Make what was used past the pool be exactly this; False if `day` is not today."""
        if day != day_of(now_ms):
            return False
        for name, member in self.members.items():
            member.counters.roll(now_ms)
            member.counters.set_foreign(used.get(name, Foreign()))
        return True

    def books_of(self, client: str) -> Books:
        """A client's books; blank ones, not kept, if nothing is known of it."""
        return self.clients.get(client) or Books()

    def counted_for(self, lease: Lease) -> list[Books]:
        """The books that a lease is in beside its account's: the whole pool's, and those of who asked."""
        names = (WHOLE_POOL, lease.client) if lease.client else (WHOLE_POOL,)
        return [self.clients.setdefault(name, Books()) for name in names]

    def _member(self, account: Account, usage: Usage | None) -> Member:
        known = self.members.get(account.id)
        if known is not None:
            organization = account.organization or known.account.organization
            known.account = replace(account, organization=organization)
            return known
        counters = Counters.restored(usage) if usage else Counters()
        return Member(account=account, counters=counters, passed=self.virtual_time)

    def roll(self, now_ms: int) -> None:
        for member in self.members.values():
            member.counters.roll(now_ms)

    # Deadlines

    def recall(self, lease_id: str, *, now_ms: int) -> Granted | None:
        """What is remembered of a lease, live or expired."""
        found = self.leases.get(lease_id) or self.expired.get(lease_id)
        forgotten = found is not None and found.expired_ms and now_ms >= found.expired_ms + LATE_SETTLE_MS
        return None if forgotten else found

    def reap(self, now_ms: int) -> int:
        """Charge the estimates of leases whose holders are gone; their settlement may still come and correct that."""
        overdue = [granted for granted in self.leases.values() if granted.lease.deadline_ms <= now_ms]
        for granted in sorted(overdue, key=lambda found: (found.lease.deadline_ms, found.lease.id)):
            self._expire(granted, now_ms=now_ms)
        for name in [n for n, g in self.expired.items() if g.expired_ms + LATE_SETTLE_MS <= now_ms]:
            del self.expired[name]
        return len(overdue)

    def _expire(self, granted: Granted, *, now_ms: int) -> None:
        lease, request = granted.lease, granted.request
        del self.leases[lease.id]
        self.expired[lease.id] = replace(granted, expired_ms=now_ms)
        learned.release(self.learned, granted.taken)
        member = self.members.get(lease.account)
        if member is not None:
            estimate = Amount(1, request.tokens, request.cost)
            member.in_flight -= 1
            member.counters.roll(now_ms)
            member.counters.replace(estimate, estimate, granted_ms=lease.granted_ms, still_held=True)
            member.breaker = breakers.release(member.breaker, lease=lease.id)
        for books in self.counted_for(lease):
            clients.give_back(books, granted, tokens=request.tokens, cost=request.cost, still_held=True, now_ms=now_ms)
        self.tell(
            "lease.expired",
            lease=lease.id,
            account=lease.account,
            day=lease.day,
            tokens=request.tokens,
            cost=request.cost,
            granted_ms=lease.granted_ms,
            note=request.note,
            client=lease.client,
        )

    def renew(self, lease_id: str, *, ttl_ms: int, now_ms: int) -> Granted | None:
        granted = self.leases.get(lease_id)
        if granted is None:
            return None
        lease = structs.replace(granted.lease, deadline_ms=now_ms + ttl_ms)
        renewed = replace(granted, lease=lease)
        self.leases[lease_id] = renewed
        member = self.members.get(lease.account)
        if member is not None:
            member.breaker = breakers.extend(member.breaker, lease=lease_id, deadline_ms=lease.deadline_ms)
        return renewed

    # Telling

    def tell(self, kind: str, **fields: object) -> None:
        self.events.append((kind, {"pool": self.name, **{name: str(value) for name, value in fields.items()}}))

    def announce(self, events: Sequence[Event]) -> None:
        for event in events:
            self.tell(event.type, payload=event.payload)

    def note_breaker(self, member: Member, before: Breaker, *, actor: str = "") -> None:
        """One event per transition; people's orders count as transitions."""
        after = member.breaker
        if (before.state, before.mode, before.generation) == (after.state, after.mode, after.generation):
            return
        self.tell(
            "breaker",
            account=member.account.id,
            gen=after.generation,
            **{"from": before.state, "to": after.state},
            mode=after.mode,
            why=after.why,
            until_ms=after.until_ms if after.state is BreakerState.OPEN else 0,
            actor=actor,
        )

    def force(self, member: Member, mode: BreakerMode, *, actor: str, why: str) -> None:
        before = member.breaker
        member.breaker = breakers.force(before, mode=mode, why=why)
        self.note_breaker(member, before, actor=actor)

    def reset(self, member: Member, *, actor: str) -> None:
        before = member.breaker
        member.breaker = breakers.reset(before)
        self.note_breaker(member, before, actor=actor)
