"""What is shown of accounts: one look at the engine for each pool, with a deadline, and what the database adds.

# Note [Boards]
#     A page asks for all its pools at once and shows one instant of each. When the engine does not answer, the page
#     says so and shows what the ledger knows; it never waits longer than one deadline.
"""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

from asgiref.sync import async_to_sync

from accounts.models import ClaudeAccount
from quota.engine.errors import EngineEmpty, EngineError, EngineUnavailable
from quota.engine.types import BreakerMode, BreakerState
from quota.engine.views import AccountState, PoolSnapshot
from quota.next_up import next_up
from quota.publish import publish_pool
from quota.status import UNKNOWN, Status, status_of
from quota.wiring import get_engine

if TYPE_CHECKING:
    from django.db.models import QuerySet

LOOK_SECONDS: Final = 1.0
"""For all pools of a page together."""
REDIS_AWAY: Final = (
    "Redis does not answer, so nobody can tell how the accounts stand now. Figures of today are the ledger's."
)
Found = PoolSnapshot | EngineError
_BLANK: Final = AccountState(
    id="",
    enabled=True,
    priority=0,
    organization="",
    breaker=BreakerState.CLOSED,
    mode=BreakerMode.AUTO,
    generation=0,
    failures=0,
    open_until_ms=0,
    breaker_why="",
    probing=False,
    in_flight=0,
    load_ppm=0,
    last_used_ms=0,
    day_requests=0,
    day_tokens=0,
    day_cost=0,
    month_requests=0,
    month_tokens=0,
    month_cost=0,
    reserved_tokens=0,
    reserved_cost=0,
    minute_requests=0,
)
"""An account of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Card:
    """One account. `state` is None where the engine did not tell."""

    status: Status
    state: AccountState | None = None
    is_next: bool = False

    @property
    def last_used(self) -> datetime | None:
        """UTC."""
        ms = self.state.last_used_ms if self.state else 0
        return datetime.fromtimestamp(ms / 1_000, tz=UTC) if ms else None

    @property
    def is_tripped(self) -> bool:
        """Whether its breaker is not closed."""
        return bool(self.state and self.state.breaker is not BreakerState.CLOSED)


@dataclass(frozen=True, slots=True)
class Board:
    """Cards by account id, and snapshots by pool id of the pools that answered."""

    cards: Mapping[uuid.UUID, Card] = field(default_factory=dict)
    pools: Mapping[uuid.UUID, PoolSnapshot] = field(default_factory=dict)
    trouble: str = ""
    """What to say when the engine did not answer."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says of one account, without opening its key."""

    pk: uuid.UUID
    pool_id: uuid.UUID
    name: str
    enabled: bool
    disabled_for: str
    priority: int
    cap: int | None


class Looks:
    """What one page saw of pools: each is looked at once, so that all that the page shows is of one instant."""

    def __init__(self) -> None:
        self._found: dict[uuid.UUID, Found] = {}

    def at(self, pools: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, Found]:
        """Never raises for the engine. See Note [Boards]."""
        wanted = list(dict.fromkeys(pools))
        self._found.update(_looked([pool for pool in wanted if pool not in self._found]))
        return {pool: self._found[pool] for pool in wanted}


def board_of(accounts: Iterable[ClaudeAccount], looks: Looks | None = None) -> Board:
    """The board of these accounts; never raises for the engine. See Note [Boards]."""
    ordered = sorted(accounts, key=lambda one: one.pool_id)
    of_pool = {pool: list(rows) for pool, rows in groupby(ordered, key=lambda one: one.pool_id)}
    found = (looks or Looks()).at(of_pool)
    snapshots = {pool: answer for pool, answer in found.items() if isinstance(answer, PoolSnapshot)}
    cards: dict[uuid.UUID, Card] = {}
    for pool, rows in of_pool.items():
        cards |= cards_of(rows, snapshots.get(pool))
    return Board(cards, snapshots, trouble_of(found))


def trouble_of(found: Mapping[uuid.UUID, Found]) -> str:
    """What to say where the engine did not answer for every pool."""
    return REDIS_AWAY if any(isinstance(answer, EngineError) for answer in found.values()) else ""


def cards_of(accounts: Sequence[ClaudeAccount], snapshot: PoolSnapshot | None) -> dict[uuid.UUID, Card]:
    """Accounts of one pool, by id."""
    if snapshot is None:
        return {account.pk: Card(_without_engine(account)) for account in accounts}
    named = next_up(snapshot, serving=_able(snapshot))
    return {account.pk: _card(account, snapshot, named) for account in accounts}


def facts_of(accounts: "QuerySet[ClaudeAccount]") -> list[Facts]:
    """One query that reads a few columns."""
    columns = ("pk", "pool_id", "name", "enabled", "disabled_reason", "priority", "max_concurrency")
    return [Facts(*row) for row in accounts.order_by().values_list(*columns)]


def standings(facts: Iterable[Facts], found: Mapping[uuid.UUID, Found]) -> dict[uuid.UUID, Status]:
    """How accounts stand, by id.

    Who the engine has enabled had a readable key; keys are read only of those that should be enabled and are not.
    """
    rows = [(one, _state_of(one, found)) for one in facts]
    unheard = [one.pk for one, state in rows if one.enabled and state and not state.enabled]
    odd = ClaudeAccount.objects.filter(pk__in=unheard) if unheard else ()
    unreadable = {account.pk for account in odd if not account.has_readable_key}
    return {one.pk: _standing(one, state, found, readable=one.pk not in unreadable) for one, state in rows}


def _state_of(one: Facts, found: Mapping[uuid.UUID, Found]) -> AccountState | None:
    snapshot = found[one.pool_id]
    return snapshot.accounts.get(str(one.pk)) if isinstance(snapshot, PoolSnapshot) else None


def _standing(one: Facts, state: AccountState | None, found: Mapping[uuid.UUID, Found], *, readable: bool) -> Status:
    snapshot = found[one.pool_id]
    now_ms = snapshot.now_ms if isinstance(snapshot, PoolSnapshot) else 0
    status = status_of(
        state or _BLANK,
        enabled=one.enabled,
        readable=readable,
        now_ms=now_ms,
        disabled_for=one.disabled_for,
        cap=one.cap,
    )
    return UNKNOWN if state is None and status.serves else status


def _able(snapshot: PoolSnapshot) -> list[str]:
    """Everybody of the pool who serves now, on this page or not."""
    caps = {account.id: account.max_concurrency for account in snapshot.configuration}
    return [
        name
        for name, state in snapshot.accounts.items()
        if status_of(state, enabled=state.enabled, readable=True, now_ms=snapshot.now_ms, cap=caps.get(name)).serves
    ]


def _card(account: ClaudeAccount, snapshot: PoolSnapshot, named: str) -> Card:
    state = snapshot.accounts.get(str(account.pk))
    if state is None:
        return Card(UNKNOWN if account.is_serviceable else _without_engine(account))
    status = status_of(
        state,
        enabled=account.enabled,
        readable=account.has_readable_key,
        now_ms=snapshot.now_ms,
        disabled_for=account.disabled_reason,
        cap=account.max_concurrency,
    )
    return Card(status, state, is_next=state.id == named)


def _without_engine(account: ClaudeAccount) -> Status:
    """What the database alone can say."""
    status = status_of(
        _BLANK,
        enabled=account.enabled,
        readable=account.has_readable_key,
        now_ms=0,
        disabled_for=account.disabled_reason,
    )
    return UNKNOWN if status.serves else status


def _looked(pools: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Found]:
    if not pools:
        return {}
    found = async_to_sync(_look)(pools)
    forgotten = [pool for pool, answer in found.items() if isinstance(answer, EngineEmpty)]
    for pool in forgotten:
        publish_pool(pool)
    return {**found, **(async_to_sync(_look)(forgotten) if forgotten else {})}


async def _look(pools: Sequence[uuid.UUID]) -> dict[uuid.UUID, Found]:
    engine = get_engine()

    async def one(pool: uuid.UUID) -> Found:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await engine.snapshot(str(pool))
        except EngineError as error:
            return error
        except TimeoutError:
            return EngineUnavailable("the engine did not answer in time")

    return dict(zip(pools, await asyncio.gather(*map(one, pools)), strict=True))
