"""Passing a stream on, byte for byte, and settling its lease when it is over, however it ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from gateway.errors import UpstreamFault
from gateway.pacing import read_next
from gateway.replies import Fault
from gateway.responses import error_event
from gateway.rules import BROKEN, TOO_SLOW
from gateway.sse import NEUTRALISE, StreamObserver
from quota.engine.errors import EngineError
from quota.engine.types import Lease

if TYPE_CHECKING:
    from gateway.driver import Run
    from gateway.ports import Ports
    from gateway.sending import Opened

CHUNKS_AT_A_STRETCH: Final = 32
"""Reading data that is already there never suspends; after so many chunks others get their turn."""


class Delivery:
    """The body of an answer that is still coming. Iterate it once, or close it."""

    def __init__(self, run: "Run", ports: "Ports", opened: "Opened", lease: Lease) -> None:
        self._run = run
        self._ports = ports
        self._opened = opened
        self._over = False
        opened.returned = replace(opened.returned, delivering=True)
        if lease.probe:
            # Half-open only while nothing is known: the first content is a good answer.
            ports.background.run(self._answers(lease), name="probe answers")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def aclose(self) -> None:
        """Let go of the stream. What was generated until now is billed."""
        observer = self._opened.observer
        if self._whole:
            await self._end(None)
        elif observer is not None and observer.error is not None:
            await self._conclude(error=observer.error, fault=None)  # who hears of an error hangs up
        else:
            await self._end(Fault.CALLER_LEFT)

    @property
    def _whole(self) -> bool:
        return self._opened.observer is not None and self._opened.observer.stopped

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self._opened.held:
                yield chunk
            self._opened.held.clear()
            observer = self._opened.observer
            async for chunk in self._watched_chunks(observer) if observer else self._plain_chunks():
                yield chunk
        finally:
            await self.aclose()

    async def _watched_chunks(self, observer: StreamObserver) -> AsyncIterator[bytes]:
        count = 0
        while observer.error is None:
            was_inside = observer.mid_event
            chunk, fault = await self._next(observer)
            if not chunk:
                yield await self._last_words(fault, mid_event=was_inside)
                return
            yield chunk
            count += 1
            if count % CHUNKS_AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        await self.aclose()

    async def _next(self, observer: StreamObserver) -> tuple[bytes, Fault]:
        """Read and observe the next chunk; nothing and why, if there is none fit to be passed on."""
        try:
            chunk = await read_next(self._opened.exchange, self._opened.pacer)
        except UpstreamFault as error:
            return b"", error.fault
        events = observer.events
        observer.feed(chunk)
        if observer.events != events:
            self._opened.pacer.event()
        return (b"", Fault.MALFORMED) if observer.malformed else (chunk, Fault.CUT)

    async def _last_words(self, fault: Fault, *, mid_event: bool) -> bytes:
        """End the stream; if it broke, say so in a way that no client can take for a whole answer."""
        if self._whole:
            await self._end(None)
            return b""
        caller = TOO_SLOW if fault in {Fault.GAP_TIMEOUT, Fault.TOTAL_TIMEOUT} else BROKEN
        await self._end(fault)
        return (NEUTRALISE if mid_event else b"") + error_event("api_error", caller.message)

    async def _plain_chunks(self) -> AsyncIterator[bytes]:
        """Pass on something that is neither events nor small: a file."""
        try:
            while chunk := await read_next(self._opened.exchange, self._opened.pacer):
                yield chunk
        except UpstreamFault as error:
            await self._end(error.fault)
            raise
        await self._end(None)

    async def _end(self, fault: Fault | None) -> None:
        await self._conclude(error=b"", fault=fault)

    async def _conclude(self, *, error: bytes, fault: Fault | None) -> None:
        if self._over:
            return
        self._over = True
        self._opened.exchange.close()
        await self._run.conclude(self._run.judge(self._opened, error=error, fault=fault))

    async def _answers(self, lease: Lease) -> None:
        try:
            await self._ports.engine.renew(lease.pool, lease.id, ttl_ms=self._run.call.lease_ms, alive=True)
        except EngineError:
            return  # the settlement says it again
