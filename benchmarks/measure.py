"""Taking the time: of single calls, of this process and of the server."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median

from quota.engine.connection import Connection

MICROSECOND = 1_000
"""In nanoseconds."""


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` of them do not exceed. Raises ValueError if there is none."""
    if not samples:
        raise ValueError("no samples")
    ordered = sorted(samples)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


async def timed(call: Callable[[], Awaitable[object]]) -> float:
    """Microseconds one call takes."""
    began = time.perf_counter_ns()
    await call()
    return (time.perf_counter_ns() - began) / MICROSECOND


@dataclass(frozen=True, slots=True)
class Spent:
    """What a burst took: seconds of wall clock, of this process's CPU and of the server's."""

    wall: float
    client: float
    server: float


async def spent(connection: Connection, work: Callable[[], Awaitable[object]]) -> Spent:
    """All callers of `work` together; reading the server's clock is not counted in the client's."""
    server = await server_cpu(connection)
    wall, client = time.perf_counter(), time.process_time()
    await work()
    wall, client = time.perf_counter() - wall, time.process_time() - client
    return Spent(wall=wall, client=client, server=await server_cpu(connection) - server)


async def server_cpu(connection: Connection) -> float:
    """Seconds of CPU the server has used, in its own code and in the kernel."""
    info = await facts(connection, "cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


async def facts(connection: Connection, section: str) -> dict[str, str]:
    """One section of INFO."""
    lines = (await connection.call("INFO", section)).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def middle(samples: Sequence[float]) -> float:
    return float(median(samples))
