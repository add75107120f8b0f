"""Questions and orders to the engine from code outside of an event loop."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from asgiref.sync import async_to_sync

from accounts.audit import note_order
from quota.engine.errors import EngineEmpty, UnknownAccount
from quota.engine.preview import Preview, preview
from quota.engine.redis import RedisEngine
from quota.engine.types import Client, LeaseRequest
from quota.engine.views import PoolSnapshot
from quota.publish import publish_pool
from quota.wiring import open_patient_engine, open_watching_engine

T = TypeVar("T")


async def leases_in_force(pool: str, account: str) -> int:
    """How many calls the account has under way. Raises `EngineUnavailable` when nobody can tell."""
    engine = open_patient_engine()
    try:
        states = (await engine.snapshot(pool, accounts=[account])).accounts
        return states[account].in_flight if account in states else 0
    except EngineEmpty:
        return 0
    finally:
        await engine.close()


def ask(pool_id: uuid.UUID, question: Callable[[RedisEngine], Awaitable[T]]) -> T:
    """The engine's answer; what it has not been told of the pool (Redis lost it), it is told first.

    Raises the engine's errors. `question` may be put twice.
    """
    try:
        return _put(question)
    except (EngineEmpty, UnknownAccount):
        publish_pool(pool_id)
        return _put(question)


def look(pool_id: uuid.UUID, *, accounts: Sequence[str] | None = None, clients: Sequence[Client] = ()) -> PoolSnapshot:
    """The pool as the engine sees it now: all accounts or those named; these clients.

    Raises the engine's errors.
    """

    def seen(engine: RedisEngine) -> Awaitable[PoolSnapshot]:
        return engine.snapshot(str(pool_id), accounts=accounts, clients=clients)

    found = ask(pool_id, seen)
    if accounts is not None and not set(accounts) <= set(found.accounts):
        publish_pool(pool_id)
        found = ask(pool_id, seen)
    return found


def would_lease(request: LeaseRequest) -> Preview:
    """What a lease would be answered now; none is taken. Raises the engine's errors."""

    async def asked(engine: RedisEngine) -> Preview:
        seen = await engine.look(request.pool, session=request.session, client=request.client)
        return preview(seen, request, now_ms=seen.clock_ms)

    return ask(uuid.UUID(request.pool), asked)


def reset_breaker(pool_id: uuid.UUID, account: str, *, actor: str) -> None:
    """Close the account's breaker and forget its failures."""
    ask(pool_id, lambda engine: engine.reset_breaker(str(pool_id), account, actor=actor))
    note_order("reset circuit", account)


def force_open(pool_id: uuid.UUID, account: str, *, actor: str, why: str) -> None:
    """Take the account out, whatever its breaker finds, until a person says otherwise."""
    ask(pool_id, lambda engine: engine.force_open(str(pool_id), account, actor=actor, why=why))
    note_order("forced open", account, why=why)


def force_closed(pool_id: uuid.UUID, account: str, *, actor: str, why: str) -> None:
    """Use the account, whatever its breaker finds, until a person says otherwise."""
    ask(pool_id, lambda engine: engine.force_closed(str(pool_id), account, actor=actor, why=why))
    note_order("forced closed", account, why=why)


def clear_cooldown(pool_id: uuid.UUID, account: str, *, actor: str) -> None:
    """Drop every hold on the account and on its organization."""
    ask(pool_id, lambda engine: engine.clear_cooldown(str(pool_id), account, actor=actor))
    note_order("cleared cool-down", account)


def _put(question: Callable[[RedisEngine], Awaitable[T]]) -> T:
    """By a connection of one's own: people may wait longer than requests, and what they meet is theirs alone."""

    async def put() -> T:
        engine = open_watching_engine()
        try:
            return await question(engine)
        finally:
            await engine.close()

    return async_to_sync(put)()
