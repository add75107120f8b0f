"""An engine that goes on when its store does not answer: admission from this process's share, and the truth later.

While Redis is away, leases come from a memory engine that holds this process's share of what was left when the pool
was last seen, if the pool's settings allow it. Settlements are kept and told to Redis when it is back: a local grant
is adopted there (charged and recorded once), a grant of Redis's own is settled late or in time. One call a second
asks whether Redis is back; the others do not wait for it.
"""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from quota.engine.api import Engine
from quota.engine.contact import ASK_AGAIN_SECONDS, Contact
from quota.engine.errors import EngineAway, EngineEmpty, EngineError, EngineUnavailable
from quota.engine.memory import MemoryEngine
from quota.engine.shares import client_share, settings_share, shares
from quota.engine.types import (
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
    Verdict,
)
from quota.engine.views import PoolSnapshot

logger = logging.getLogger(__name__)
REMEMBER_EVERY_SECONDS: Final = 5.0
MAX_UNTOLD: Final = 100_000
MAX_CLIENTS: Final = 1_000
LOCAL_EPOCH: Final = "local"


class ResilientEngine:
    """An `Engine` in front of another. `processes`: how many processes share the pools (for their local shares)."""

    def __init__(
        self,
        store: Engine,
        *,
        processes: int,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._processes = processes
        self._monotonic = monotonic
        self._sleep = sleep
        self._local = MemoryEngine(clock=clock, epoch=LOCAL_EPOCH)
        self._seen: dict[str, PoolSnapshot] = {}
        self._clients: dict[str, OrderedDict[str, Client]] = {}
        self._seen_at: dict[str, float] = {}
        self._lent: dict[str, Lease] = {}
        self._untold: deque[tuple[str, str, Settlement]] = deque(maxlen=MAX_UNTOLD)
        self._contact = Contact(monotonic=monotonic, on_return=self._local.forget)
        self._errands: set[asyncio.Task[None]] = set()
        self._telling: asyncio.Task[None] | None = None

    @property
    def degraded(self) -> bool:
        """Whether the last call found the store away."""
        return self._contact.lost

    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        try:
            with self._contact:
                answer = await self._store.lease(request)
        except EngineUnavailable as error:
            if not isinstance(error, EngineAway):
                self._give_back(request)
            return await self._lease_locally(request)
        self._note_client(request)
        self._remember_soon(request.pool)
        return answer

    async def settle(self, pool: str, lease_id: str, settlement: Settlement) -> Settled:
        lent = self._lent.pop(lease_id, None)
        if lent is not None:
            await self._settle_locally(lent, settlement)
        else:
            try:
                with self._contact:
                    return await self._store.settle(pool, lease_id, settlement)
            except EngineUnavailable:
                pass
        self._tell_later(pool, lease_id, settlement)
        return Settled(changed=True, account=lent.account if lent else "")

    async def renew(self, pool: str, lease_id: str, *, ttl_ms: int, alive: bool = False) -> bool:
        if lease_id in self._lent:
            return await self._local.renew(pool, lease_id, ttl_ms=ttl_ms, alive=alive)
        with self._contact:
            return await self._store.renew(pool, lease_id, ttl_ms=ttl_ms, alive=alive)

    async def configure(
        self,
        pool: str,
        settings: PoolSettings,
        accounts: Sequence[Account],
        *,
        usage: Mapping[str, Usage] | None = None,
        clients: Mapping[str, Usage] | None = None,
    ) -> bool:
        with self._contact:
            done = await self._store.configure(pool, settings, accounts, usage=usage, clients=clients)
        self._seen_at.pop(pool, None)
        self._remember_soon(pool)
        return done

    async def expire(self, pool: str) -> int:
        with self._contact:
            return await self._store.expire(pool)

    async def snapshot(
        self, pool: str, *, accounts: Sequence[str] | None = None, clients: Sequence[Client] = ()
    ) -> PoolSnapshot:
        with self._contact:
            return await self._store.snapshot(pool, accounts=accounts, clients=clients)

    async def reset_breaker(self, pool: str, account: str, *, actor: str) -> None:
        with self._contact:
            await self._store.reset_breaker(pool, account, actor=actor)

    async def force_open(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        with self._contact:
            await self._store.force_open(pool, account, actor=actor, why=why)

    async def force_closed(self, pool: str, account: str, *, actor: str, why: str = "") -> None:
        with self._contact:
            await self._store.force_closed(pool, account, actor=actor, why=why)

    async def clear_cooldown(self, pool: str, account: str, *, actor: str) -> None:
        with self._contact:
            await self._store.clear_cooldown(pool, account, actor=actor)

    async def set_foreign(self, pool: str, used: Mapping[str, Foreign], *, day: int) -> bool:
        with self._contact:
            return await self._store.set_foreign(pool, used, day=day)

    async def emit(self, pool: str, events: Sequence[Event]) -> None:
        with self._contact:
            await self._store.emit(pool, events)

    async def ping(self) -> float:
        """Asks the store whatever is known of it: health checks want the truth."""
        return await self._store.ping()

    async def close(self) -> None:
        """Tell the store what it has not heard yet, if it listens, and let go."""
        await self._tell()
        for errand in tuple(self._errands):
            errand.cancel()
        if self._untold:
            logger.error("%d settlements could not be told to Redis", len(self._untold), extra={"action": "untold"})
        await self._store.close()

    def _give_back(self, request: LeaseRequest) -> None:
        """The ask may have been granted by a store whose answer never came."""
        unused = Settlement(verdict=Verdict.NEUTRAL, sent=False, why="never used")
        self._tell_later(request.pool, request.lease_id, unused)

    async def _lease_locally(self, request: LeaseRequest) -> Lease | Refusal:
        seen = self._seen.get(request.pool)
        if seen is None or not seen.settings.serve_degraded:
            raise EngineUnavailable("Redis does not answer and the pool does not serve without it")
        # An id of its own: the store may have granted the first one after all, and that grant is given back.
        local = structs.replace(
            request, lease_id=f"{request.lease_id}~", client=self._client_share(request.client, seen)
        )
        try:
            answer = await self._local.lease(local)
        except EngineEmpty:
            settings = settings_share(seen, processes=self._processes)
            await self._local.configure(request.pool, settings, shares(seen, processes=self._processes))
            answer = await self._local.lease(local)
        if isinstance(answer, Lease):
            self._lent[answer.id] = answer
        return answer

    def _client_share(self, client: Client | None, seen: PoolSnapshot) -> Client | None:
        return client and client_share(client, seen.clients.get(client.id), processes=self._processes)

    def _note_client(self, request: LeaseRequest) -> None:
        """Whose limits to look at when the pool is looked at next; of very many, the latest."""
        if request.client is None:
            return
        noted = self._clients.setdefault(request.pool, OrderedDict())
        noted[request.client.id] = request.client
        noted.move_to_end(request.client.id)
        if len(noted) > MAX_CLIENTS:
            noted.popitem(last=False)

    async def _settle_locally(self, lease: Lease, settlement: Settlement) -> None:
        try:
            await self._local.settle(lease.pool, lease.id, settlement)
        except EngineEmpty:
            logger.debug("the local share was replaced meanwhile", extra={"action": "local_settle"})

    def _remember_soon(self, pool: str) -> None:
        now = self._monotonic()
        if now - self._seen_at.get(pool, float("-inf")) >= REMEMBER_EVERY_SECONDS:
            self._seen_at[pool] = now
            self._errand(self._remember(pool))

    async def _remember(self, pool: str) -> None:
        """Huge pools are looked at less often: at most a hundredth of the time goes into it."""
        try:
            clients = tuple(self._clients.get(pool, {}).values())
            self._seen[pool] = await self._store.snapshot(pool, clients=clients)
        except EngineError:
            self._seen_at.pop(pool, None)
        else:
            now = self._monotonic()
            self._seen_at[pool] = now + 100 * (now - self._seen_at.get(pool, now))

    def _tell_later(self, pool: str, lease_id: str, settlement: Settlement) -> None:
        self._untold.append((pool, lease_id, settlement))
        if self._telling is None or self._telling.done():
            self._telling = self._errand(self._insist())

    async def _insist(self) -> None:
        while self._untold:
            await self._sleep(ASK_AGAIN_SECONDS)
            await self._tell()

    async def _tell(self) -> None:
        """Tell the store what it missed, oldest first; what it does not hear now waits for the next time."""
        for _ in range(len(self._untold)):
            untold = self._untold.popleft()
            try:
                await self._store.settle(*untold)
            except EngineEmpty:
                self._untold.append(untold)  # its pool is not loaded yet; the others need not wait for that
            except EngineUnavailable:
                self._untold.appendleft(untold)
                return
            except EngineError:
                logger.exception("a settlement was refused for good", extra={"action": "untold_refused"})

    def _errand(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task
