"""Settling for certain: whatever becomes of the request, its lease is settled or the attempt to do so is logged."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from gateway.ports import Ports
from quota.engine.errors import EngineEmpty, EngineError, EngineUnavailable
from quota.engine.types import Event, Lease, Settlement, Verdict

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = (0.25, 1.0, 4.0, 15.0, 60.0)
"""Beyond that the lease has expired; its estimate is charged and the ledger says so."""


async def settle(ports: Ports, lease: Lease, settlement: Settlement) -> None:
    """Settle now; if that fails, or the request is cancelled meanwhile, go on in the background.

    Settling twice changes nothing, so a cancelled call is simply made again.
    """
    try:
        await _once(ports, lease.pool, lease.id, settlement)
    except asyncio.CancelledError:
        ports.background.run(
            _insist(ports, lease.pool, lease.id, settlement, waits=(0.0, *RETRY_SECONDS)), name="settle"
        )
        raise
    except EngineError:
        ports.background.run(_insist(ports, lease.pool, lease.id, settlement, waits=RETRY_SECONDS), name="settle")


def give_back(ports: Ports, *, pool: str, lease_id: str) -> None:
    """Return a lease that may or may not have been granted to an ask whose answer never arrived."""
    unused = Settlement(verdict=Verdict.NEUTRAL, sent=False, why="never used")
    ports.background.run(_insist(ports, pool, lease_id, unused, waits=(0.0, *RETRY_SECONDS)), name="give back")


async def tell(ports: Ports, pool: str, events: Sequence[Event]) -> None:
    """Tell events that no settlement carries; if nobody listens, go on in the background."""
    try:
        await ports.engine.emit(pool, events)
    except EngineError:
        ports.background.run(_tell_again(ports, pool, events), name="emit")


async def _tell_again(ports: Ports, pool: str, events: Sequence[Event]) -> None:
    for seconds in RETRY_SECONDS:
        await ports.clock.sleep(seconds)
        try:
            await ports.engine.emit(pool, events)
        except EngineError:
            continue
        return
    logger.warning("an activity's end could not be recorded", extra={"action": "emit"})


async def _insist(ports: Ports, pool: str, lease_id: str, settlement: Settlement, *, waits: tuple[float, ...]) -> None:
    for seconds in waits:
        if seconds:
            await ports.clock.sleep(seconds)
        try:
            await _once(ports, pool, lease_id, settlement)
        except EngineError:
            continue
        return
    logger.error("a lease could not be settled; it will be charged as estimated", extra={"action": "settle"})


async def _once(ports: Ports, pool: str, lease_id: str, settlement: Settlement) -> None:
    try:
        await ports.engine.settle(pool, lease_id, settlement)
    except EngineEmpty:
        # The store lost its memory and the lease with it; once loaded again it adopts the grant that we hold.
        await _reload(ports, pool)
        await ports.engine.settle(pool, lease_id, settlement)
    ports.room.free(pool)


async def _reload(ports: Ports, pool: str) -> None:
    try:
        await ports.reload(pool)
    except EngineError:
        raise
    except Exception as error:  # the database, whatever its driver raises: to be tried again like the engine's own
        raise EngineUnavailable(f"the pool could not be loaded: {type(error).__name__}") from error
