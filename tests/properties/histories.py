"""Random histories, biased towards the places where engines go wrong: trips, probes, deadlines, midnights, waves."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random

from msgspec import structs

from quota.engine.calendar import DAY_MS
from quota.engine.errors import EngineEmpty
from quota.engine.said import Bucket, Dimension, Said
from quota.engine.types import (
    NEVER,
    WHOLE_POOL,
    Account,
    BreakerSettings,
    BreakerState,
    Client,
    Event,
    Foreign,
    Hold,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Refusal,
    Scope,
    Settlement,
    Strategy,
    Usage,
    Verdict,
    Window,
)
from tests.properties.pair import CLIENTS, POOL, Pair

START_MS = 1_798_761_594_000  # 2026-12-31 23:59:54 UTC: minute, day, month and year end soon
MODELS = ("m1", "m2")
NAMES = ("a", "b", "c", "d", "e", "f")  # more than the first page of the index


@dataclass
class History:
    """One run: the pair, what it was told, and an independent log of what was admitted."""

    pair: Pair
    random: Random
    settings: PoolSettings
    accounts: list[Account]
    clients: list[Client] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    done: deque[Lease] = field(default_factory=lambda: deque(maxlen=8))
    admitted: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    asked: dict[str, list[int]] = field(default_factory=dict)
    """When each client's requests were admitted."""
    serial: int = 0

    @classmethod
    async def begin(cls, pair: Pair, random: Random) -> "History":
        settings = PoolSettings(
            version=1,
            strategy=random.choice(list(Strategy)),
            affinity=random.random() < 0.5,
            affinity_ttl_ms=random.choice((5_000, 300_000)),
            affinity_margin_ppm=random.choice((0, 100_000, 250_000)),
            breaker=BreakerSettings(random.choice((1, 2, 5)), 300_000, random.choice((1, 1, 2)), random.random() < 0.3),
            outage_guard=random.random() < 0.6,
            limits=_pool_limits(random),
            learning=random.random() < 0.7,
        )
        history = cls(pair, random, settings, [_account(name, random) for name in NAMES])
        history.clients = [_client(name, random) for name in CLIENTS]
        usage = {"a": Usage(day=START_MS // DAY_MS, day_requests=2, day_tokens=90, day_cost=7, month_tokens=300)}
        used = {
            "k1": Usage(day=START_MS // DAY_MS, day_requests=1, day_tokens=30, day_cost=4, month_tokens=80),
            WHOLE_POOL: Usage(day=START_MS // DAY_MS, day_requests=3, day_tokens=40, month_cost=5, month_requests=9),
        }
        await pair.configure(settings, history.accounts, usage, used)
        return history

    async def run(self, steps: int) -> None:
        """Raises Disagreement or AssertionError at the first step after which something is not as it must be."""
        for _ in range(steps):
            act = self.random.choices(ACTS, WEIGHTS)[0]
            try:
                await act(self)
                snapshot = await self.pair.check()
            except EngineEmpty:
                await self._reload()
                snapshot = await self.pair.check()
            assert all(account.in_flight >= 0 for account in snapshot.accounts.values())
            assert all(client.in_flight >= 0 for client in snapshot.clients.values())
        await self.drain()

    async def _reload(self) -> None:
        """Both engines have lost the pool (the clock ran far back)."""
        self.pair.visited["reloads"] += 1
        self.leases.clear()
        self.admitted.clear()
        self.asked.clear()
        used = {name: Usage(day=self.pair.clock.now_ms // DAY_MS, day_tokens=5, month_cost=3) for name in CLIENTS}
        await self.pair.configure(self.settings, self.accounts, clients=used)

    async def drain(self) -> None:
        """After every deadline nothing is left: no lease, nothing in flight, nothing reserved, no probe."""
        self.pair.clock.now_ms += 200_000
        await self.pair.each(lambda engine: engine.expire(POOL))
        snapshot = await self.pair.check()
        assert snapshot.leases == 0
        for account in snapshot.accounts.values():
            assert (account.in_flight, account.reserved_tokens, account.reserved_cost) == (0, 0, 0)
            assert not account.probing
        for client in snapshot.clients.values():
            assert client.in_flight == 0
            assert not any(limit.reserved for limit in client.limits)

    # Steps

    async def lease_one(self) -> None:
        await self.take(self.request())

    def request(self, **changes: object) -> LeaseRequest:
        draw = self.random
        self.serial += 1
        model = draw.choice(MODELS)
        tokens = draw.choice((0, 10, 10, 40, 400))
        request = LeaseRequest(
            pool=POOL,
            lease_id=f"l{self.serial}",
            model=model,
            group=f"g-{model}",
            tokens=tokens,
            input_tokens=draw.choice((0, tokens // 2, tokens)),
            cost=draw.choice((0, 1, 5, 3_000_000_000_000)),
            tried=tuple(draw.sample(NAMES, draw.choice((0, 0, 0, 1, 2)))),
            client=draw.choice((None, *self.clients)),
            session=draw.choice(("", "s1", "s2")),
            only=draw.choice(("", "", "", "", draw.choice(NAMES))),
            ttl_ms=draw.choice((1, 5_000, 60_000, 120_000)),
            note=draw.choice(("", "n")),
            events=draw.choice(((), (Event("started", '{"x":1}'),))),
        )
        return structs.replace(request, **changes)

    async def take(self, request: LeaseRequest) -> Lease | Refusal:
        answer = await self.pair.lease(request)
        if isinstance(answer, Lease):
            self.leases.append(answer)
            self._check_admission(answer)
            self._check_client(request, answer)
        return answer

    def _check_client(self, request: LeaseRequest, lease: Lease) -> None:
        """Nor has any client more requests admitted in 60 seconds than it may, whichever accounts took them."""
        if request.client is None or request.tried:
            return
        log = self.asked.setdefault(request.client.id, [])
        log.append(lease.granted_ms)
        for limit in request.client.limits:
            if (limit.metric, limit.window) == (Metric.REQUESTS, Window.MINUTE):
                assert sum(at >= lease.granted_ms - 60_000 for at in log) <= limit.amount

    def _check_admission(self, lease: Lease) -> None:
        """No 60-second span holds more than the limit, by a count of our own."""
        log = self.admitted.setdefault(lease.account, [])
        log.append((lease.granted_ms, lease.id))
        account = next(found for found in self.accounts if found.id == lease.account)
        for limit in account.limits:
            if (limit.metric, limit.window) == (Metric.REQUESTS, Window.MINUTE):
                recent = [at for at, _ in log if at >= lease.granted_ms - 60_000]
                assert len(recent) <= limit.amount

    async def repeat_lease(self) -> None:
        if self.leases:
            known = self.random.choice(self.leases)
            await self.pair.lease(self.request(lease_id=known.id))

    async def settle_one(self) -> None:
        if self.leases:
            index = 0 if self.random.random() < 0.3 else self.random.randrange(len(self.leases))
            await self.end(self.leases.pop(index), self.settlement())

    def settlement(self, **changes: object) -> Settlement:
        draw = self.random
        settlement = Settlement(
            verdict=draw.choices(list(Verdict), (6, 6, 3, 1, 2, 2))[0],
            tokens=draw.choice((0, 7, 10, 500)),
            cost=draw.choice((0, 1, 4, 9)),
            sent=draw.random() < 0.85,
            why=draw.choice(("http 503", "timeout")),
            holds=tuple(self._hold() for _ in range(draw.choice((0, 0, 0, 1, 2)))),
            organization=draw.choice(("", "", "", "org1")),
            said=draw.choice((None, None, self._said())),
            note=draw.choice(("", "{}")),
            events=draw.choice(((), (Event("done", "{}"), Event("more")))),
        )
        return structs.replace(settlement, **changes)

    def _said(self) -> Said:
        """What an answer's headers might tell, the odd ones included."""
        draw = self.random
        dimensions = draw.sample(list(Dimension), draw.choice((0, 1, 1, 2, 4)))
        return Said(
            group=draw.choice(("g-m1", "g-m2")),
            buckets=tuple(_bucket(dimension, draw) for dimension in dimensions),
            after_ms=draw.choice((0, 0, 0, 700, 3_000, 10**6)),
            input_tokens=draw.choice((0, 5, 10, 900)),
            output_tokens=draw.choice((0, 3, 40)),
        )

    def _hold(self) -> Hold:
        draw = self.random
        scope = draw.choice(list(Scope))
        model = draw.choice(("", "", "m1")) if scope is Scope.ACCOUNT else ""
        until = draw.choice((0, 0, self.pair.clock.now_ms + 90_000, NEVER, 5))
        group = "" if model else draw.choice(("", "g-m1"))
        return Hold(
            scope, draw.choice(("throttle", "spend_limit")), until, draw.choice((0, 3_000, 70_000)), group, model
        )

    async def end(self, lease: Lease, settlement: Settlement) -> None:
        self.done.append(lease)
        if not settlement.sent:
            self.admitted[lease.account] = [
                entry for entry in self.admitted.get(lease.account, []) if entry[1] != lease.id
            ]
        result = await self.pair.each(lambda engine: engine.settle(POOL, lease.id, settlement))
        self.pair.visited["late settlements"] += result.late

    async def settle_again(self) -> None:
        """Ended twice, or never granted: nothing may change."""
        known = self.random.choice(self.done).id if self.done else "nobody"
        if any(lease.id == known for lease in self.leases):
            return
        settlement = self.settlement()
        result = await self.pair.each(lambda engine: engine.settle(POOL, known, settlement))
        assert not result.changed

    async def adopt(self) -> None:
        """A grant of another life of the store comes home, perhaps twice."""
        self.serial += 1
        now = self.pair.clock.now_ms
        granted_ms = now - self.random.choice((0, 3_000, 59_000, 3_600_000))
        name = self.random.choice((*NAMES, "gone"))
        day = granted_ms // DAY_MS
        lease = Lease(f"f{self.serial}", POOL, name, 3, False, granted_ms, now, day, tokens=9, cost=2, epoch="before")
        lease = structs.replace(lease, client=self.random.choice(("", *CLIENTS)))
        settlement = self.settlement(granted=lease)
        for _ in range(self.random.choice((1, 2))):
            await self.pair.each(lambda engine: engine.settle(POOL, lease.id, settlement))
        if settlement.sent:
            self.asked.clear()
            self.admitted.clear()  # what came home may well exceed a limit; the next admissions are counted afresh
        self.pair.visited["adoptions"] += 1

    async def renew(self) -> None:
        if self.leases:
            lease = self.random.choice(self.leases)
            ttl, alive = self.random.choice((1, 60_000)), self.random.random() < 0.5
            await self.pair.each(lambda engine: engine.renew(POOL, lease.id, ttl_ms=ttl, alive=alive))

    async def failures_in_a_row(self) -> None:
        """One account fails until its breaker opens."""
        await self._trip(self.random.choice(NAMES))

    async def nobody_left(self) -> None:
        """Where one may be probed early: all fail until their breakers are open, then somebody asks, and asks again."""
        if not self.settings.breaker.early_probe:
            return
        await self.all_clear()
        for name in NAMES:
            await self._trip(name)
        for _ in range(2):
            await self.take(self.request(tried=(), client=None, tokens=0, input_tokens=0, cost=0, only=""))

    async def _trip(self, name: str) -> None:
        for _ in range(self.settings.breaker.threshold):
            request = self.request(only=name, tried=(), client=None, tokens=0, input_tokens=0, cost=0, ttl_ms=60_000)
            answer = await self.take(request)
            if isinstance(answer, Refusal):
                return
            self.leases.remove(answer)
            await self.end(answer, self.settlement(verdict=Verdict.FAILURE, holds=(), said=None))

    async def to_the_probe(self) -> None:
        """On to the moment at which an open breaker lets a probe through, or the millisecond before."""
        snapshot = await self.pair.twin.snapshot(POOL)
        opens = [a.open_until_ms for a in snapshot.accounts.values() if a.breaker is BreakerState.OPEN]
        if opens:
            at = min(opens) - self.random.choice((0, 0, 1))
            self.pair.clock.now_ms = max(self.pair.clock.now_ms, at)
        await self.take(self.request(tried=(), client=None, tokens=0, input_tokens=0, cost=0, only=""))

    async def outage(self) -> None:
        """Many accounts at once answer alike."""
        verdict = self.random.choice((Verdict.OVERLOADED, Verdict.OVERLOADED, Verdict.REJECTED))
        for lease in self.random.sample(self.leases, min(len(self.leases), 3)):
            self.leases.remove(lease)
            await self.end(lease, self.settlement(verdict=verdict, holds=()))

    async def advance(self) -> None:
        self.pair.clock.now_ms += self.random.choice(
            (1, 500, 999, 1_000, 4_000, 10_000, 30_000, 59_999, 61_000, 120_000)
        )

    async def far_ahead(self) -> None:
        self.pair.clock.now_ms += self.random.choice((3_600_000, DAY_MS - 1, DAY_MS, 32 * DAY_MS))

    async def to_midnight(self) -> None:
        now = self.pair.clock.now_ms
        self.pair.clock.now_ms = now // DAY_MS * DAY_MS + DAY_MS - self.random.choice((0, 1))

    async def clock_back(self) -> None:
        back = self.random.choice((1, 1_000, 5_000, 5_001)) if self.random.random() < 0.9 else 3_600_000
        self.pair.clock.now_ms -= back
        if back > 5_000:
            self.admitted.clear()
            self.asked.clear()

    async def order(self) -> None:
        name = self.random.choice(NAMES)
        orders: tuple[Callable[..., Awaitable[None]], ...] = (
            lambda engine: engine.reset_breaker(POOL, name, actor="ann"),
            lambda engine: engine.reset_breaker(POOL, name, actor="ann"),
            lambda engine: engine.force_open(POOL, name, actor="ann", why="maintenance"),
            lambda engine: engine.force_closed(POOL, name, actor="bob", why="trust me"),
            lambda engine: engine.clear_cooldown(POOL, name, actor="bob"),
            lambda engine: engine.clear_cooldown(POOL, name, actor="bob"),
        )
        await self.pair.each(self.random.choice(orders))

    async def all_clear(self) -> None:
        for name in NAMES:
            await self._release(name)

    async def _release(self, name: str) -> None:
        await self.pair.each(lambda engine: engine.clear_cooldown(POOL, name, actor="ann"))
        await self.pair.each(lambda engine: engine.reset_breaker(POOL, name, actor="ann"))

    async def configure(self) -> None:
        """An edit, or one that comes too late."""
        newer = self.random.random() < 0.8
        version = self.settings.version + 1 if newer else self.settings.version - 1
        settings = replace(self.settings, version=version, strategy=self.random.choice(list(Strategy)))
        settings = replace(settings, limits=_pool_limits(self.random), learning=self.random.random() < 0.7)
        accounts = [_account(name, self.random) for name in NAMES if self.random.random() < 0.95]
        usage = {name: Usage(day=self.pair.clock.now_ms // DAY_MS, day_tokens=5, month_cost=3) for name in NAMES}
        if await self.pair.configure(settings, accounts, usage):
            self.settings, self.accounts = settings, accounts
            self.admitted.clear()

    async def used_past_the_pool(self) -> None:
        """Anthropic counted more, less or nothing for some accounts; or a report of yesterday comes late."""
        draw = self.random
        amounts = (0, 3, 12)  # little: an account that is used up is no longer tried
        used = {
            name: Foreign(*(draw.choice(amounts) for _ in range(4))) for name in (*NAMES, "gone") if draw.random() < 0.3
        }
        day = self.pair.clock.now_ms // DAY_MS - (draw.random() < 0.1)
        counted = await self.pair.each(lambda engine: engine.set_foreign(POOL, used, day=day))
        self.pair.visited["foreign"] += bool(counted)

    async def change_a_client(self) -> None:
        """From the next lease on, other limits hold."""
        at = self.random.randrange(len(self.clients))
        self.clients[at] = _client(self.clients[at].id, self.random)
        self.asked.pop(self.clients[at].id, None)

    async def wait_for_a_ticket(self) -> None:
        """Asking again at the time named in each refusal ends in a lease, unless only people can help."""
        request = self.request(tried=(), tokens=1, input_tokens=1, cost=0, only="", ttl_ms=5_000)
        for _ in range(400):
            answer = await self.take(structs.replace(request, lease_id=f"{request.lease_id}w"))
            if isinstance(answer, Lease) or answer.retry_at_ms >= NEVER:
                return
            assert answer.retry_at_ms > self.pair.clock.now_ms
            self.pair.clock.now_ms = answer.retry_at_ms
        raise AssertionError(f"still no ticket for {request}: {answer}")


ACTS: tuple[Callable[[History], Awaitable[None]], ...] = (
    History.lease_one,
    History.settle_one,
    History.failures_in_a_row,
    History.to_the_probe,
    History.advance,
    History.renew,
    History.repeat_lease,
    History.settle_again,
    History.adopt,
    History.outage,
    History.far_ahead,
    History.to_midnight,
    History.clock_back,
    History.order,
    History.all_clear,
    History.configure,
    History.wait_for_a_ticket,
    History.change_a_client,
    History.used_past_the_pool,
    History.nobody_left,
)
WEIGHTS = (30, 22, 7, 12, 8, 4, 2, 2, 2, 3, 1, 1, 1, 3, 2, 2, 2, 1, 1, 1)


def _limits(random: Random) -> tuple[Limit, ...]:
    amounts = {Metric.REQUESTS: (3, 10, 1_000), Metric.TOKENS: (50, 500, 10**9), Metric.COST: (20, 10**13)}
    pairs = [(metric, window) for metric in Metric for window in Window]
    return tuple(
        Limit(metric, window, random.choice(amounts[metric]))
        for metric, window in random.sample(pairs, random.choice((0, 1, 1, 2, 3)))
    )


def _bucket(dimension: Dimension, random: Random) -> Bucket:
    limit = random.choice((2, 5, 50, 1_000))
    left = random.choice((0, 0, 1, limit // 2, limit, -3))
    return Bucket(dimension, limit, left, random.choice((60_000, 60_000, 60_000, 5_000, 86_400_000)))


def _pool_limits(random: Random) -> tuple[Limit, ...]:
    """Mostly none: a pool that is used up ends what a history could find out."""
    some = (
        Limit(Metric.REQUESTS, Window.DAY, 25),
        Limit(Metric.REQUESTS, Window.MINUTE, 8),
        Limit(Metric.TOKENS, Window.DAY, 900),
        Limit(Metric.COST, Window.MONTH, 10**13),
    )
    return tuple(random.sample(some, random.choice((0, 0, 0, 1, 2))))


def _client(name: str, random: Random) -> Client:
    return Client(name, _limits(random), random.choice((None, None, 1, 3)))


def _account(name: str, random: Random) -> Account:
    limits = _limits(random)
    return Account(
        id=name,
        enabled=random.random() < 0.95,
        priority=random.choice((1, 1, 2)),
        weight=random.choice((1, 1, 3)),
        limits=limits,
        max_concurrency=random.choice((None, None, 1, 3)),
        models=random.choice((None, None, None, ("m1",))),
        organization=random.choice(("", "", "org1", "org2")),
    )
