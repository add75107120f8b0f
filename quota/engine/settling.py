"""The other half of `pool`: what ending a lease does. Pure in the same sense: `now_ms` is an argument."""

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from quota.engine import breaker as breakers
from quota.engine import clients, learned, learning
from quota.engine.calendar import slot_end_ms, slot_of
from quota.engine.capacity import NOTHING, Amount
from quota.engine.holds import HoldKey, key_of, until_of
from quota.engine.incidents import COMMON_CAUSE_HOLD_MS, OUTAGE_ANNOUNCE_MS, SEVERAL, is_outage
from quota.engine.members import Granted, Member
from quota.engine.pool import Pool
from quota.engine.types import NEVER, Hold, Lease, Scope, Settled, Settlement, Verdict

INVALID_KEY = "invalid_key"


def settle(pool: Pool, lease_id: str, settlement: Settlement, *, now_ms: int) -> Settled:
    """Truth for estimate, verdict to the breaker, holds, events; nothing at all for a lease not known."""
    pool.reap(now_ms)
    granted = pool.leases.pop(lease_id, None)
    late = granted is None
    granted = granted or pool.expired.pop(lease_id, None)
    if granted is None:
        return _adopt(pool, lease_id, settlement, now_ms=now_ms)
    if not late:
        learned.release(pool.learned, granted.taken)
    member = pool.members.get(granted.lease.account)
    if member is not None:
        _account_for(member, granted, settlement, late=late, now_ms=now_ms)
        _judge(pool, member, granted.lease, settlement, now_ms=now_ms)
        _hold(pool, member, settlement.holds, now_ms=now_ms)
        learning.listen(pool, member, granted, settlement, now_ms=now_ms)
    _client_returns(pool, granted, settlement, late=late, now_ms=now_ms)
    _tell(pool, granted.lease, settlement, late=late)
    return Settled(changed=True, late=late, account=granted.lease.account)


def _client_returns(pool: Pool, granted: Granted, settlement: Settlement, *, late: bool, now_ms: int) -> None:
    tokens, cost = (settlement.tokens, settlement.cost) if settlement.sent else (0, 0)
    for books in pool.counted_for(granted.lease):
        clients.give_back(books, granted, tokens=tokens, cost=cost, still_held=not late, now_ms=now_ms)


def apply_alive(pool: Pool, granted: Granted, *, now_ms: int) -> None:
    """The call has begun to answer well: a verdict of its own, so that a long stream keeps no breaker half-open."""
    member = pool.members.get(granted.lease.account)
    if member is None:
        return
    _verdict(pool, member, granted.lease, Verdict.SUCCESS, why="", now_ms=now_ms)
    lease = structs.replace(granted.lease, generation=member.breaker.generation)
    pool.leases[lease.id] = replace(granted, lease=lease)


def _account_for(member: Member, granted: Granted, settlement: Settlement, *, late: bool, now_ms: int) -> None:
    estimate = Amount(1, granted.request.tokens, granted.request.cost)
    actual = Amount(1, settlement.tokens, settlement.cost) if settlement.sent else NOTHING
    member.counters.roll(now_ms)
    member.counters.replace(estimate, actual, granted_ms=granted.lease.granted_ms, still_held=not late)
    if not late:
        member.in_flight -= 1
    if settlement.organization:
        member.account = replace(member.account, organization=settlement.organization)


def _judge(pool: Pool, member: Member, lease: Lease, settlement: Settlement, *, now_ms: int) -> None:
    verdict = settlement.verdict
    if verdict is Verdict.OVERLOADED:
        verdict = _overloaded(pool, member, now_ms=now_ms)
    if verdict is Verdict.REJECTED:
        _rejected(pool, member, why=settlement.why, now_ms=now_ms)
        verdict = Verdict.NEUTRAL
    _verdict(pool, member, lease, verdict, why=settlement.why, now_ms=now_ms)


def _verdict(pool: Pool, member: Member, lease: Lease, verdict: Verdict, *, why: str, now_ms: int) -> None:
    before = member.breaker
    member.breaker = breakers.settle(
        before,
        lease=lease.id,
        generation=lease.generation,
        verdict=verdict,
        settings=pool.settings.breaker,
        now_ms=now_ms,
        why=why,
    )
    pool.note_breaker(member, before)


def _overloaded(pool: Pool, member: Member, *, now_ms: int) -> Verdict:
    """A 529 is the account's failure, unless it comes in a wave: then it is Anthropic's and moves no breaker."""
    overloaded = pool.overloads.report(member.account.id, now_ms=now_ms)
    enabled = sum(other.account.enabled for other in pool.members.values())
    if not (pool.settings.outage_guard and is_outage(overloaded=overloaded, enabled=enabled)):
        return Verdict.FAILURE
    if now_ms >= pool.outage_told_ms + OUTAGE_ANNOUNCE_MS:
        pool.outage_told_ms = now_ms
        pool.tell("pool.outage", accounts=overloaded)
    return Verdict.NEUTRAL


def _rejected(pool: Pool, member: Member, *, why: str, now_ms: int) -> None:
    """One dead key waits for a person; several within a minute have a cause in common, and nobody is condemned."""
    if pool.rejections.report(member.account.id, now_ms=now_ms) < SEVERAL:
        _condemn(pool, member, until_ms=NEVER, why=INVALID_KEY)
        pool.tell("account.rejected", account=member.account.id, why=why)
        return
    for name in sorted(pool.rejections.seen):
        if name in pool.members:
            _condemn(pool, pool.members[name], until_ms=now_ms + COMMON_CAUSE_HOLD_MS, why="common_cause")
    pool.tell("pool.common_cause", accounts=",".join(sorted(pool.rejections.seen)), why=why)


def _condemn(pool: Pool, member: Member, *, until_ms: int, why: str) -> None:
    """Hold the whole account, unless something other than an earlier condemnation holds it as long."""
    key = HoldKey(Scope.ACCOUNT, member.account.id)
    until, reason = pool.holds.entries.get(key, (0, ""))
    if until < until_ms or reason == INVALID_KEY:
        pool.holds.entries[key] = (until_ms, why)


def _hold(pool: Pool, member: Member, holds: Sequence[Hold], *, now_ms: int) -> None:
    pool.holds.forget_past(now_ms)
    for hold in holds:
        key, until = key_of(hold, member.account), until_of(hold, now_ms=now_ms)
        if until > now_ms and pool.holds.add(key, until_ms=until, why=hold.why):
            pool.tell(
                "hold",
                account=member.account.id,
                scope=key.scope,
                organization=member.account.organization,
                why=hold.why,
                until_ms=until,
                group=hold.group,
                model=key.model,
            )


def _adopt(pool: Pool, lease_id: str, settlement: Settlement, *, now_ms: int) -> Settled:
    """A grant of another life of the store: charge and record it once; its verdict is history."""
    lease = settlement.granted
    if lease is None or lease.epoch == pool.epoch or lease_id in pool.adopted:
        return Settled(changed=False)
    pool.adopted.add(lease_id)
    member = pool.members.get(lease.account)
    if member is not None:
        _charge_foreign(member, lease, settlement, now_ms=now_ms)
        _hold(pool, member, settlement.holds, now_ms=now_ms)
    for books in pool.counted_for(lease):
        clients.charge_foreign(books, lease, settlement, now_ms=now_ms)
    _tell(pool, lease, settlement, late=True)
    return Settled(changed=True, late=True, account=lease.account)


def _charge_foreign(member: Member, lease: Lease, settlement: Settlement, *, now_ms: int) -> None:
    actual = Amount(1, settlement.tokens, settlement.cost) if settlement.sent else NOTHING
    member.counters.roll(now_ms)
    slot = slot_of(lease.granted_ms)
    if slot_end_ms(slot) > now_ms:
        member.counters.slots.setdefault(slot, NOTHING)
    member.counters.replace(NOTHING, actual, granted_ms=lease.granted_ms, still_held=False)


def _tell(pool: Pool, lease: Lease, settlement: Settlement, *, late: bool) -> None:
    pool.tell(
        "lease.settled",
        lease=lease.id,
        account=lease.account,
        day=lease.day,
        verdict=settlement.verdict,
        tokens=settlement.tokens,
        cost=settlement.cost,
        est_tokens=lease.tokens,
        est_cost=lease.cost,
        late=int(late),
        sent=int(settlement.sent),
        granted_ms=lease.granted_ms,
        organization=settlement.organization,
        note=settlement.note,
        client=lease.client,
    )
    pool.announce(settlement.events)
