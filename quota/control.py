"""Questions to the engine that code outside of an event loop asks."""

from quota.engine.errors import EngineEmpty
from quota.wiring import open_patient_engine


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
