"""Connections whose request never comes: closed after a while, for which uvicorn has no setting.

A connection between two requests is uvicorn's to close (after five seconds); one whose request's head has begun and
does not end, and one that never says anything, are nobody's.
"""

from collections.abc import Iterable
from typing import Any, Final
from weakref import WeakKeyDictionary

HEAD_SECONDS: Final = 20.0
"""So long a request's head may take, as long as the gateway waits between two pieces of a body."""


class Heads:
    """Since when each connection has been silent or in the middle of a head. `now` is any clock in seconds."""

    def __init__(self, *, seconds: float = HEAD_SECONDS) -> None:
        self._seconds = seconds
        self._since: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def look(self, connections: Iterable[Any], *, now: float) -> None:
        """Close those that have taken too long."""
        for connection in tuple(connections):
            if not _awaits_a_head(connection):
                self._since.pop(connection, None)
            elif now - self._since.setdefault(connection, now) > self._seconds:
                connection.transport.close()


def _awaits_a_head(connection: Any) -> bool:  # noqa: ANN401 - uvicorn's protocols share no type
    """Websockets have no cycle, and deadlines of their own."""
    if not hasattr(connection, "cycle") or connection.transport is None:
        return False
    return connection.cycle is None or bool(connection.cycle.response_complete)
