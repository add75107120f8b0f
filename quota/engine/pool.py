"""One pool in plain Python: the executable specification of what the Lua scripts do.

Every method takes `now_ms`; nothing here waits, reads a clock or talks to anybody. It looks at every account on
every lease, where the scripts keep an index: the contract suite holds the two to the same answers.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from quota.engine import breaker as breakers
from quota.engine import strategies
from quota.engine.breaker import Breaker
from quota.engine.calendar import day_of
from quota.engine.capacity import SOON_MS, Amount, Counters, load_ppm, obstacles
from quota.engine.holds import Holds
from quota.engine.incidents import COMMON_CAUSE_WINDOW_MS, OUTAGE_WINDOW_MS, Wave
from quota.engine.types import (
    NEVER,
    Account,
    Block,
    BreakerMode,
    BreakerState,
    Event,
    Lease,
    LeaseRequest,
    PoolSettings,
    Reason,
    Refusal,
    Strategy,
    Usage,
)

MAX_BLOCKS = 64
EARLY_PROBE_EVERY_MS = 5_000
LATE_SETTLE_MS = 86_400_000
"""An expired lease can be corrected for a day."""


@dataclass(slots=True)
class Member:
    """An account and everything the pool knows of it."""

    account: Account
    breaker: Breaker = field(default_factory=Breaker)
    counters: Counters = field(default_factory=Counters)
    in_flight: int = 0
    passed: int = 0
    last_turn: int = 0
    last_used_ms: int = 0

    @property
    def load_ppm(self) -> int:
        return load_ppm(self.counters, self.account.limits, in_flight=self.in_flight, cap=self.account.max_concurrency)

    def at(self, now_ms: int) -> "Member":
        """A copy as of an instant, for looking at."""
        copied = replace(self, counters=deepcopy(self.counters))
        copied.counters.roll(now_ms)
        return copied


@dataclass(frozen=True, slots=True)
class Granted:
    """A lease as the pool remembers it."""

    lease: Lease
    request: LeaseRequest
    expired_ms: int = 0


@dataclass(slots=True)
class Pool:
    name: str
    settings: PoolSettings
    epoch: str
    members: dict[str, Member] = field(default_factory=dict)
    leases: dict[str, Granted] = field(default_factory=dict)
    expired: dict[str, Granted] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)
    holds: Holds = field(default_factory=Holds)
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
        self, settings: PoolSettings, accounts: Sequence[Account], usage: Mapping[str, Usage] | None = None
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
        return True

    def _member(self, account: Account, usage: Usage | None) -> Member:
        known = self.members.get(account.id)
        if known is not None:
            learned = account.organization or known.account.organization
            known.account = replace(account, organization=learned)
            return known
        counters = Counters.restored(usage) if usage else Counters()
        return Member(account=account, counters=counters, passed=self.virtual_time)

    def roll(self, now_ms: int) -> None:
        for member in self.members.values():
            member.counters.roll(now_ms)

    # Leasing

    def lease(self, request: LeaseRequest, *, now_ms: int) -> Lease | Refusal:
        known = self._recall(request.lease_id, now_ms=now_ms)
        if known is not None:
            return known.lease
        self.reap(now_ms)
        self.roll(now_ms)
        blocks = {name: tuple(self._blocks(member, request, now_ms=now_ms)) for name, member in self.members.items()}
        eligible = [self.members[name] for name, found in blocks.items() if not found]
        if not eligible:
            early = self._early_probe(blocks, now_ms=now_ms)
            if early is None:
                return self._refusal(blocks, now_ms=now_ms)
            eligible = [early]
        chosen, sticky, left = self._choose(eligible, request, now_ms=now_ms)
        return self._grant(chosen, request, sticky=sticky, moved_from=left, now_ms=now_ms)

    def _recall(self, lease_id: str, *, now_ms: int) -> Granted | None:
        found = self.leases.get(lease_id) or self.expired.get(lease_id)
        forgotten = found is not None and found.expired_ms and now_ms >= found.expired_ms + LATE_SETTLE_MS
        return None if forgotten else found

    def _blocks(self, member: Member, request: LeaseRequest, *, now_ms: int) -> Iterator[Block]:
        account = member.account
        if not account.enabled:
            yield Block(account.id, Reason.DISABLED, NEVER)
        if account.models is not None and request.model not in account.models:
            yield Block(account.id, Reason.MODEL_NOT_ALLOWED, NEVER)
        if account.id in request.tried or (request.only and request.only != account.id):
            yield Block(account.id, Reason.TRIED, NEVER)
        obstacle = breakers.obstacle(member.breaker, now_ms=now_ms)
        if obstacle is not None:
            yield Block(account.id, *obstacle, member.breaker.why)
        for until, why in self.holds.binding(account, request, now_ms=now_ms):
            yield Block(account.id, Reason.COOLING, until, why)
        if account.max_concurrency is not None and member.in_flight >= account.max_concurrency:
            yield Block(account.id, Reason.CONCURRENCY, now_ms + SOON_MS)
        estimate = Amount(1, request.tokens, request.cost)
        for limit, until in obstacles(member.counters, account.limits, estimate, now_ms=now_ms):
            yield Block(account.id, Reason.LIMIT, until, f"{limit.metric} per {limit.window}")

    def _refusal(self, blocks: Mapping[str, Sequence[Block]], *, now_ms: int) -> Refusal:
        """Each account's longest-lasting obstacle; the soonest of those is when to try again."""
        longest = [max(found, key=lambda block: block.until_ms) for found in blocks.values()]
        ordered = sorted(longest, key=lambda block: (block.until_ms, block.account))
        soonest = ordered[0].until_ms if ordered else NEVER
        return Refusal(pool=self.name, now_ms=now_ms, retry_at_ms=soonest, blocks=tuple(ordered[:MAX_BLOCKS]))

    def _early_probe(self, blocks: Mapping[str, Sequence[Block]], *, now_ms: int) -> Member | None:
        """If every account's breaker is open, the one closest to recovery, once per five seconds."""
        members = [member for member in self.members.values() if member.account.enabled]
        if not self.settings.breaker.early_probe or now_ms < self.early_probe_ms + EARLY_PROBE_EVERY_MS:
            return None
        if any(member.breaker.state is not BreakerState.OPEN for member in members):
            return None
        only_open = [m for m in members if all(b.reason is Reason.BREAKER_OPEN for b in blocks[m.account.id])]
        if not only_open:
            return None
        self.early_probe_ms = now_ms
        return min(only_open, key=lambda member: (member.breaker.until_ms, member.account.id))

    def _choose(self, eligible: Sequence[Member], request: LeaseRequest, *, now_ms: int) -> tuple[Member, bool, str]:
        """The account, whether it is the session's own, and which one the session left for it."""
        best = self._best(eligible)
        own = self._session_account(request, now_ms=now_ms)
        if not own:
            return best, False, ""
        kept = next((member for member in eligible if member.account.id == own), None)
        if kept is None:
            return best, False, own
        margin = self.settings.affinity_margin_ppm
        if strategies.overloaded(own_ppm=kept.load_ppm, best_ppm=best.load_ppm, margin_ppm=margin):
            return best, False, own
        return kept, True, ""

    def _best(self, eligible: Sequence[Member]) -> Member:
        if self.settings.strategy is Strategy.RANDOM:
            return self.rng.choice(eligible)
        return min(eligible, key=lambda member: strategies.rank(self._standing(member), self.settings.strategy))

    def _standing(self, member: Member) -> strategies.Standing:
        return strategies.Standing(
            id=member.account.id,
            priority=member.account.priority,
            load_ppm=member.load_ppm,
            in_flight=member.in_flight,
            passed=member.passed,
            last_turn=member.last_turn,
        )

    def _session_account(self, request: LeaseRequest, *, now_ms: int) -> str:
        if not (self.settings.affinity and request.session) or request.only:
            return ""
        account, until = self.sessions.get(request.session, ("", 0))
        return account if now_ms < until else ""

    def _grant(self, member: Member, request: LeaseRequest, *, sticky: bool, moved_from: str, now_ms: int) -> Lease:
        deadline = now_ms + request.ttl_ms
        before = member.breaker
        member.breaker = breakers.grant(before, lease=request.lease_id, deadline_ms=deadline)
        self.note_breaker(member, before)
        self._take_turn(member, now_ms=now_ms)
        member.counters.reserve(Amount(1, request.tokens, request.cost), now_ms=now_ms)
        lease = Lease(
            id=request.lease_id,
            pool=self.name,
            account=member.account.id,
            generation=member.breaker.generation,
            probe=member.breaker.probe == request.lease_id,
            granted_ms=now_ms,
            deadline_ms=deadline,
            day=day_of(now_ms),
            sticky=sticky,
            moved_from=moved_from,
            tokens=request.tokens,
            cost=request.cost,
            epoch=self.epoch,
        )
        self.leases[lease.id] = Granted(lease, request)
        if self.settings.affinity and request.session and not request.only:
            self.sessions[request.session] = (lease.account, now_ms + self.settings.affinity_ttl_ms)
        self.announce(request.events)
        return lease

    def _take_turn(self, member: Member, *, now_ms: int) -> None:
        self.turn += 1
        member.in_flight += 1
        member.last_turn = self.turn
        member.last_used_ms = now_ms
        member.passed, self.virtual_time = strategies.advance(
            passed=member.passed, virtual_time=self.virtual_time, weight=member.account.weight
        )

    # Deadlines

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
        member = self.members.get(lease.account)
        if member is not None:
            estimate = Amount(1, request.tokens, request.cost)
            member.in_flight -= 1
            member.counters.roll(now_ms)
            member.counters.replace(estimate, estimate, granted_ms=lease.granted_ms, still_held=True)
            member.breaker = breakers.release(member.breaker, lease=lease.id)
        self.tell(
            "lease.expired",
            lease=lease.id,
            account=lease.account,
            day=lease.day,
            tokens=request.tokens,
            cost=request.cost,
            granted_ms=lease.granted_ms,
            note=request.note,
        )

    def renew(self, lease_id: str, *, ttl_ms: int, now_ms: int) -> Granted | None:
        granted = self.leases.get(lease_id)
        if granted is None:
            return None
        lease = replace(granted.lease, deadline_ms=now_ms + ttl_ms)
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
