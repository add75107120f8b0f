"""The two engines side by side: every step goes to both, and whatever they say or show must be the same."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any

from msgspec import Struct, structs

from quota.engine.api import Engine
from quota.engine.connection import Connection
from quota.engine.errors import EngineEmpty, UnknownAccount
from quota.engine.keys import events_key
from quota.engine.memory import MemoryEngine
from quota.engine.redis import RedisEngine
from quota.engine.scripts import Scripts
from quota.engine.types import (
    WHOLE_POOL,
    Account,
    Client,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Reason,
    Refusal,
    Strategy,
    Usage,
    Window,
)
from quota.engine.views import PoolSnapshot

POOL = "p"
CLIENTS = ("k1", "k2")
EVERY_LIMIT = tuple(Limit(metric, window, 1) for metric in Metric for window in Window)
WATCHED = tuple(Client(name, EVERY_LIMIT) for name in (*CLIENTS, WHOLE_POOL))


class Forced:
    """Stands in for the twin's random generator: draws what Redis drew, if that was allowed."""

    def __init__(self) -> None:
        self.account = ""

    def choice(self, eligible: Sequence[Any]) -> Any:
        for member in eligible:
            if member.account.id == self.account:
                return member
        raise Disagreement(f"Redis chose {self.account!r} of the eligible {[m.account.id for m in eligible]}")


class Clock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Disagreement(AssertionError):
    """The engines differ."""


class Pair:
    """Drives both engines and remembers what the history has visited."""

    def __init__(self, connection: Connection, *, now_ms: int, seed: int = 0, using: Scripts | None = None) -> None:
        self.clock = Clock(now_ms)
        self.twin = MemoryEngine(clock=self.clock, epoch="twin")
        self.redis = RedisEngine(connection, clock=self.clock, using=using)
        self.redis._random = Random(seed)
        self.connection = connection
        self.forced = Forced()
        self.visited: Counter[str] = Counter()
        self.told = 0
        self.stream_at = b"0"

    async def configure(
        self,
        settings: PoolSettings,
        accounts: Sequence[Account],
        usage: Mapping[str, Usage] | None = None,
        clients: Mapping[str, Usage] | None = None,
    ) -> bool:
        return bool(
            await self._both(lambda engine: engine.configure(POOL, settings, accounts, usage=usage, clients=clients))
        )

    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        """Redis first: a random strategy's twin must follow its draw."""
        theirs = await self._outcome(self.redis, lambda engine: engine.lease(request))
        self.forced.account = theirs.account if isinstance(theirs, Lease) else f"nobody: {theirs}"
        if POOL in self.twin._pools:
            self.twin._pools[POOL].rng = self.forced  # type: ignore[assignment]
        ours = await self._outcome(self.twin, lambda engine: engine.lease(request))
        self._same(request, _plain(ours), _plain(theirs))
        self.visited["leases" if isinstance(ours, Lease) else "refusals"] += 1
        limited = ours.limited if isinstance(ours, Refusal) else None
        self.visited["client refusals"] += limited is not None and not limited.account
        self.visited["pool refusals"] += limited is not None and bool(limited.account)
        blocks = ours.blocks if isinstance(ours, Refusal) else ()
        self.visited["rate limits"] += any(block.reason is Reason.RATE_LIMIT for block in blocks)
        if isinstance(ours, EngineEmpty):
            raise ours
        assert isinstance(ours, Lease | Refusal)
        return ours

    async def each(self, action: Callable[[Engine], Awaitable[Any]]) -> Any:
        return await self._both(action)

    async def check(self) -> PoolSnapshot:
        """Compare everything that can be seen: all accounts, all limits and holds, all events."""
        ours = await self.twin.snapshot(POOL, clients=WATCHED)
        theirs = await self.redis.snapshot(POOL, clients=WATCHED)
        self._same("snapshot", ours, theirs)
        await self._check_events()
        for account in ours.accounts.values():
            self.visited[account.breaker.value] += 1
        return ours

    async def _check_events(self) -> None:
        entries = await self.connection.call("XRANGE", events_key(POOL), b"(" + self.stream_at, "+")
        theirs = [_fields(entry[1]) for entry in entries]
        ours = self.twin.events(POOL)[self.told :]
        self._same("events", [(kind, dict(fields)) for kind, fields in ours], theirs)
        self.told += len(ours)
        if entries:
            self.stream_at = entries[-1][0]

    async def _both(self, action: Callable[[Engine], Awaitable[Any]]) -> Any:
        ours = await self._outcome(self.twin, action)
        theirs = await self._outcome(self.redis, action)
        self._same("answer", _plain(ours), _plain(theirs))
        if isinstance(ours, EngineEmpty):
            raise ours
        return ours

    async def _outcome(self, engine: Engine, action: Callable[[Engine], Awaitable[Any]]) -> Any:
        try:
            return await action(engine)
        except (EngineEmpty, UnknownAccount) as error:
            return error

    def _same(self, what: object, ours: object, theirs: object) -> None:
        if ours != theirs:
            raise Disagreement(f"{what}: {difference(ours, theirs)}")


def _plain(answer: Any) -> Any:
    """Epochs differ by nature."""
    if isinstance(answer, Lease):
        return structs.replace(answer, epoch="")
    return type(answer).__name__ if isinstance(answer, Exception) else answer


def _fields(flat: Sequence[bytes]) -> tuple[str, dict[str, str]]:
    fields = {flat[i].decode(): flat[i + 1].decode() for i in range(0, len(flat), 2)}
    return fields.pop("type"), fields


def strategy_of(pair: Pair) -> Strategy:
    return pair.twin._pools[POOL].settings.strategy


def difference(ours: object, theirs: object, path: str = "") -> str:
    """The first place at which two answers part, so that a failure can be read."""
    if isinstance(ours, Struct) and isinstance(theirs, Struct):
        ours, theirs = structs.asdict(ours), structs.asdict(theirs)
    if is_dataclass(ours) and type(ours) is type(theirs):
        ours = {field.name: getattr(ours, field.name) for field in fields(ours)}
        theirs = {field.name: getattr(theirs, field.name) for field in fields(theirs)}
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping) and set(ours) == set(theirs):
        for key in ours:
            if ours[key] != theirs[key]:
                return difference(ours[key], theirs[key], f"{path}.{key}")
    if isinstance(ours, Sequence) and isinstance(theirs, Sequence) and not isinstance(ours, str):
        for index, (left, right) in enumerate(zip(ours, theirs, strict=False)):
            if left != right:
                return difference(left, right, f"{path}[{index}]")
    return f"{path or 'answer'}\n  twin:  {ours}\n  redis: {theirs}"
