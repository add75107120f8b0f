"""One request and its answer on a connection that aiohttp made and will keep: bytes out, bytes in.

Note [Borrowed connections]
    aiohttp's connector knows how to make connections (names, addresses, TLS) and when to keep them. What its client
    does with one costs as much as everything else that a request takes here, and we need little of it: an answer's
    status and headers, and its body as it comes. So a connection is borrowed from the connector, read by httptools
    (which reads our callers' requests, too), and given back when the answer was whole and nothing else came. While it
    idles it is aiohttp's.
"""

import asyncio
from typing import TYPE_CHECKING, Final, cast

import aiohttp
import httptools

from gateway.errors import ConnectionCut, UpstreamFault
from gateway.replies import Fault

if TYPE_CHECKING:
    from aiohttp.connector import Connection

HEAD_MAX: Final = 256 * 1024
"""Bytes an answer's head may have."""
HIGH_WATER: Final = 256 * 1024
"""Bytes of a body that wait for their reader before the sender is slowed down."""
_FINAL: Final = 200
"""Statuses below it announce another answer."""


class HttpExchange(asyncio.Protocol):
    """An answer that is coming. See Note [Borrowed connections]."""

    def __init__(self, connection: "Connection") -> None:
        """Raises ConnectionCut if the connection was lost meanwhile."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = connection
        self._lender = cast("asyncio.Protocol", connection.protocol)
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._size = 0
        self._headed = self._ended = self._keeps_alive = self._surplus = self._paused = False
        self._fault: UpstreamFault | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        if connection.transport is None:
            connection.close()
            raise ConnectionCut(Fault.CUT)
        self._transport: asyncio.Transport = connection.transport
        self._transport.set_protocol(self)

    # -- for who asks

    async def ask(self, head: bytes, body: bytes) -> None:
        """Send a request and wait for the head of its answer. Raises `UpstreamFault`; its caller sets the deadline."""
        self._transport.writelines((head, body) if body else (head,))
        while not self._headed:
            if self._fault is not None:
                raise self._fault
            self._waiter = self._loop.create_future()
            await self._waiter

    async def read(self, *, timeout: float) -> bytes:  # noqa: ASYNC109 - re-armed for every chunk
        """Give the next bytes, b"" at the end."""
        while not self._pieces and not self._ended:
            if self._fault is not None:
                raise self._fault
            await self._wait(timeout)
        pieces, self._pieces, self._size = self._pieces, [], 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Let go of the connection; it is kept if the answer was read to its end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._give_back(whole=False)

    # -- for the connection

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(UpstreamFault(Fault.MALFORMED) if not self._headed else ConnectionCut(Fault.CUT))
            self._give_back(whole=False)
            return
        if self._ended:
            self._give_back(whole=self._keeps_alive and not self._surplus)
        elif not self._headed:
            self._size += len(data)
            if self._size > HEAD_MAX:
                self._fail(UpstreamFault(Fault.MALFORMED))
                self._give_back(whole=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lender.connection_lost(exc)
        if self._headed and exc is None and self._is_ended_by_the_connection():
            self._ended = True
            self._wake()
        elif not self._ended:
            self._fail(ConnectionCut(Fault.CUT))
        self._give_back(whole=False)

    # -- for the parser

    def on_message_begin(self) -> None:
        self._surplus = self._ended

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headed:
            return
        self.status = self._parser.get_status_code()
        if self.status < _FINAL:
            self.headers = {}
            return
        self._headed, self._size = True, 0
        self._keeps_alive = self._parser.should_keep_alive()
        self._wake()

    def on_body(self, piece: bytes) -> None:
        if self._ended:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        self._wake()
        if self._size > HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        self._ended = self._headed
        self._wake()

    # -- waiting

    async def _wait(self, seconds: float) -> None:
        """One timer for many waits: it looks again when it goes off."""
        self._due = due = self._loop.time() + seconds
        if self._timer is None or due < self._timer.when():
            self._set(due)
        self._waiter = self._loop.create_future()
        await self._waiter

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._due:
            self._set(self._due)
        else:
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, fault: UpstreamFault) -> None:
        if self._fault is None:
            self._fault = fault
        self._wake()

    # -- the connection's way home

    def _is_ended_by_the_connection(self) -> bool:
        return "content-length" not in self.headers and "chunked" not in self.headers.get("transfer-encoding", "")

    def _give_back(self, *, whole: bool) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        self._transport.set_protocol(self._lender)
        if whole and self._transport.get_write_buffer_size() == 0:
            connection.release()
        else:
            connection.close()


def request_head(method: str, target: str, headers: dict[str, str], *, body: bytes) -> bytes:
    """Give a request's head. The values are known to be fit for it (`gateway.forwarding`)."""
    sized = {"content-length": str(len(body))} if body or method != "GET" else {}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (headers | sized).items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def default_headers() -> dict[str, str]:
    """What is said where the caller says nothing: as aiohttp's client does."""
    return {"accept": "*/*", "user-agent": aiohttp.http.SERVER_SOFTWARE}
