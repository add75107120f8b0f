"""Pools and their accounts as they stand: what the database says of them beside what the engine does, at one instant.

# Note [Overviews]
#     A page that shows a dozen accounts of a thousand must not make a thousand objects and open a thousand keys. So
#     every account is judged by a few columns and the engine's facts, and only those that are shown are read whole.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.models import ClaudeAccount, Pool
from quota.board import Card, Facts, Found, cards_of, facts_of, standings
from quota.engine.errors import EngineEmpty, EngineError
from quota.engine.views import AccountState, PoolSnapshot
from quota.status import Status
from quota.wiring import open_patient_engine

_READ = (
    *("pool", "name", "enabled", "disabled_reason", "priority", "max_concurrency"),
    *("api_key", "key_hint", "key_fingerprint"),
)


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """One account and how it stands."""

    account: ClaudeAccount
    card: Card


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """One pool. `enabled` of all accounts are, `serving` may get an ordinary request; `accounts` are those shown.

    `snapshot` is None where the engine told nothing of it, and `trouble` says why.
    """

    pool: Pool
    total: int
    enabled: int
    serving: int
    accounts: tuple[AccountSeen, ...]
    states: tuple[AccountState, ...] = ()
    """Of every enabled account, shown or not."""
    snapshot: PoolSnapshot | None = None
    trouble: str = ""

    @property
    def hidden(self) -> int:
        """How many accounts are not shown."""
        return self.total - len(self.accounts)


def overview(
    pools: Sequence[Pool], found: Mapping[uuid.UUID, Found], *, shown: int | None = None
) -> tuple[PoolSeen, ...]:
    """These pools, from looks at each; of each so many accounts, who needs attention first, or all by priority.

    Three queries at most, however many accounts. See Note [Overviews].
    """
    facts = facts_of(ClaudeAccount.objects.filter(pool__in=pools))
    stand = standings(facts, found)
    of_pool: dict[uuid.UUID, list[Facts]] = {pool.pk: [] for pool in pools}
    for one in facts:
        of_pool[one.pool_id].append(one)
    chosen = {pool: _chosen(rows, stand, found[pool], shown) for pool, rows in of_pool.items()}
    accounts = _read(pools, chosen, everyone=shown is None)
    return tuple(
        _pool(
            pool,
            of_pool[pool.pk],
            found[pool.pk],
            serving=sum(stand[one.pk].serves for one in of_pool[pool.pk]),
            accounts=[accounts[pk] for pk in chosen[pool.pk] if pk in accounts],
        )
        for pool in pools
    )


def look_patiently(pools: Sequence[Pool]) -> Mapping[uuid.UUID, Found]:
    """For commands: on an engine of one's own, which may take its time, and nothing is published."""
    return asyncio.run(_look([pool.pk for pool in pools]))


async def _look(pools: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Found]:
    engine = open_patient_engine()
    seen: dict[uuid.UUID, Found] = {}
    try:
        for pool in pools:
            try:
                seen[pool] = await engine.snapshot(str(pool))
            except EngineError as error:
                seen[pool] = error
        return seen
    finally:
        await engine.close()


def _chosen(
    rows: Sequence[Facts], stand: Mapping[uuid.UUID, Status], found: Found, shown: int | None
) -> list[uuid.UUID]:
    states = found.accounts if isinstance(found, PoolSnapshot) else {}

    def attention(one: Facts) -> tuple[bool, bool, int, str]:
        """What needs a person first; then the fullest; the disabled last."""
        state = states.get(str(one.pk))
        return not one.enabled, stand[one.pk].serves, -state.load_ppm if state else 0, one.name

    if shown is None:
        return [one.pk for one in sorted(rows, key=lambda one: (one.priority, one.name))]
    return [one.pk for one in sorted(rows, key=attention)[:shown]]


def _read(
    pools: Sequence[Pool], chosen: Mapping[uuid.UUID, Sequence[uuid.UUID]], *, everyone: bool
) -> Mapping[uuid.UUID, ClaudeAccount]:
    wanted = [pk for some in chosen.values() for pk in some]
    rows = ClaudeAccount.objects.filter(pool__in=pools) if everyone else ClaudeAccount.objects.filter(pk__in=wanted)
    return {account.pk: account for account in rows.order_by().only(*_READ)}  # the pools are here already


def _pool(
    pool: Pool, facts: Sequence[Facts], found: Found, *, serving: int, accounts: Sequence[ClaudeAccount]
) -> PoolSeen:
    snapshot = found if isinstance(found, PoolSnapshot) else None
    cards = cards_of(accounts, snapshot)
    enabled = [str(one.pk) for one in facts if one.enabled]
    return PoolSeen(
        pool=pool,
        total=len(facts),
        enabled=len(enabled),
        serving=serving,
        accounts=tuple(AccountSeen(account, cards[account.pk]) for account in accounts),
        states=tuple(snapshot.accounts[name] for name in enabled if name in snapshot.accounts) if snapshot else (),
        snapshot=snapshot,
        trouble=_trouble(found),
    )


def _trouble(found: Found) -> str:
    match found:
        case EngineEmpty():
            return "not loaded yet; the worker, or the first request, will do it"
        case EngineError():
            return "Redis does not answer"
    return ""
