"""One request and its answer: bytes out, bytes in. The connection under it is `gateway.lines`' business."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.errors import ConnectionCut, UpstreamFault
from gateway.replies import Fault
from gateway.rounds import Alarm, rounds

if TYPE_CHECKING:
    import asyncio

    from gateway.lines import Line

HIGH_WATER: Final = 256 * 1024
"""Bytes of a body that wait for their reader before the sender is slowed down."""


class HttpExchange(Alarm):
    """An answer that is coming."""

    __slots__ = (
        *("_fault", "_line", "_pieces", "_rounds", "_size", "_waiter"),
        *("ended", "headed", "headers", "status"),
    )

    def __init__(self, line: "Line") -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.headed = self.ended = False
        self._line = line
        self._rounds = rounds()
        self._pieces: list[bytes] = []
        self._size = 0
        self._fault: UpstreamFault | None = None
        self._waiter: asyncio.Future[None] | None = None

    # -- for who asks

    async def ask(self, head: bytes, body: bytes, *, timeout: float) -> None:  # noqa: ASYNC109 - one for the whole head
        """Send a request and wait for the head of its answer. Raises `UpstreamFault`, TimeoutError."""
        self._line.write(head, body)
        while not self.headed:
            await self._wait(timeout)

    async def read(self, *, timeout: float) -> bytes:  # noqa: ASYNC109 - re-armed for every chunk
        """Give the next bytes, b"" at the end. Raises `UpstreamFault`, TimeoutError."""
        while not self._pieces and not self.ended:
            await self._wait(timeout)
        pieces = self._pieces
        if self._size > HIGH_WATER:
            self._line.resume()
        self._pieces, self._size = [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Let go of the connection; it is kept if the answer was read to its end."""
        self._rounds.clear(self)
        self._line.leave(self)

    # -- for the line

    def header(self, name: bytes, value: bytes) -> None:
        if not self.headed:
            self.headers[_name(name)] = value.decode("latin-1")

    def head(self, status: int) -> None:
        self.status, self.headed = status, True
        self._wake()

    def piece(self, piece: bytes) -> None:
        if self.ended:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self._size > HIGH_WATER:
            self._line.pause()

    def end(self) -> None:
        self.ended = self.headed
        self._wake()

    def fail(self, fault: UpstreamFault) -> None:
        if self._fault is None and not self.ended:
            self._fault = fault
        self._wake()

    def lost(self, *, in_order: bool) -> None:
        """The connection is gone; that may be how the answer ends."""
        if self.headed and in_order and self._is_ended_by_the_connection():
            self.end()
        else:
            self.fail(ConnectionCut(Fault.CUT))

    def _is_ended_by_the_connection(self) -> bool:
        return "content-length" not in self.headers and "chunked" not in self.headers.get("transfer-encoding", "")

    # -- waiting

    def _wait(self, seconds: float) -> "asyncio.Future[None]":
        """Give what to wait for. Its alarm stays set: the next wait puts it off, `close` clears it."""
        if self._fault is not None:
            raise self._fault
        self._rounds.set(self, seconds)
        self._waiter = self._rounds.loop.create_future()
        return self._waiter

    def ring(self) -> None:
        """Nothing came in time."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@lru_cache(maxsize=1_024)
def _name(name: bytes) -> str:
    """The same few come with every answer."""
    return name.decode("latin-1").lower()
