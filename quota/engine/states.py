"""What people and programs are shown of an account: the same facts the selector looks at."""

from collections.abc import Mapping, Sequence

from quota.engine import learning
from quota.engine.capacity import limit_state
from quota.engine.clients import state_of as client_state
from quota.engine.holds import holds_of
from quota.engine.members import Member
from quota.engine.pool import Pool
from quota.engine.types import WHOLE_POOL, Client, Window
from quota.engine.views import AccountState, HoldState, LearnedState, PoolSnapshot


def snapshot_of(
    pool: Pool, accounts: Sequence[str] | None, *, clients: Sequence[Client] = (), leases: int, now_ms: int
) -> PoolSnapshot:
    """All accounts, or those named that the pool has, by id; and these clients."""
    names = sorted(pool.members if accounts is None else [name for name in accounts if name in pool.members])
    holds, learned = pool.holds.by_owner(now_ms=now_ms), learning.by_owner(pool, now_ms=now_ms)
    return PoolSnapshot(
        pool=pool.name,
        now_ms=now_ms,
        settings=pool.settings,
        leases=leases,
        accounts={name: state_of(pool.members[name], holds, learned, now_ms=now_ms) for name in names},
        configuration=tuple(pool.members[name].account for name in names),
        whole=client_state(pool.books_of(WHOLE_POOL), Client(WHOLE_POOL, pool.settings.limits), now_ms=now_ms),
        clients={one.id: client_state(pool.books_of(one.id), one, now_ms=now_ms) for one in clients},
    )


def state_of(
    member: Member,
    holds: Mapping[str, Sequence[HoldState]],
    learned: Mapping[str, Sequence[LearnedState]],
    *,
    now_ms: int,
) -> AccountState:
    """One account at one instant; `holds` and `learned` by owner."""
    member = member.at(now_ms)
    account, breaker, counters = member.account, member.breaker, member.counters
    day, month, held = counters.used[Window.DAY], counters.used[Window.MONTH], counters.held[Window.MONTH]
    return AccountState(
        id=account.id,
        enabled=account.enabled,
        priority=account.priority,
        organization=account.organization,
        breaker=breaker.state,
        mode=breaker.mode,
        generation=breaker.generation,
        failures=breaker.failures,
        open_until_ms=breaker.until_ms,
        breaker_why=breaker.why,
        probing=bool(breaker.probe),
        in_flight=member.in_flight,
        load_ppm=member.load_ppm,
        last_used_ms=member.last_used_ms,
        day_requests=day.requests,
        day_tokens=day.tokens,
        day_cost=day.cost,
        month_requests=month.requests,
        month_tokens=month.tokens,
        month_cost=month.cost,
        reserved_tokens=held.tokens,
        reserved_cost=held.cost,
        minute_requests=counters.gone(Window.MINUTE).requests,
        limits=tuple(limit_state(counters, limit, now_ms=now_ms) for limit in account.limits),
        holds=holds_of(account, holds),
        learned=tuple(learned.get(learning.key_of(account, ""), ())),
        passed=member.passed,
        last_turn=member.last_turn,
    )
