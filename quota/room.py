"""How much room there is now, account by account and for each pool as a whole."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from accounts.models import ClaudeAccount, Pool
from quota.alert_scenes import scene_in
from quota.control import look
from quota.engine.types import Metric, Window
from quota.forecasts import Outlook, outlooks, read_history
from quota.health import AccountNow, Amount, LimitNow, accounts_now
from quota.parsing import instant


@dataclass(frozen=True, slots=True)
class RoomOfLimit:
    """One metric in one window, summed over the accounts that serve and have such a limit.

    `unlimited` serving accounts have none, so the pool has room as long as there is one of them. `soonest_reset_at`:
    when the first of the used ones will be whole again.
    """

    metric: Metric
    window: Window
    accounts: int
    unlimited: int
    amount: Amount
    used: Amount
    reserved: Amount
    remaining: Amount
    soonest_reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class SharedOrganization:
    """Accounts whose limits Anthropic counts together: they add no room to one another."""

    organization_id: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoomOfPool:
    """A pool at one instant. `back_at`: when the first of those that do not serve comes back, as far as is known.

    `forecasts`: of each limit per day and month of its accounts, its access keys and itself.
    """

    pool: uuid.UUID
    name: str
    at: datetime
    strategy: str
    accounts_total: int
    accounts_serving: int
    in_flight: int
    back_at: datetime | None
    limits: tuple[RoomOfLimit, ...]
    shared_organizations: tuple[SharedOrganization, ...]
    accounts: tuple[AccountNow, ...]
    forecasts: tuple[Outlook, ...]


def rooms(pools: Iterable[Pool], accounts: Iterable[ClaudeAccount]) -> tuple[RoomOfPool, ...]:
    """One question to the engine and a few to the database for each pool. Raises the engine's errors."""
    ordered = sorted(accounts, key=lambda one: (str(one.pool_id), one.name))
    of_pool = {pool: list(found) for pool, found in groupby(ordered, key=lambda one: one.pool_id)}
    return tuple(_room(pool, of_pool.get(pool.pk, [])) for pool in pools)


def _room(pool: Pool, accounts: list[ClaudeAccount]) -> RoomOfPool:
    scene = scene_in(pool)
    snapshot = look(pool.pk, clients=scene.clients)
    history = read_history(pool.pk, now=instant(snapshot.now_ms))
    found = accounts_now(snapshot, accounts)
    serving = [one for one in found if one.serving]
    return RoomOfPool(
        pool=pool.pk,
        name=pool.name,
        at=instant(snapshot.now_ms),
        strategy=snapshot.settings.strategy,
        accounts_total=len(found),
        accounts_serving=len(serving),
        in_flight=sum(one.in_flight for one in found),
        back_at=min((one.until for one in found if one.until and not one.serving), default=None),
        limits=tuple(limits_of(serving)),
        shared_organizations=tuple(shared(found)),
        accounts=found,
        forecasts=outlooks(scene, snapshot, history),
    )


def shared(accounts: Iterable[AccountNow]) -> Iterator[SharedOrganization]:
    """Organizations that several of these accounts belong to. Pure."""
    ordered = sorted((one.organization_id, one.name) for one in accounts if one.organization_id)
    for organization, found in groupby(ordered, key=lambda one: one[0]):
        names = tuple(name for _, name in found)
        if len(names) > 1:
            yield SharedOrganization(organization, names)


def limits_of(serving: list[AccountNow]) -> Iterator[RoomOfLimit]:
    """The sums for each metric and window in which any of them has a limit. Pure."""
    for metric in Metric:
        for window in Window:
            limits = [
                one for account in serving for one in account.limits if (one.metric, one.window) == (metric, window)
            ]
            if limits:
                yield _sum(metric, window, limits, unlimited=len(serving) - len(limits))


def _sum(metric: Metric, window: Window, limits: list[LimitNow], *, unlimited: int) -> RoomOfLimit:
    return RoomOfLimit(
        metric=metric,
        window=window,
        accounts=len(limits),
        unlimited=unlimited,
        amount=sum(one.amount for one in limits),
        used=sum(one.used for one in limits),
        reserved=sum(one.reserved for one in limits),
        remaining=sum(one.remaining for one in limits),
        soonest_reset_at=min((one.resets_at for one in limits if one.used or one.reserved), default=None),
    )
