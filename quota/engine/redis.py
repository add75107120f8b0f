"""The engine on Redis: one script call per method, the state shared by every process that opens the same URL."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from quota.engine import codec, learned_codec
from quota.engine.checks import check
from quota.engine.connection import Connection
from quota.engine.errors import EngineEmpty, UnknownAccount
from quota.engine.keys import events_key, pool_keys, session_key
from quota.engine.pool import Pool
from quota.engine.scripts import Scripts, scripts
from quota.engine.states import snapshot_of
from quota.engine.types import (
    WHOLE_POOL,
    Account,
    Client,
    Event,
    Foreign,
    Lease,
    LeaseRequest,
    PoolSettings,
    Refusal,
    Settled,
    Settlement,
    Usage,
)
from quota.engine.views import PoolSnapshot


class RedisEngine:
    """An `Engine`. `clock` (milliseconds) stands in for the server's own and `using` for our scripts: tests do that."""

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Callable[[], int] | None = None,
        using: Scripts | None = None,
    ) -> None:
        self._connection = connection
        self._scripts = using or scripts()
        self._clock = clock
        self._random = random.Random()  # noqa: S311 - it spreads load, it hides nothing

    async def configure(
        self,
        pool: str,
        settings: PoolSettings,
        accounts: Sequence[Account],
        *,
        usage: Mapping[str, Usage] | None = None,
        clients: Mapping[str, Usage] | None = None,
    ) -> bool:
        check(settings, accounts)
        enabled = sum(account.enabled for account in accounts)
        packed = codec.settings_parts(settings, pool=pool, epoch=uuid4().hex, enabled=enabled)
        parts = [part for a in accounts for part in codec.account_parts(a, (usage or {}).get(a.id))]
        used = codec.clients_usage(clients or {})
        reply = await self._connection.evalsha(
            self._scripts["configure"],
            pool_keys(pool),
            (self._now(), packed, used, *parts),
        )
        return bool(reply[0] == 1)

    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        keys = (*pool_keys(request.pool), session_key(request.pool, request.session))
        parts = codec.lease_parts(request, draw=self._random.getrandbits(31))
        reply = await self._run("lease", request.pool, parts, keys=keys)
        return codec.read_lease(request, reply)

    async def renew(self, pool: str, lease_id: str, *, ttl_ms: int, alive: bool = False) -> bool:
        reply = await self._run("renew", pool, (lease_id, ttl_ms, int(alive)))
        return bool(reply[0] == 1)

    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        reply = await self._run("settle", pool, codec.settle_parts(lease_id, settlement))
        return Settled(changed=reply[0] == 1, late=reply[1] == 1, account=reply[2].decode())

    async def expire(self, pool: str) -> int:
        return int((await self._run("expire", pool, ()))[0])

    async def snapshot(
        self, pool: str, *, accounts: Sequence[str] | None = None, clients: Sequence[Client] = ()
    ) -> PoolSnapshot:
        if accounts is not None and not accounts:
            accounts = ("",)  # nobody is called so; none would mean all
        seen, leases = await self._seen(pool, accounts or (), clients=clients)
        return snapshot_of(seen, None, clients=clients, leases=leases, now_ms=seen.clock_ms)

    async def look(self, pool: str, *, session: str = "", client: Client | None = None) -> Pool:
        """A copy of the pool as it stands, at `clock_ms`, with one session's account and one client: for `preview`."""
        seen, _ = await self._seen(pool, (), clients=() if client is None else (client,))
        kept = await self._connection.call("GET", session_key(pool, session)) if session else None
        if kept:
            epoch, until_ms, account = kept.decode().split(" ", 2)
            seen.sessions = {session: (account, int(until_ms))} if epoch == seen.epoch else {}
        return seen

    async def _seen(self, pool: str, accounts: Sequence[str], *, clients: Sequence[Client] = ()) -> tuple[Pool, int]:
        asked = (WHOLE_POOL, *(client.id for client in clients))
        parts: list[codec.Part] = [len(asked), *asked, *accounts]
        now, settings, leases, scores, whys, books, learned, *rows = await self._run("snapshot", pool, parts)
        seen = Pool(name=pool, settings=codec.read_settings(settings), epoch=codec.read_epoch(settings), clock_ms=now)
        seen.holds = codec.read_holds(scores, whys)
        seen.learned.update(learned_codec.read_learned(learned))
        seen.members.update(codec.read_members(rows))
        seen.clients.update(codec.read_clients(books))
        return seen, leases

    async def reset_breaker(self, pool: str, account: str, *, actor: str) -> None:
        await self._order(pool, account, "reset", actor=actor)

    async def force_open(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        await self._order(pool, account, "force_open", actor=actor, why=why)

    async def force_closed(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        await self._order(pool, account, "force_closed", actor=actor, why=why)

    async def clear_cooldown(self, pool: str, account: str, *, actor: str) -> None:
        await self._order(pool, account, "clear_cooldown", actor=actor)

    async def set_foreign(self, pool: str, used: Mapping[str, Foreign], *, day: int) -> bool:
        reply = await self._run("foreign", pool, codec.foreign_parts(used, day=day))
        return bool(reply[0] == 1)

    async def emit(self, pool: str, events: Sequence[Event]) -> None:
        for event in events:
            fields = ("type", event.type, "pool", pool, "payload", event.payload)
            await self._connection.call("XADD", events_key(pool), "*", *fields)

    async def ping(self) -> float:
        began = time.perf_counter()
        await self._connection.call("PING")
        return time.perf_counter() - began

    async def close(self) -> None:
        await self._connection.close()

    def _now(self) -> int | str:
        return self._clock() if self._clock else ""

    async def _run(self, name: str, pool: str, parts: Sequence[codec.Part], *, keys: Sequence[bytes] = ()) -> list[Any]:
        reply = await self._connection.evalsha(self._scripts[name], keys or pool_keys(pool), (self._now(), *parts))
        if reply[0] == b"EMPTY":
            raise EngineEmpty(pool)
        return reply

    async def _order(self, pool: str, account: str, order: str, *, actor: str, why: str = "") -> None:
        reply = await self._run("control", pool, (account, order, actor, why))
        if reply[0] == 0:
            raise UnknownAccount(pool, account)
