"""The load: so many callers, each sending the next request when its answer is whole, in a process of its own.

`python -m benchmarks.gateway.generator` reads one `Load` as JSON and prints one `Taken`. Every answer is compared, byte
for byte, with what the double sent.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Final, cast

import httptools
import msgspec
import uvloop

from benchmarks.gateway.answers import expected
from benchmarks.gateway.processes import cpu_seconds
from benchmarks.measure import percentile

WARM_SECONDS: Final = 20.0
DRAIN_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """`pid` is the process whose CPU is taken; `seconds` are measured after every caller had an answer."""

    port: int
    pid: int
    headers: dict[str, str]
    body: str
    callers: int
    seconds: float
    warm_seconds: float = 0.3


@dataclass(frozen=True, slots=True)
class Taken:
    """What the measured seconds gave. `answered`, `failed` and `differing` count all answers, warm-up included."""

    seconds: float
    measured: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float
    answered: int
    failed: int
    differing: int
    complaint: str = ""

    @property
    def per_second(self) -> float:
        return self.measured / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's CPU for each request."""
        return self.cpu_seconds / max(self.measured, 1) * 1_000_000


@dataclass(slots=True)
class Tally:
    """All callers' answers."""

    expected: bytes
    latencies: list[float] = field(default_factory=list)
    measuring: bool = False
    stopping: bool = False
    answered: int = 0
    failed: int = 0
    differing: int = 0
    complaint: str = ""

    def answer(self, *, status: int, body: bytes, began: float) -> None:
        """Count one answer."""
        self.answered += 1
        if self.measuring:
            self.latencies.append(time.perf_counter() - began)
        if status != 200:
            self.fail(f"{status} {body[:200]!r}")
        elif body != self.expected:
            self.differing += 1

    def fail(self, complaint: str) -> None:
        """Count what is no good answer."""
        self.failed += 1
        self.complaint = self.complaint or complaint


class Caller(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._began = 0.0
        self.warm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._tally.fail(f"the connection was lost: {exc}")
        self._finish()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        self._tally.answer(status=self._parser.get_status_code(), body=body, began=self._began)
        if not self.warm.done():
            self.warm.set_result(None)
        if self._tally.stopping:
            self._finish()
        else:
            self._send()

    def _send(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._began = time.perf_counter()
        if self._transport is not None:
            self._transport.write(self._request)

    def _finish(self) -> None:
        for future in (self.warm, self.done):
            if not future.done():
                future.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def generate(load: Load) -> Taken:
    """Who is not answered in time counts as failed, like any answer but 200."""
    tally = Tally(expected(load.body.encode()))
    callers = [await _connected(load, tally) for _ in range(load.callers)]
    await asyncio.wait([caller.warm for caller in callers], timeout=WARM_SECONDS)
    await asyncio.sleep(load.warm_seconds)
    cpu, began = cpu_seconds(load.pid), time.perf_counter()
    tally.measuring = True
    await asyncio.sleep(load.seconds)
    tally.measuring, tally.stopping = False, True
    cpu, seconds = cpu_seconds(load.pid) - cpu, time.perf_counter() - began
    _, late = await asyncio.wait([caller.done for caller in callers], timeout=DRAIN_SECONDS)
    for _ in late:
        tally.fail(f"no answer within {DRAIN_SECONDS:.0f} s")
    return _taken(tally, cpu=cpu, seconds=seconds)


async def _connected(load: Load, tally: Tally) -> Caller:
    request = wire_request(load)
    _, caller = await asyncio.get_running_loop().create_connection(
        lambda: Caller(request, tally), "127.0.0.1", load.port
    )
    return caller


def wire_request(load: Load) -> bytes:
    """The bytes of one request."""
    body = load.body.encode()
    headers = {"host": f"127.0.0.1:{load.port}", "content-type": "application/json", "content-length": str(len(body))}
    lines = [f"{name}: {value}\r\n" for name, value in (headers | load.headers).items()]
    return f"POST /v1/messages HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


def _taken(tally: Tally, *, cpu: float, seconds: float) -> Taken:
    millis = [latency * 1_000 for latency in tally.latencies] or [0.0]
    return Taken(
        seconds=seconds,
        measured=len(tally.latencies),
        p50_ms=percentile(millis, 50),
        p99_ms=percentile(millis, 99),
        cpu_seconds=cpu,
        answered=tally.answered,
        failed=tally.failed,
        differing=tally.differing,
        complaint=tally.complaint,
    )


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    print(msgspec.json.encode(uvloop.run(generate(asked))).decode(), flush=True)
