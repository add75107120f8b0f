"""The first half of a call: who gets it. Pure in the same sense as `pool`: `now_ms` is an argument.

It looks at every account on every lease, where the scripts keep an index; the answers are the same.
"""

from collections.abc import Iterator, Mapping, Sequence

from quota.engine import breaker as breakers
from quota.engine import clients, learning, strategies
from quota.engine.calendar import day_of
from quota.engine.capacity import SOON_MS, Amount, obstacles
from quota.engine.members import Granted, Member
from quota.engine.pool import Pool
from quota.engine.types import (
    NEVER,
    WHOLE_POOL,
    Block,
    BreakerState,
    Client,
    Lease,
    LeaseRequest,
    Reason,
    Refusal,
    Strategy,
)

MAX_BLOCKS = 64
EARLY_PROBE_EVERY_MS = 5_000


def lease(pool: Pool, request: LeaseRequest, *, now_ms: int) -> Lease | Refusal:
    """Choose, reserve and say so; or refuse and change nothing. The same lease asked for again is the same lease."""
    known = pool.recall(request.lease_id, now_ms=now_ms)
    if known is not None:
        return known.lease
    pool.reap(now_ms)
    pool.roll(now_ms)
    asking = (request.client, Client(WHOLE_POOL, pool.settings.limits))
    limits = (clients.limited(it, pool.books_of(it.id), request, now_ms=now_ms) for it in asking if it)
    limited = next(filter(None, limits), None)
    if limited:
        return Refusal(pool=pool.name, now_ms=now_ms, retry_at_ms=limited.until_ms, blocks=(), limited=limited)
    blocks = {name: tuple(_blocks(pool, member, request, now_ms=now_ms)) for name, member in pool.members.items()}
    eligible = [pool.members[name] for name, found in blocks.items() if not found]
    if not eligible:
        early = _early_probe(pool, blocks, now_ms=now_ms)
        if early is None:
            return _refusal(pool, blocks, now_ms=now_ms)
        eligible = [early]
    chosen, sticky, left = _choose(pool, eligible, request, now_ms=now_ms)
    return _grant(pool, chosen, request, sticky=sticky, moved_from=left, now_ms=now_ms)


def _blocks(pool: Pool, member: Member, request: LeaseRequest, *, now_ms: int) -> Iterator[Block]:
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
    for until, why in pool.holds.binding(account, request, now_ms=now_ms):
        yield Block(account.id, Reason.COOLING, until, why)
    if account.max_concurrency is not None and member.in_flight >= account.max_concurrency:
        yield Block(account.id, Reason.CONCURRENCY, now_ms + SOON_MS)
    estimate = Amount(1, request.tokens, request.cost)
    for limit, until in obstacles(member.counters, account.limits, estimate, now_ms=now_ms):
        yield Block(account.id, Reason.LIMIT, until, f"{limit.metric} per {limit.window}")
    yield from learning.blocks(pool, account, request, now_ms=now_ms)


def _refusal(pool: Pool, blocks: Mapping[str, Sequence[Block]], *, now_ms: int) -> Refusal:
    """Each account's longest-lasting obstacle; the soonest of those is when to try again."""
    longest = [max(found, key=lambda block: block.until_ms) for found in blocks.values()]
    ordered = sorted(longest, key=lambda block: (block.until_ms, block.account))
    soonest = ordered[0].until_ms if ordered else NEVER
    return Refusal(pool=pool.name, now_ms=now_ms, retry_at_ms=soonest, blocks=tuple(ordered[:MAX_BLOCKS]))


def _early_probe(pool: Pool, blocks: Mapping[str, Sequence[Block]], *, now_ms: int) -> Member | None:
    """If every account's breaker is open, the one closest to recovery, once per five seconds."""
    members = [member for member in pool.members.values() if member.account.enabled]
    if not pool.settings.breaker.early_probe or now_ms < pool.early_probe_ms + EARLY_PROBE_EVERY_MS:
        return None
    if any(member.breaker.state is not BreakerState.OPEN for member in members):
        return None
    only_open = [m for m in members if all(b.reason is Reason.BREAKER_OPEN for b in blocks[m.account.id])]
    if not only_open:
        return None
    pool.early_probe_ms = now_ms
    return min(only_open, key=lambda member: (member.breaker.until_ms, member.account.id))


def _choose(pool: Pool, eligible: Sequence[Member], request: LeaseRequest, *, now_ms: int) -> tuple[Member, bool, str]:
    """The account, whether it is the session's own, and which one the session left for it."""
    best = _best(pool, eligible, request, now_ms=now_ms)
    own = _session_account(pool, request, now_ms=now_ms)
    if not own:
        return best, False, ""
    kept = next((member for member in eligible if member.account.id == own), None)
    if kept is None:
        return best, False, own
    margin = pool.settings.affinity_margin_ppm
    own_ppm, best_ppm = (learning.load_ppm(pool, member, request.group, now_ms=now_ms) for member in (kept, best))
    if strategies.overloaded(own_ppm=own_ppm, best_ppm=best_ppm, margin_ppm=margin):
        return best, False, own
    return kept, True, ""


def _best(pool: Pool, eligible: Sequence[Member], request: LeaseRequest, *, now_ms: int) -> Member:
    if pool.settings.strategy is Strategy.RANDOM:
        return pool.rng.choice(eligible)
    return in_order(pool, eligible, request, now_ms=now_ms)[0]


def in_order(pool: Pool, eligible: Sequence[Member], request: LeaseRequest, *, now_ms: int) -> list[Member]:
    """Those who could serve this request, first the one who would (for strategies that leave nothing to chance)."""
    strategy = pool.settings.strategy
    ordered = sorted(eligible, key=lambda member: strategies.rank(member.standing, strategy))
    if strategy is not Strategy.LEAST_LOADED:
        return ordered
    return learning.emptiest_first(pool, ordered, request.group, now_ms=now_ms)


def _session_account(pool: Pool, request: LeaseRequest, *, now_ms: int) -> str:
    if not (pool.settings.affinity and request.session) or request.only:
        return ""
    account, until = pool.sessions.get(request.session, ("", 0))
    return account if now_ms < until else ""


def _grant(pool: Pool, member: Member, request: LeaseRequest, *, sticky: bool, moved_from: str, now_ms: int) -> Lease:
    deadline = now_ms + request.ttl_ms
    before = member.breaker
    member.breaker = breakers.grant(before, lease=request.lease_id, deadline_ms=deadline)
    pool.note_breaker(member, before)
    _take_turn(pool, member, now_ms=now_ms)
    member.counters.reserve(Amount(1, request.tokens, request.cost), now_ms=now_ms)
    taken = learning.take(pool, member.account, request, now_ms=now_ms)
    lease = Lease(
        id=request.lease_id,
        pool=pool.name,
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
        epoch=pool.epoch,
        client=request.client.id if request.client else "",
    )
    for client in pool.counted_for(lease):
        clients.take(client, request, now_ms=now_ms)
    pool.leases[lease.id] = Granted(lease, request, taken=taken)
    if pool.settings.affinity and request.session and not request.only:
        pool.sessions[request.session] = (lease.account, now_ms + pool.settings.affinity_ttl_ms)
    pool.announce(request.events)
    return lease


def _take_turn(pool: Pool, member: Member, *, now_ms: int) -> None:
    pool.turn += 1
    member.in_flight += 1
    member.last_turn = pool.turn
    member.last_used_ms = now_ms
    member.passed, pool.virtual_time = strategies.advance(
        passed=member.passed, virtual_time=pool.virtual_time, weight=member.account.weight
    )
