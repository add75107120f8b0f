"""Questions to the engine that code outside of an event loop asks."""

from quota.engine.errors import EngineEmpty
from quota.engine.facade import open_engine
from quota.wiring import redis_url


async def leases_in_force(pool: str, account: str) -> int:
    """How many calls the account has under way. Raises `EngineUnavailable` when nobody can tell."""
    engine = open_engine(redis_url())
    try:
        states = (await engine.snapshot(pool, accounts=[account])).accounts
        return states[account].in_flight if account in states else 0
    except EngineEmpty:
        return 0
    finally:
        await engine.close()
