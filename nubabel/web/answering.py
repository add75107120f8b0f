"""How answers are written: the head, and what there is of the body by then, in one piece.

Note [One piece]
    uvicorn writes the head when it is told and the body when that comes: two system calls and two packets for nearly
    every answer, and it looks at each header by itself. Here the head waits for the body to the end of the loop's turn,
    and all headers are looked at together. All else, and the meaning of every message, is uvicorn's.
"""

import re
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

Pairs = list[tuple[bytes, bytes]]

_NOT_IN_NAMES: Final = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_NOT_IN_VALUES: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BODILESS: Final = frozenset({204, 304})
_name_of: Final = itemgetter(0)
_value_of: Final = itemgetter(1)


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP, but for the writing; see Note [One piece]."""

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:  # noqa: ANN401 - uvicorn's own
        cycle.send = Writer(cycle, call_soon=self.loop.call_soon).send
        super()._start_asgi_task(cycle, app)


class Writer:
    """Writes one answer. `cycle` is uvicorn's idea of the request."""

    __slots__ = ("_call_soon", "_cycle", "_head")

    def __init__(self, cycle: Any, *, call_soon: Any) -> None:  # noqa: ANN401
        self._cycle = cycle
        self._call_soon = call_soon
        self._head = b""

    async def send(self, message: Any) -> None:  # noqa: ANN401 - ASGI
        """Take a message of the application. Raises RuntimeError for one that has no place here."""
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        if not cycle.response_started:
            _expect(message, "http.response.start")
            self._begin(message["status"], [*cycle.default_headers, *message.get("headers", ())])
        elif not cycle.response_complete:
            _expect(message, "http.response.body")
            self._go_on(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"Unexpected ASGI message '{message['type']}' sent, after response already completed.")

    def _begin(self, status: int, pairs: Pairs) -> None:
        cycle = self._cycle
        names = [*map(bytes.lower, map(_name_of, pairs))]
        values = [*map(_value_of, pairs)]
        _check(names, values)
        cycle.response_started, cycle.waiting_for_100_continue = True, False
        self._head = b"%s%s\r\n%s\r\n" % (
            STATUS_LINE[status],
            b"\r\n".join(map(b": ".join, zip(names, values, strict=True))),
            self._framing(status, dict(zip(names, values, strict=True))),
        )
        self._call_soon(self._write_alone)

    def _framing(self, status: int, said: dict[bytes, bytes]) -> bytes:
        """Find out how the body will be told from what follows; give the headers which that takes."""
        cycle, more = self._cycle, b""
        if b"close" in [token.strip() for token in said.get(b"connection", b"").lower().split(b",")]:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            more = b"connection: close\r\n"
        if said.get(b"transfer-encoding", b"").lower() == b"chunked":
            cycle.chunked_encoding = True
        elif b"content-length" in said:
            cycle.expected_content_length, cycle.chunked_encoding = int(said[b"content-length"]), False
        elif cycle.scope["method"] != "HEAD" and status not in _BODILESS:
            cycle.chunked_encoding, more = True, more + b"transfer-encoding: chunked\r\n"
        return more

    def _go_on(self, body: bytes, *, more: bool) -> None:
        cycle = self._cycle
        if cycle.scope["method"] == "HEAD":
            body, cycle.expected_content_length = b"", 0
        elif cycle.chunked_encoding:
            body = b"%s%s" % (b"%x\r\n%s\r\n" % (len(body), body) if body else b"", b"" if more else b"0\r\n\r\n")
        else:
            cycle.expected_content_length -= len(body)
            if cycle.expected_content_length < 0:
                raise RuntimeError("Response content longer than Content-Length")
        self._write(body)
        if not more:
            self._end()

    def _write_alone(self) -> None:
        """The body is not there yet; the application may even have failed meanwhile."""
        if not self._cycle.transport.is_closing():
            self._write(b"")

    def _write(self, body: bytes) -> None:
        head, self._head = self._head, b""
        if head or body:
            self._cycle.transport.write(head + body if head else body)

    def _end(self) -> None:
        cycle = self._cycle
        if cycle.expected_content_length:
            raise RuntimeError("Response content shorter than Content-Length")
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


def _expect(message: Any, kind: str) -> None:  # noqa: ANN401
    if message["type"] != kind:
        raise RuntimeError(f"Expected ASGI message '{kind}', but got '{message['type']}'.")


def _check(names: Iterable[bytes], values: Iterable[bytes]) -> None:
    if _NOT_IN_NAMES.search(b"".join(names)):
        raise RuntimeError("Invalid HTTP header name.")
    if _NOT_IN_VALUES.search(b"".join(values)):
        raise RuntimeError("Invalid HTTP header value.")
