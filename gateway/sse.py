"""Watching a stream of server-sent events go by without touching or delaying a byte. Pure: bytes in, facts out.

Chunks may be cut anywhere. Only events that say something about the call (`message_start`, `message_delta`, `error`,
`message_stop`) are read; content is looked at just enough to notice that it is there and well-formed.
"""

from typing import Final

from gateway.usage import Reading, is_json_object, read_event

EVENT_MAX: Final = 16 * 1024 * 1024
"""Bytes one event may have before the stream counts as malformed; search results come in one piece."""

_DELTA_FRAME: Final = 80
"""Bytes of `{"type":"content_block_delta","index":0,"delta":{…}}` around the text itself."""
_BYTES_PER_TOKEN: Final = 4
_DELTA: Final = b"event: content_block_delta\ndata: "

NEUTRALISE: Final = b"\nevent: ping\n\n"
"""Ends an event that was cut in the middle so that no client tries to read it.

The last `event:` line of an event names it, and a ping's data is ignored by every client.
"""


class StreamObserver:
    """Feed it every chunk in order; read its attributes at any time. Never raises on odd bytes: see `malformed`."""

    __slots__ = (
        "_buffer",
        "_delta_bytes",
        "_deltas",
        "_searched",
        "content_seen",
        "error",
        "events",
        "malformed",
        "reading",
        "stopped",
    )

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._deltas = 0
        self._delta_bytes = 0
        self.events = 0
        """Whole events seen, pings and comments included."""
        self.content_seen = False
        """An event other than `message_start`, ping, comment and error has gone by."""
        self.stopped = False
        """`message_stop` has gone by: the answer is whole."""
        self.malformed = False
        self.error: bytes | None = None
        """The data of the first error event."""
        self.reading = Reading()

    @property
    def mid_event(self) -> bool:
        """Whether the bytes so far end inside an event."""
        return bool(self._buffer)

    @property
    def generated_tokens(self) -> int:
        """About how many tokens have been generated so far, whatever has been reported.

        Reports come at the end; who leaves in the middle has caused what has gone by. Each delta is at least a token.
        """
        return max(self._deltas, (self._delta_bytes - _DELTA_FRAME * self._deltas) // _BYTES_PER_TOKEN)

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk."""
        if not self._buffer and chunk.endswith(b"\n\n") and b"\r" not in chunk:
            self._see_all(chunk[:-2])  # whole events, as they nearly always come
            return
        self._buffer += chunk
        if b"\r" in chunk or self._held_return():
            self._unify_line_ends()
        end = self._buffer.rfind(b"\n\n", max(0, self._searched - 1))
        self._searched = len(self._buffer)
        if end >= 0:
            self._take(end)
        elif self._searched > EVENT_MAX:
            self.malformed = True

    def _take(self, end: int) -> None:
        whole = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._searched = len(self._buffer)
        self._see_all(whole)

    def _see_all(self, whole: bytes) -> None:
        if b"\n\n" not in whole:
            self._see(whole.strip(b"\n"))
            return
        for block in whole.split(b"\n\n"):
            self._see(block.strip(b"\n"))

    def _held_return(self) -> bool:
        return b"\r" in self._buffer

    def _unify_line_ends(self) -> None:
        # A carriage return at the very end may be half of a pair: it waits for the next chunk.
        held = self._buffer.endswith(b"\r")
        text = bytes(self._buffer[:-1] if held else self._buffer)
        self._buffer = bytearray(text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + (b"\r" if held else b""))
        self._searched = 0

    def _see(self, block: bytes) -> None:
        if not block:
            return
        self.events += 1
        if block.startswith(_DELTA) and b"\n" not in block[len(_DELTA) :]:  # nearly all events
            self._see_content(b"content_block_delta", block[len(_DELTA) :])
            return
        name, data = _parts(block)
        match name:
            case b"content_block_delta" | b"content_block_start" | b"content_block_stop":
                self._see_content(name, data)
            case b"message_start" | b"message_delta":
                self._see_usage(name, data)
            case b"message_stop":
                self._see_stop(data)
            case b"error":
                self.error = data if self.error is None else self.error
            case b"ping" | b"":
                self._see_nameless(name, data)
            case _:
                self.content_seen = True

    def _see_content(self, name: bytes, data: bytes) -> None:
        self.content_seen = True
        if name == b"content_block_delta":
            self._deltas += 1
            self._delta_bytes += len(data)
        if not is_json_object(data):
            self.malformed = True

    def _see_stop(self, data: bytes) -> None:
        # Clients read this event's data too: one that they cannot read ends nothing.
        self.content_seen = True
        self.stopped = is_json_object(data)
        self.malformed = self.malformed or not self.stopped

    def _see_usage(self, name: bytes, data: bytes) -> None:
        reading = read_event(data, so_far=self.reading)
        if reading is None:
            self.malformed = True
            return
        self.reading = reading
        self.content_seen = self.content_seen or name == b"message_delta"

    def _see_nameless(self, name: bytes, data: bytes) -> None:
        # Every record of Anthropic's has a name; data without one is not their protocol. Comments have neither.
        if not name and data:
            self.malformed = True


def _parts(block: bytes) -> tuple[bytes, bytes]:
    """Give an event's name and data. The usual form, `event: …` then one line of data, is read without a loop."""
    first, _, rest = block.partition(b"\n")
    if first.startswith(b"event:") and rest.startswith(b"data:") and b"\n" not in rest:
        return first[6:].strip(), rest[5:].strip()
    return _parts_of_lines(block)


def _parts_of_lines(block: bytes) -> tuple[bytes, bytes]:
    name, data = b"", []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.strip()
        elif field == b"data":
            data.append(value.removeprefix(b" "))
    return name, b"\n".join(data)
