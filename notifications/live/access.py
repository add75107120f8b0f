"""Who listens, and which pools those may see. Values, and what the edges ask of their surroundings."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from notifications.errors import LiveRefused

Scope = Mapping[str, Any]
"""An ASGI scope."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may listen. `pool` is the id of the only one they may see; empty: any."""

    name: str
    pool: str = ""


@dataclass(frozen=True, slots=True)
class PoolName:
    id: str
    name: str


class Doorkeeper(Protocol):
    """Finds out who asks. Raises LiveRefused, and anything where nobody can tell."""

    async def __call__(self, scope: Scope, /) -> Viewer: ...


class Pools(Protocol):
    """Gives the pool of a name or id, the default one for none. Raises LiveRefused (404) and whatever else."""

    async def __call__(self, wanted: str, /) -> PoolName: ...


@dataclass(frozen=True, slots=True)
class Door:
    """The way in, the same for all edges."""

    doorkeeper: Doorkeeper
    pools: Pools

    async def admit(self, scope: Scope, wanted: str) -> PoolName:
        """The pool that is meant, to one who may see it. Raises LiveRefused, also (503) where nobody can tell."""
        try:
            viewer = await self.doorkeeper(scope)
            pool = await self.pools(wanted or viewer.pool)
        except LiveRefused:
            raise
        except Exception as error:
            logger.warning("live view: cannot tell who asks: %s", type(error).__name__, extra={"action": "live_door"})
            raise LiveRefused(503, "unavailable", "Who asks cannot be found out at the moment. Come again.") from error
        if viewer.pool not in {"", pool.id}:
            raise LiveRefused(404, "not_found", "There is no such pool, or this is not the key to it.")
        return pool
