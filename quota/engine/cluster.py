"""A connection that goes where a Redis Cluster keeps a pool.

All keys of a pool have one hash tag and so one node. A node that is asked for another one's answers MOVED and where to;
nothing ran then, so the call is sent there, and later ones of that pool at once. A node that does not answer is
forgotten: the next call asks the address of REDIS_URL again, which knows who took over. On a single server all this
costs one look at the reply.

While a pool's slot is on its way to another node, neither node can run its scripts (they name keys that are not there
yet, or no more); the pool counts as unavailable for that moment, and each process serves its share.
"""

from typing import Any, Final

import hiredis

from quota.engine.connection import Connection, Part
from quota.engine.errors import EngineUnavailable
from quota.engine.keys import hash_tag

HOPS: Final = 4
"""A cluster that is being rearranged may send us on more than once."""


class FollowingConnection(Connection):
    """A `Connection` to a cluster's address (or to a single server), with one more to each node that is needed."""

    def __init__(self, url: str, *, deadline: float) -> None:
        super().__init__(url, deadline=deadline)
        self._nodes: dict[str, _Node] = {}
        self._homes: dict[bytes, _Node] = {}
        """Hash tag → the node that keeps it."""

    async def ask(self, due: float, *parts: Part) -> Any:  # noqa: ANN401
        """As `Connection.ask`; MOVED is followed."""
        home = self._homes.get(hash_tag(parts)) if self._homes else None
        reply = await (self.begin(due, parts) if home is None else self._ask_home(home, due, parts))
        hops = 0
        while isinstance(reply, hiredis.ReplyError) and str(reply).startswith("MOVED ") and hops < HOPS:
            reply, hops = await self._follow(str(reply), due, parts), hops + 1
        return reply

    async def close(self) -> None:
        for node in self._nodes.values():
            await node.close()
        await super().close()

    async def _follow(self, said: str, due: float, parts: tuple[Part, ...]) -> Any:  # noqa: ANN401
        node = self._node(said.split(" ", 2)[2])
        self._homes[hash_tag(parts)] = node
        return await self._ask_home(node, due, parts)

    async def _ask_home(self, node: "_Node", due: float, parts: tuple[Part, ...]) -> Any:  # noqa: ANN401
        try:
            return await node.ask(due, *parts)
        except EngineUnavailable:
            self._homes = {tag: home for tag, home in self._homes.items() if home is not node}
            raise

    def _node(self, place: str) -> "_Node":
        if place not in self._nodes:
            host, _, port = place.rpartition(":")
            here = self.settings()
            self._nodes[place] = _Node({**here, "host": host or here.get("host"), "port": int(port)}, self.deadline)
        return self._nodes[place]


class _Node(Connection):
    """One node, reached as the cluster is."""

    def __init__(self, settings: dict[str, Any], deadline: float) -> None:
        super().__init__("", deadline=deadline)
        self._there = settings

    def settings(self) -> dict[str, Any]:
        return self._there
