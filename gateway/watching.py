"""Looking for one thing in a stream that goes by, without touching or delaying a byte."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, cast

from gateway.responses import Stream

OVERLAP: Final = 600
"""Bytes of one piece that are looked at again with the next: what is looked for may lie across the cut."""


class Watched:
    """A stream that tells of what `find` finds in it, once, after the piece has been passed on."""

    def __init__(self, stream: Stream, *, find: Callable[[bytes], str], tell: Callable[[str], Awaitable[None]]) -> None:
        self._stream = stream
        self._find = find
        self._tell = tell

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def aclose(self) -> None:
        """Let go of the stream."""
        await self._stream.aclose()

    async def _chunks(self) -> AsyncIterator[bytes]:
        found, tail = "", b""
        async with aclosing(cast("Any", aiter(self._stream))) as chunks:
            async for chunk in chunks:
                yield chunk
                if not found:
                    found, tail = self._find(tail + chunk), (tail + chunk)[-OVERLAP:]
                    if found:
                        await self._tell(found)
