"""The live view put together: whoever listens, by websocket or server-sent events, hears one hub per event loop."""

from dataclasses import dataclass
from typing import Final

from accounts.loops import PerLoop
from gateway.errors import UnknownPool
from gateway.wiring import get_wiring
from notifications.asgi import EventStream
from notifications.consumers import LiveConsumer, World
from notifications.errors import LiveRefused
from notifications.live.access import Door, PoolName
from notifications.live.hub import Hub
from notifications.wiring import from_our_page
from nubabel.live_access import viewer_of
from nubabel.web import farewell
from quota.engine.api import Engine
from quota.pictures import Pictures
from quota.roster import Rosters
from quota.streams import open_client
from quota.tail import Tail
from quota.wiring import open_patient_engine, redis_url


@dataclass(frozen=True, slots=True)
class _Live:
    hub: Hub
    engine: Engine
    """Of its own: a large pool's numbers must not stand in the way of leases on the one connection."""

    async def close(self) -> None:
        await self.hub.close()
        await self.engine.close()


def _open() -> _Live:
    engine = open_patient_engine()
    look = Pictures(engine=engine, rosters=Rosters())
    return _Live(Hub(stream=Tail(open_client(redis_url())), look=look, stopping=farewell.closed), engine)


_lives: Final = PerLoop[_Live](make=_open, close=_Live.close)


def hub() -> Hub:
    """The running loop's."""
    return _lives.get().hub


async def close_live() -> None:
    """Let every listener of the running loop go."""
    await _lives.close()


async def pool_of(wanted: str) -> PoolName:
    """The pool of a name or id, the default one for none. Raises LiveRefused (404) and the database's errors."""
    try:
        rules = await get_wiring().pools.get(wanted)
    except UnknownPool as unknown:
        raise LiveRefused(404, "not_found", "There is no such pool, or this is not the key to it.") from unknown
    return PoolName(rules.id, rules.name)


event_stream: Final = EventStream(door=Door(viewer_of, pool_of), hub=hub)
live_socket: Final = LiveConsumer.as_asgi(world=World(Door(viewer_of, pool_of), hub, welcome=from_our_page))
