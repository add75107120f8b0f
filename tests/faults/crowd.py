"""Many processes at once, killed as a test pleases, and the stream that tells what they did."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

import redis

from quota.engine.connection import Connection
from quota.engine.redis import RedisEngine
from quota.engine.stream import StreamEntry, decode, stream_key
from tests.faults.workers import POOL

ROOT: Final = Path(__file__).resolve().parents[2]


class Crowd:
    """The living workers of one role."""

    def __init__(self, mother: subprocess.Popen[str]) -> None:
        self._mother = mother
        self._serial = 0
        self.pids: list[int] = []

    def add(self, count: int = 1) -> None:
        assert self._mother.stdin
        assert self._mother.stdout
        for _ in range(count):
            self._serial += 1
            self._mother.stdin.write(f"{self._serial}\n")
            self._mother.stdin.flush()
            self.pids.append(int(self._mother.stdout.readline()))

    def kill(self, pid: int) -> None:
        self.pids.remove(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        for pid in tuple(self.pids):
            self.kill(pid)


def store(url: str, *, deadline: float) -> RedisEngine:
    """The engine on Redis itself, without what goes on in its place when Redis is away."""
    return RedisEngine(Connection(url, deadline=deadline))


@contextmanager
def crowd(role: str, url: str, *, size: int, mutant: str = "") -> Iterator[Crowd]:
    command = [sys.executable, "-m", "tests.faults.workers", role, url, *([mutant] if mutant else [])]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as mother:
        people = Crowd(mother)
        try:
            people.add(size)
            yield people
        finally:
            people.kill_all()
            assert mother.stdin
            mother.stdin.close()


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float, every: float = 0.01) -> float:
    """Ask until it holds; the seconds that took. Fails the test when it takes longer than `within`."""
    began = time.monotonic()
    while not await holds():
        assert time.monotonic() - began < within, f"still not so after {within} s"
        await asyncio.sleep(every)
    return time.monotonic() - began


class Stream:
    """The pool's facts, as any worker of the product would read them."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def __len__(self) -> int:
        return self._client.xlen(stream_key(POOL))

    def entries(self) -> list[StreamEntry]:
        raw = cast("list[tuple[bytes, dict[bytes, bytes]]]", self._client.xrange(stream_key(POOL)))
        return [decode(name, fields) for name, fields in raw]

    def close(self) -> None:
        self._client.close()
