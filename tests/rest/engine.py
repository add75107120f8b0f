"""What calls do to an account, told to the real engine from synchronous tests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from accounts.models import ClaudeAccount, Pool
from quota.engine.api import Engine
from quota.engine.types import Hold, Lease, LeaseRequest, Settlement, Verdict
from quota.publish import publish_pool
from quota.wiring import open_patient_engine


def with_engine(act: Callable[[Engine], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        engine = open_patient_engine()
        try:
            return await act(engine)
        finally:
            await engine.close()

    return asyncio.run(run())


def load(pool: Pool) -> None:
    assert publish_pool(pool.pk)


def leased(account: ClaudeAccount, **more: Any) -> Lease:
    """A call that has begun on this account."""
    given = {"only": str(account.pk), "model": "claude-opus-5", "group": "opus-5", "lease_id": uuid4().hex, **more}
    return lent(LeaseRequest(pool=str(account.pool_id), **given))


def lent(request: LeaseRequest) -> Lease:
    lease = with_engine(lambda engine: engine.lease(request))
    assert isinstance(lease, Lease), lease
    return lease


def settled(lease: Lease, verdict: Verdict = Verdict.SUCCESS, **more: Any) -> None:
    settlement = Settlement(verdict=verdict, **more)
    with_engine(lambda engine: engine.settle(lease.pool, lease.id, settlement))


def called(account: ClaudeAccount, *, tokens: int = 0, cost: int = 0, **more: Any) -> None:
    """A whole good call."""
    settled(leased(account), tokens=tokens, cost=cost, **more)


def tripped(account: ClaudeAccount) -> None:
    """Five failures in a row."""
    for _ in range(5):
        settled(leased(account), Verdict.FAILURE, why="http 503")


def cooled(account: ClaudeAccount, *holds: Hold) -> None:
    settled(leased(account), Verdict.ALIVE, holds=holds)
