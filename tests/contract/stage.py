"""Where the contract is played: one engine, a clock that moves only when told to, and short words for common acts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from quota.engine.api import Engine
from quota.engine.calendar import day_of
from quota.engine.connection import Connection
from quota.engine.keys import pool_keys
from quota.engine.memory import MemoryEngine
from quota.engine.redis import RedisEngine
from quota.engine.stream import decode, stream_key
from quota.engine.types import (
    Account,
    BreakerSettings,
    Foreign,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Refusal,
    Settled,
    Settlement,
    Usage,
    Verdict,
    Window,
)
from quota.engine.views import AccountState

POOL: Final = "pool"
OPUS: Final = "claude-opus-5"
HAIKU: Final = "claude-haiku-5-5"
OPEN_MS: Final = 300_000


def utc_ms(*parts: int) -> int:
    """`utc_ms(2026, 9, 15, 12)`: that instant in milliseconds."""
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1_000)  # type: ignore[arg-type, misc]


NOON: Final = utc_ms(2026, 9, 15, 12)


class Clock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Stage:
    """`engine` under test; accounts may be given by name where nothing else about them matters."""

    def __init__(self, engine: Engine, clock: Clock, *, store: MemoryEngine | RedisEngine) -> None:
        self.engine = engine
        self.store = store
        """What holds the state; the engine itself, or what stands behind it."""
        self.clock = clock
        self.settings = PoolSettings(version=1)
        self._serial = 0

    async def open(
        self,
        *accounts: Account | str,
        usage: Mapping[str, Usage] | None = None,
        clients: Mapping[str, Usage] | None = None,
        breaker: BreakerSettings | None = None,
        **settings: Any,
    ) -> bool:
        """Configure the pool, one version above the last."""
        version = settings.pop("version", self.settings.version + 1)
        self.settings = PoolSettings(version=version, breaker=breaker or BreakerSettings(), **settings)
        return await self.configure(*accounts, usage=usage, clients=clients)

    async def configure(
        self,
        *accounts: Account | str,
        usage: Mapping[str, Usage] | None = None,
        clients: Mapping[str, Usage] | None = None,
    ) -> bool:
        """The same settings again, with these accounts."""
        made = [Account(id=account) if isinstance(account, str) else account for account in accounts]
        return await self.engine.configure(POOL, self.settings, made, usage=usage, clients=clients)

    def request(self, **changes: Any) -> LeaseRequest:
        self._serial += 1
        given = {"pool": POOL, "lease_id": f"lease-{self._serial}", "model": OPUS, "group": "opus-5", **changes}
        return LeaseRequest(**given)

    async def ask(self, **changes: Any) -> Lease | Refusal:
        return await self.engine.lease(self.request(**changes))

    async def lease(self, **changes: Any) -> Lease:
        answer = await self.ask(**changes)
        assert isinstance(answer, Lease), answer
        return answer

    async def refusal(self, **changes: Any) -> Refusal:
        answer = await self.ask(**changes)
        assert isinstance(answer, Refusal), answer
        return answer

    async def settle(
        self,
        lease: Lease,
        verdict: Verdict = Verdict.SUCCESS,
        **more: Any,
    ) -> Settled:
        return await self.engine.settle(POOL, lease.id, Settlement(verdict=verdict, **more))

    async def call(self, only: str = "", verdict: Verdict = Verdict.SUCCESS, **more: Any) -> str:
        """One whole call; the account that served it."""
        lease = await self.lease(only=only)
        await self.settle(lease, verdict, **more)
        return lease.account

    async def fail(self, only: str, times: int = 1) -> None:
        for _ in range(times):
            await self.call(only, Verdict.FAILURE, why="http 503")

    async def trip(self, name: str = "alpha") -> None:
        """Open the breaker of an account that is closed and fresh."""
        await self.fail(name, self.settings.breaker.threshold)

    async def half_open(self, name: str = "alpha", **changes: Any) -> Lease:
        """Trip it, wait, and hold the probe."""
        await self.trip(name)
        self.later(self.settings.breaker.open_ms)
        probe = await self.lease(only=name, **changes)
        assert probe.probe
        return probe

    async def foreign(self, *, day: int | None = None, **used: Foreign) -> bool:
        """What was used past the pool, by account; counted today unless said otherwise."""
        return await self.engine.set_foreign(POOL, used, day=day_of(self.clock.now_ms) if day is None else day)

    async def look(self, name: str = "alpha") -> AccountState:
        return (await self.engine.snapshot(POOL, accounts=[name])).accounts[name]

    async def told(self, kind: str) -> list[dict[str, str]]:
        """Every event of a type so far, oldest first."""
        return [fields for found, fields in await self.all_told() if found == kind]

    async def all_told(self) -> list[tuple[str, dict[str, str]]]:
        if isinstance(self.store, MemoryEngine):
            return self.store.events(POOL)
        entries = await self.connection.call("XRANGE", stream_key(POOL), "-", "+")
        decoded = [decode(name, dict(zip(flat[::2], flat[1::2], strict=True))) for name, flat in entries]
        return [(entry.type, dict(entry.fields)) for entry in decoded]

    def later(self, ms: int) -> None:
        self.clock.now_ms += ms

    def at(self, *parts: int) -> None:
        self.clock.now_ms = utc_ms(*parts)

    def seed(self, random: Random, pool: str = POOL) -> None:
        """Make the draws of the random strategy repeatable."""
        if isinstance(self.store, MemoryEngine):
            self.store._pools[pool].rng = random
        else:
            self.store._random = random

    async def lose_everything(self) -> None:
        """What a store without persistence does when it restarts."""
        if isinstance(self.store, MemoryEngine):
            self.store.forget()
        else:
            await self.connection.call("DEL", *(key for key in pool_keys(POOL) if not key.endswith(b"events")))

    @property
    def connection(self) -> Connection:
        assert isinstance(self.store, RedisEngine)
        return self.store._connection


def limited(name: str, *limits: tuple[Metric, Window, int], **more: Any) -> Account:
    return Account(id=name, limits=tuple(Limit(*limit) for limit in limits), **more)


def rpm(name: str, amount: int, **more: Any) -> Account:
    return limited(name, (Metric.REQUESTS, Window.MINUTE, amount), **more)


def reasons(refusal: Refusal) -> dict[str, str]:
    return {block.account: block.reason.value for block in refusal.blocks}


def tally(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}
