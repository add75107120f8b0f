"""What is measured of us alone: large bodies, what an event of a stream costs, memory with many open streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks.gateway.answers import request_body
from benchmarks.gateway.generator import Load, Taken, wire_request
from benchmarks.gateway.measuring import put
from benchmarks.gateway.plan import Plan
from benchmarks.gateway.processes import resident_bytes
from benchmarks.gateway.servers import Server

OPEN_SECONDS: Final = 60.0
SETTLED_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Slope:
    """Paced streams of few and of many events; what one more event costs is between them."""

    few: Taken
    many: Taken
    events: tuple[int, int]

    @property
    def us_per_event(self) -> float:
        """Microseconds of CPU."""
        few, many = self.events
        return (self.many.cpu_us - self.few.cpu_us) / (many - few)


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes before any stream was open, and with all of them."""

    idle: int
    full: int
    streams: int

    @property
    def megabytes(self) -> float:
        """What all the streams took together."""
        return (self.full - self.idle) / 1_000_000


@dataclass(frozen=True, slots=True)
class Alone:
    """Everything of one server that is not compared with others."""

    large: Taken
    slope: Slope
    memory: Memory


async def alone(server: Server, plan: Plan) -> Alone:
    """Memory first, while the process is as it was started. Raises WrongAnswer, TimeoutError."""
    held = await memory(server, plan)
    return Alone(await large(server, plan), await slope(server, plan), held)


async def slope(server: Server, plan: Plan) -> Slope:
    """An event every two milliseconds, so each is a piece of its own. Raises WrongAnswer."""
    taken = [
        await put(server, plan, body=request_body(events=events, paced=True), callers=plan.judged_callers)
        for events in plan.slope_events
    ]
    return Slope(taken[0], taken[1], plan.slope_events)


async def large(server: Server, plan: Plan) -> Taken:
    """Bodies as Claude Code sends them. Raises WrongAnswer."""
    return await put(server, plan, body=request_body(size=plan.large_bytes), callers=plan.judged_callers)


async def memory(server: Server, plan: Plan) -> Memory:
    """Open streams, each of which gets an event now and then. Raises TimeoutError."""
    idle = resident_bytes(server.pid)
    body = request_body(events=10, trickle=True).decode()
    request = wire_request(Load(server.port, server.pid, dict(server.headers), body, 1, 0.0))
    async with asyncio.timeout(OPEN_SECONDS), AsyncExitStack() as stack:
        opening = [stack.enter_async_context(_open_stream(server.port, request)) for _ in range(plan.open_streams)]
        for one in opening:
            await one
        await asyncio.sleep(SETTLED_SECONDS)
        return Memory(idle, resident_bytes(server.pid), plan.open_streams)


@asynccontextmanager
async def _open_stream(port: int, request: bytes) -> AsyncIterator[None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await reader.readuntil(b"text_delta")
        yield
    finally:
        writer.close()
