"""Connections to Anthropic that are kept open and used again: made by aiohttp, read by httptools.

Note [Borrowed connections]
    aiohttp's connector knows how to make connections (names, addresses, TLS). What its client does with one costs as
    much as everything else that a request takes here, and we need little of it: an answer's status and headers, and
    its body as it comes. So a connection is borrowed from the connector for as long as it lives, and carries one
    exchange after another. It is used again if an answer was whole and nothing else came.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast

import httptools

from gateway.errors import ConnectionCut, UpstreamFault
from gateway.exchanging import HttpExchange
from gateway.replies import Fault
from gateway.rounds import Alarm, rounds

if TYPE_CHECKING:
    from aiohttp.connector import Connection

HEAD_MAX: Final = 256 * 1024
"""Bytes an answer's head may have."""
KEPT_MAX: Final = 1_024
"""Connections to one upstream that wait for their next request; those beyond it are closed."""
KEPT_SECONDS: Final = 30.0
"""Shorter than any server's own, so that a request is rarely written to a connection that is just being closed."""
_FINAL: Final = 200
"""Statuses below it announce another answer."""


class Line(asyncio.Protocol):
    """One connection. `home` takes it back when it can be used again. See Note [Borrowed connections]."""

    def __init__(self, connection: "Connection", *, home: Callable[["Line"], None]) -> None:
        """Raises ConnectionCut if the connection was lost meanwhile."""
        if connection.transport is None:
            connection.close()
            raise ConnectionCut(Fault.CUT)
        self.idle_since = 0.0
        self._home = home
        self._connection: Connection | None = connection
        self._lender = cast("asyncio.Protocol", connection.protocol)
        self._transport: asyncio.Transport = connection.transport
        self._transport.set_protocol(self)
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: HttpExchange | None = None
        self._head_bytes = 0
        self._keeps_alive = self._surplus = self._paused = False

    @property
    def usable(self) -> bool:
        """Whether it may carry an exchange."""
        return self._connection is not None and not self._transport.is_closing()

    def begin(self) -> HttpExchange:
        """Give the next exchange that it carries. Raises ConnectionCut."""
        if not self.usable:
            raise ConnectionCut(Fault.CUT)
        self._head_bytes = 0
        self._exchange = exchange = HttpExchange(self)
        return exchange

    # -- for the exchange

    def write(self, head: bytes, body: bytes) -> None:
        self._transport.writelines((head, body) if body else (head,))

    def pause(self) -> None:
        """Let the sender wait."""
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Let the sender go on."""
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def leave(self, exchange: HttpExchange) -> None:
        """Hang up, if that exchange is still on the line."""
        if self._exchange is exchange:
            self.close()

    def close(self) -> None:
        """Hang up."""
        self._exchange = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # -- for the connection

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            self.close()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            exchange.fail(ConnectionCut(Fault.CUT) if exchange.headed else UpstreamFault(Fault.MALFORMED))
            self.close()
            return
        if exchange.ended:
            self._end()
        elif not exchange.headed:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX:
                exchange.fail(UpstreamFault(Fault.MALFORMED))
                self.close()

    def _end(self) -> None:
        """The answer is whole."""
        if self._keeps_alive and not self._surplus and self.usable and self._transport.get_write_buffer_size() == 0:
            self._exchange = None
            self.resume()
            self._home(self)
        else:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lender.connection_lost(exc)
        exchange = self._exchange
        if exchange is not None:
            exchange.lost(in_order=exc is None)
        self.close()

    # -- for the parser

    def on_message_begin(self) -> None:
        self._surplus = self._exchange is None or self._exchange.ended

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._exchange is not None:
            self._exchange.header(name, value)

    def on_headers_complete(self) -> None:
        exchange = self._exchange
        if exchange is None or exchange.headed:
            return
        status = self._parser.get_status_code()
        if status >= _FINAL:
            self._keeps_alive = self._parser.should_keep_alive()
            exchange.head(status)
        else:
            exchange.headers = {}

    def on_body(self, piece: bytes) -> None:
        if self._exchange is not None:
            self._exchange.piece(piece)

    def on_message_complete(self) -> None:
        if self._exchange is not None:
            self._exchange.end()


class Lines(Alarm):
    """All connections of one event loop that wait for their next request; the one used last is used first."""

    __slots__ = ("_connect", "_kept", "_watched")

    def __init__(self, connect: Callable[[str], Awaitable["Connection"]]) -> None:
        self._connect = connect
        self._kept: defaultdict[str, list[Line]] = defaultdict(list)
        self._watched = False

    def __len__(self) -> int:
        return sum(map(len, self._kept.values()))

    async def take(self, base_url: str) -> Line:
        """Give a connection to that upstream: one that is kept, or a new one. Raises what `connect` does."""
        kept = self._kept[base_url]
        while kept:
            line = kept.pop()
            if line.usable:
                return line
        return Line(await self._connect(base_url), home=lambda line: self._keep(base_url, line))

    def _keep(self, base_url: str, line: Line) -> None:
        kept = self._kept[base_url]
        if len(kept) >= KEPT_MAX:
            line.close()
            return
        line.idle_since = rounds().loop.time()
        kept.append(line)
        if not self._watched:
            self._watched = True
            rounds().set(self, KEPT_SECONDS)

    def ring(self) -> None:
        """Close those that nobody has used for long."""
        oldest = rounds().loop.time() - KEPT_SECONDS
        for base_url, kept in self._kept.items():
            for line in kept:
                if line.idle_since <= oldest:
                    line.close()
            self._kept[base_url] = [line for line in kept if line.usable]
        self._watched = len(self) > 0
        if self._watched:
            rounds().set(self, KEPT_SECONDS / 2)

    def close(self) -> None:
        """Close all that are kept."""
        rounds().clear(self)
        self._watched = False
        for kept in self._kept.values():
            while kept:
                kept.pop().close()
