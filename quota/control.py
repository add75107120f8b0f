"""Questions and orders to the engine from code outside of an event loop."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

from quota.engine.api import Engine
from quota.engine.errors import EngineEmpty, UnknownAccount
from quota.publish import publish_pool
from quota.wiring import open_patient_engine

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


def ask(pool_id: uuid.UUID, question: Callable[[Engine], Awaitable[T]]) -> T:
    """The engine's answer; what it has not been told of the pool (Redis lost it), it is told first.

    Raises the engine's errors. `question` may be put twice.
    """
    try:
        return asyncio.run(_put(question))
    except (EngineEmpty, UnknownAccount):
        publish_pool(pool_id)
        return asyncio.run(_put(question))


def reset_breaker(pool_id: uuid.UUID, account: str, *, actor: str) -> None:
    """Close the account's breaker and forget its failures."""
    ask(pool_id, lambda engine: engine.reset_breaker(str(pool_id), account, actor=actor))


def clear_cooldown(pool_id: uuid.UUID, account: str, *, actor: str) -> None:
    """Drop every hold on the account and on its organization."""
    ask(pool_id, lambda engine: engine.clear_cooldown(str(pool_id), account, actor=actor))


async def _put(question: Callable[[Engine], Awaitable[T]]) -> T:
    engine = open_patient_engine()
    try:
        return await question(engine)
    finally:
        await engine.close()
