"""Anthropic's double: as little work as possible between a request's last byte and its answer's first.

`python -m benchmarks.gateway.double --port 9100`. A stream's events leave one by one, each in a write of its own, at
the pace the request asks for.
"""

import argparse
import asyncio
from functools import cache
from typing import Final, cast

import httptools
import uvloop

from benchmarks.gateway.answers import JSON_ANSWER, events_asked, is_paced, stream, trickles

PACE_SECONDS: Final = 0.002
TRICKLE_SECONDS: Final = 1.0
_IDENTITY: Final = (
    b"request-id: req_011CSHoEeqs5C35K2UUqR7Fy\r\n"
    b"anthropic-organization-id: 0f7f4c1e-bench-4000-8000-000000000001\r\n"
    b"anthropic-ratelimit-requests-limit: 4000\r\n"
    b"anthropic-ratelimit-requests-remaining: 3999\r\n"
    b"anthropic-ratelimit-requests-reset: 2026-11-28T00:00:00Z\r\n"
)
_WHOLE: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    + _IDENTITY
    + b"content-length: %d\r\n\r\n" % len(JSON_ANSWER)
    + JSON_ANSWER
)
_STREAMED: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    + _IDENTITY
    + b"transfer-encoding: chunked\r\n\r\n"
)
_END: Final = b"0\r\n\r\n"


@cache
def _writes(events: int) -> tuple[bytes, ...]:
    """What is written for a stream, the head with its first event."""
    first, *others = [b"%x\r\n%s\r\n" % (len(event), event) for event in stream(events)]
    return (_STREAMED + first, *others[:-1], others[-1] + _END)


class Double(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)

    def on_message_complete(self) -> None:
        body, self._body = b"".join(self._body), []
        events = events_asked(body)
        if not events:
            self._write(_WHOLE)
        elif trickles(body):
            self._trickle(_writes(events), 0)
        else:
            self._stream(_writes(events), 0, PACE_SECONDS if is_paced(body) else 0.0)

    def _stream(self, writes: tuple[bytes, ...], number: int, pause: float) -> None:
        """One event for each turn of the loop: written together, the kernel would hand them on as one."""
        if self._write(writes[number]) and number + 1 < len(writes):
            self._loop.call_later(pause, self._stream, writes, number + 1, pause)

    def _trickle(self, writes: tuple[bytes, ...], number: int) -> None:
        """The beginning of a stream, then a delta now and then, for ever."""
        if self._write(writes[min(number, 2)]):
            self._loop.call_later(TRICKLE_SECONDS if number > 1 else 0.0, self._trickle, writes, number + 1)

    def _write(self, data: bytes) -> bool:
        if self._transport is None:
            return False
        self._transport.write(data)
        return True


async def serve(port: int) -> None:
    """Until the process is told to end."""
    server = await asyncio.get_running_loop().create_server(Double, "127.0.0.1", port, backlog=4_096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway.double", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
