"""The only module that speaks to a socket: it carries out a `Reply`, step by step."""

import socket
import struct
from asyncio import Transport
from collections.abc import Iterable

from aiohttp import web

from simulator.clock import Clock
from simulator.gate import Gate
from simulator.reply import Abort, Hang, Pause, Reply, Step

# Linger on, for zero seconds: closing then sends a reset instead of a polite end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Delivery:
    """Carries one reply out and remembers how much of it left."""

    def __init__(self, request: web.Request, *, clock: Clock, gate: Gate) -> None:
        self._request = request
        self._clock = clock
        self._gate = gate
        self.fraction = 0.0

    async def send(self, reply: Reply) -> web.StreamResponse:
        """Carry it out. `fraction` tells afterwards, even on cancellation, what part of the body left."""
        if reply.is_plain:
            self.fraction = 1.0
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        for step in reply.before:
            if not await self._do(step, None):
                return web.Response()
        response = _stream_response(reply)
        await response.prepare(self._request)
        await self._body(reply.steps, response)
        return response

    async def _body(self, steps: tuple[Step, ...], response: web.StreamResponse) -> None:
        total = sum(isinstance(step, bytes) for step in steps) or 1
        sent = 0
        for step in joined(steps):
            if not await self._do(step[0], response):
                return
            sent += step[1]
            self.fraction = sent / total

    async def _do(self, step: Step, response: web.StreamResponse | None) -> bool:
        """Do one step; False when the connection is gone by it."""
        match step:
            case bytes():
                if response is not None:
                    await response.write(step)
            case Pause(seconds):
                await self._clock.sleep(seconds)
            case Hang():
                await self._gate.wait()
            case Abort():
                reset(self._request.transport)
                return False
        return True


def joined(steps: Iterable[Step]) -> Iterable[tuple[Step, int]]:
    """Merge neighbouring bytes into one write (cheap on the wire); each step comes with how many frames it was."""
    pending: list[bytes] = []
    for step in steps:
        if isinstance(step, bytes):
            pending.append(step)
            continue
        if pending:
            yield b"".join(pending), len(pending)
            pending = []
        yield step, 0
    if pending:
        yield b"".join(pending), len(pending)


def _stream_response(reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    if not reply.chunked and "content-length" not in reply.headers:
        response.content_length = len(reply.body)
    return response


def reset(transport: Transport | None) -> None:
    """Drop a connection so that the peer sees a reset."""
    if transport is None:
        return
    plug = transport.get_extra_info("socket")
    if plug is not None and plug.family in {socket.AF_INET, socket.AF_INET6}:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
