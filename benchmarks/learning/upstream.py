"""The simulator without a network between: it is asked directly, and answers take their time on the running loop."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from accounts.directory import Credential
from gateway.wire import Exchange, Request
from simulator import messages
from simulator.front import Endpoint, answer
from simulator.reply import Reply
from simulator.routes import ENDPOINTS
from simulator.scene import Incoming
from simulator.world import World

_MESSAGES: Final = next(one for one in ENDPOINTS if (one.method, one.path) == ("POST", "/v1/messages"))
THROTTLED: Final = 429


@dataclass(slots=True)
class Tally:
    """How Anthropic answered: per call the second of the loop's time, and the status."""

    calls: list[tuple[float, int]] = field(default_factory=list)

    def since(self, second: float) -> tuple[int, int]:
        """Calls from then on, and those of them that were throttled."""
        statuses = [status for at, status in self.calls if at >= second]
        return len(statuses), statuses.count(THROTTLED)


class Simulated:
    """An `Upstream`. A stream shows its head after a second, an answer in one piece when it is complete."""

    def __init__(self, world: World, *, seconds: float, random: Random) -> None:
        self.tally = Tally()
        self._world = world
        self._seconds = seconds
        self._random = random

    async def open(self, request: Request, credential: Credential, *, first_byte: float) -> Exchange:  # noqa: ARG002
        await asyncio.sleep(self._random.uniform(0.005, 0.08))
        headers = {**dict(request.headers), "x-api-key": credential.api_key.reveal()}
        reply = ask(self._world, request, headers)
        self.tally.calls.append((asyncio.get_running_loop().time(), reply.status))
        if reply.bill is None:
            await asyncio.sleep(0.1)
            return _Answer(self._world, reply, seconds=0.0)
        seconds = self._random.uniform(0.5, 1.5) * self._seconds
        head = min(1.0, seconds) if reply.chunked else seconds
        await asyncio.sleep(head)
        return _Answer(self._world, reply, seconds=seconds - head)


def ask(world: World, request: Request, headers: Mapping[str, str], *, endpoint: Endpoint = _MESSAGES) -> Reply:
    """What the simulator answers to a message."""
    return answer(world, endpoint, Incoming(request.method, request.target, headers, request.body))


class _Answer:
    """An `Exchange`: the first frames at once, the last ones after the rest of the time."""

    def __init__(self, world: World, reply: Reply, *, seconds: float) -> None:
        self.status = reply.status
        self.headers = {name.lower(): value for name, value in reply.headers.items()}
        self._world = world
        self._reply = reply
        self._seconds = seconds
        frames = [step for step in reply.steps if isinstance(step, bytes)]
        self._left = [b"".join(frames[:-2]), b"".join(frames[-2:])]

    async def read(self, *, timeout: float) -> bytes:  # noqa: ARG002, ASYNC109 - the protocol's
        if not self._left:
            return b""
        if len(self._left) == 1:
            await asyncio.sleep(self._seconds)
            self._bill()
        return self._left.pop(0) or await self.read(timeout=0)

    def _bill(self) -> None:
        if bill := self._reply.bill:
            self._world.settle(self._world.accounts[bill.account], messages.produced(bill, 1.0))

    def close(self) -> None:
        self._left = []
