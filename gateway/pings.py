"""Keeping the caller of a stream company while his request waits in the queue.

Proxies and clients give up on a silent connection. The price of the first ping is that the answer's status is then 200,
whatever comes: an error follows as an `error` event, which SDKs raise as well. So nobody is pinged who gets his answer
within `EVERY_SECONDS`, and nobody who did not ask for a stream.
"""

import asyncio
from typing import Final

from gateway.departing import Send, send_head, send_piece, send_response, send_stream
from gateway.driver import Run
from gateway.responses import Response

EVERY_SECONDS: Final = 10.0
PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'
_HEAD: Final = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))


class Pings:
    """Pings the caller of one stream; costs one timer until there is something to do. Tell it of the `Run`."""

    def __init__(self, send: Send, *, every: float = EVERY_SECONDS) -> None:
        self._send = send
        self._every = every
        self._run: Run | None = None
        self._begun = False
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, run: Run) -> None:
        """Take the request whose waiting is to be watched."""
        self._run = run
        if run.call.stream and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._start)

    async def answer(self, response: Response) -> None:
        """Stop pinging and send the answer, in the form that what was sent before leaves open."""
        await self.stop()
        if not self._begun:
            await send_response(self._send, response)
        elif response.stream is not None:
            await send_stream(self._send, response.stream)
        else:
            await send_piece(self._send, as_event(response.body), more=False)

    async def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _start(self) -> None:
        self._task = asyncio.ensure_future(self._ping())

    async def _ping(self) -> None:
        while True:
            if self._begun or (self._run is not None and self._run.waiting):
                await self._begin()
                await send_piece(self._send, PING, more=True)
            await asyncio.sleep(self._every)

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await send_head(self._send, 200, _HEAD)


def as_event(body: bytes) -> bytes:
    """Give an error's body as the event of a stream, whatever line ends it has."""
    return b"event: error\n" + b"".join(b"data: " + line + b"\n" for line in body.splitlines() or [b""]) + b"\n"
