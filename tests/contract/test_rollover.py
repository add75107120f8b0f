"""Days and months end while calls are made, ended, forgotten and ended late: every token counts once, where it belongs.

A count of our own, kept beside the engine, says after each round what every account, the access key and the whole pool
must have used and reserved. At the end the engine's events go into the ledger, and its days, hours and sums must agree.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

import pytest
from asgiref.sync import sync_to_async

from quota.engine.calendar import DAY_MS, day_of, month_of
from quota.engine.stream import StreamEntry
from quota.engine.types import WHOLE_POOL, Client, Lease, Limit, Metric, Verdict, Window
from quota.engine.views import LimitState
from quota.ledger import write
from quota.models import UsageRollup
from quota.publish import clients_usage_of, usage_of
from tests.contract.stage import POOL, Stage, limited, utc_ms

NAMES: Final = tuple(str(uuid.UUID(int=number)) for number in (1, 2, 3))
DAILY = (Metric.TOKENS, Window.DAY, 3_000)
MONTHLY = (Metric.TOKENS, Window.MONTH, 5_000)
DOLLARS = (Metric.COST, Window.MONTH, 40_000)
BUDGET = Limit(Metric.COST, Window.MONTH, 100_000)
KEY = Client("key-1", (Limit(Metric.TOKENS, Window.DAY, 15_000), Limit(Metric.COST, Window.MONTH, 90_000)))
TTL_MS = 6_000
ROUNDS = 40
BOUNDARIES = {
    "a day": utc_ms(2026, 9, 16),
    "a month": utc_ms(2026, 12, 1),
    "a year": utc_ms(2027, 1, 1),
    "a leap day": utc_ms(2028, 3, 1),
}


@dataclass
class Call:
    """A lease as we remember it. `charged` is None until it is ended."""

    lease: Lease
    charged: tuple[int, int] | None = None

    def used(self, now_ms: int) -> tuple[int, int] | None:
        """Tokens and cost; None while it is under way."""
        if self.charged is not None:
            return self.charged
        return (self.lease.tokens, self.lease.cost) if self.lease.deadline_ms <= now_ms else None


@dataclass
class Rollover:
    """The pool on stage, and the count beside it."""

    stage: Stage
    random: Random
    calls: list[Call] = field(default_factory=list)
    under_way: list[Call] = field(default_factory=list)
    refused: int = 0

    async def play(self, boundary_ms: int) -> None:
        """Rounds of concurrent calls from some seconds before the boundary until some seconds after it."""
        self.stage.clock.now_ms = boundary_ms - 15_000
        await self.stage.open(*(limited(name, DAILY, MONTHLY, DOLLARS) for name in NAMES), limits=(BUDGET,))
        for _ in range(ROUNDS):
            await asyncio.gather(*(act() for act in self._acts()))
            await self.check()
            self.stage.later(self.random.choice((0, 1, 400, 900, 1_500)))
        self.stage.later(TTL_MS)
        await self.check()

    def _acts(self) -> list[Callable[[], Awaitable[None]]]:
        leases, ends = self.random.randrange(2, 8), self.random.randrange(6)
        acts: list[Callable[[], Awaitable[None]]] = [*[self._lease] * leases, *[self._settle] * ends]
        self.random.shuffle(acts)
        return acts

    async def _lease(self) -> None:
        tokens, cost = self.random.randrange(20, 400), self.random.randrange(1, 2_000)
        answer = await self.stage.ask(tokens=tokens, cost=cost, client=KEY, ttl_ms=TTL_MS)
        if isinstance(answer, Lease):
            call = Call(answer)
            self.calls.append(call)
            if self.random.random() < 0.9:  # the holder of the others dies
                self.under_way.append(call)
        else:
            self.refused += 1

    async def _settle(self) -> None:
        """In time or late; never more than was reserved, so that limits hold to the token."""
        if not self.under_way:
            return
        call = self.under_way.pop(self.random.randrange(len(self.under_way)))
        sent = self.random.random() < 0.9
        tokens, cost = self.random.randrange(call.lease.tokens + 1), self.random.randrange(call.lease.cost + 1)
        call.charged = (tokens, cost) if sent else (0, 0)
        await self.stage.settle(call.lease, Verdict.NEUTRAL, tokens=tokens, cost=cost, sent=sent)

    async def check(self) -> None:
        """Used and reserved of every limit are what we counted, and no limit is exceeded."""
        await self.stage.engine.expire(POOL)
        snapshot = await self.stage.engine.snapshot(POOL, clients=(KEY,))
        for name in NAMES:
            mine = [call for call in self.calls if call.lease.account == name]
            self._compare(snapshot.accounts[name].limits, mine)
        self._compare(snapshot.clients[KEY.id].limits, self.calls)
        self._compare(snapshot.whole.limits, self.calls)

    def _compare(self, limits: tuple[LimitState, ...], calls: list[Call]) -> None:
        for state in limits:
            assert (state.used, state.reserved) == self._counted(state.limit, calls)
            assert state.used + state.reserved <= state.limit.amount

    def _counted(self, limit: Limit, calls: list[Call]) -> tuple[int, int]:
        place = 0 if limit.metric is Metric.TOKENS else 1
        used = reserved = 0
        for call in self._within(limit.window, calls):
            if (charged := call.used(self.stage.clock.now_ms)) is not None:
                used += charged[place]
            else:
                reserved += (call.lease.tokens, call.lease.cost)[place]
        return used, reserved

    def _within(self, window: Window, calls: list[Call]) -> Iterator[Call]:
        today = day_of(self.stage.clock.now_ms)
        same = (lambda day: day == today) if window is Window.DAY else (lambda day: month_of(day) == month_of(today))
        return (call for call in calls if same(call.lease.day))

    def sums(self, place_of: Callable[[Lease], object]) -> Counter[tuple[object, str]]:
        """Tokens by place and account, of everything that has ended."""
        found: Counter[tuple[object, str]] = Counter()
        for call in self.calls:
            charged = call.used(self.stage.clock.now_ms)
            assert charged is not None
            found[place_of(call.lease), call.lease.account] += charged[0]
        return +found

    async def entries(self) -> list[StreamEntry]:
        told = await self.stage.all_told()
        at = self.stage.clock.now_ms
        return [StreamEntry(f"{at}-{number}", kind, at, fields) for number, (kind, fields) in enumerate(told)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", BOUNDARIES)
async def test_when_it_ends_under_load_nothing_is_lost_or_counted_twice(stage: Stage, what: str) -> None:
    run = Rollover(stage, Random(what))
    await run.play(BOUNDARIES[what])
    assert len({call.lease.day for call in run.calls}) == 2
    assert run.refused
    await sync_to_async(assert_ledger_agrees)(run, await run.entries())


def assert_ledger_agrees(run: Rollover, entries: list[StreamEntry]) -> None:
    """Written twice, as a worker that died makes another do."""
    pool, today = uuid.UUID(int=99), day_of(run.stage.clock.now_ms)
    for _ in range(2):
        write(pool, entries)
    assert _rollups("day") == run.sums(lambda lease: _instant(lease.day * DAY_MS))
    assert _rollups("hour") == run.sums(lambda lease: _instant(lease.granted_ms // 3_600_000 * 3_600_000))
    _budgets_agree(run, pool, date(1970, 1, 1) + timedelta(days=today))


def _rollups(span: str) -> Counter[tuple[object, str]]:
    rows = UsageRollup.objects.filter(span=span)
    return Counter({(row.starts_at, str(row.account_id)): row.tokens for row in rows if row.tokens})


def _budgets_agree(run: Rollover, pool: uuid.UUID, today: date) -> None:
    """What an engine that has lost everything would be told is what this one counts."""
    whole = Limit(Metric.COST, Window.MONTH, 0)
    counted, _ = run._counted(whole, run.calls)
    accounts, keys = usage_of(pool, today=today), clients_usage_of(pool, today=today)
    assert sum(used.month_cost for used in accounts.values()) == counted
    assert keys[KEY.id].month_cost == counted
    assert WHOLE_POOL not in keys


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, tz=UTC)
