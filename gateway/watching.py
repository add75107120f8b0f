"""Learning from a stream that goes by what it says was made. No byte is changed.

Only answers to requests that may make something come by here. A piece is held until what it tells has been written
down, so that a caller who reacts at once is understood.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, cast

from gateway.resources import ids_made, read
from gateway.responses import Stream

EVENT_MAX: Final = 16 * 1024 * 1024
"""Bytes of one event that are looked at; see `gateway.sse`, which ends a stream with longer ones."""
_SIGNS: Final = (b'"container"', b'"file_id"')

Made = tuple[str, str]


class Watched:
    """A stream that tells, once each, of kind and id of what was made."""

    def __init__(self, stream: Stream, *, tell: Callable[[Made], Awaitable[None]]) -> None:
        self._stream = stream
        self._tell = tell
        self._told: set[Made] = set()
        self._buffer = b""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def aclose(self) -> None:
        """Let go of the stream."""
        await self._stream.aclose()

    async def _chunks(self) -> AsyncIterator[bytes]:
        async with aclosing(cast("Any", aiter(self._stream))) as chunks:
            async for chunk in chunks:
                for made in self._made(chunk):
                    await self._tell(made)
                yield chunk

    def _made(self, chunk: bytes) -> list[Made]:
        """Give what is new in the events that this piece completes."""
        whole, cut, self._buffer = (self._buffer + chunk).replace(b"\r\n", b"\n").rpartition(b"\n\n")
        if not cut and len(self._buffer) > EVENT_MAX:
            self._buffer = b""
        new = [made for event in whole.split(b"\n\n") for made in _of_event(event) if made not in self._told]
        self._told.update(new)
        return new


def _of_event(event: bytes) -> list[Made]:
    if not any(sign in event for sign in _SIGNS):
        return []
    data = b"\n".join(line[5:] for line in event.split(b"\n") if line.startswith(b"data:"))
    return list(dict.fromkeys(ids_made(read(data))))
