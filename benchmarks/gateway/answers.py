"""What the upstream double answers, byte for byte: one message, or a stream of so many events. Pure."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

MODEL: Final = "claude-sonnet-4-5"
_ASKED: Final = re.compile(rb"events=(\d+)")
_STREAM: Final = re.compile(rb'"stream"\s*:\s*true')
_TRICKLES: Final = b"trickle=1"
_PACED: Final = b"paced=1"
_FRAME_EVENTS: Final = 5
"""Of every stream: two events before the deltas and three after them."""

_USAGE: Final = {
    "input_tokens": 25,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 150,
    "service_tier": "standard",
}
_MESSAGE: Final = {
    "id": "msg_01Aq9w938a90dw8q8bench",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "All of it is made up, and always the same. " * 14}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": _USAGE,
}
JSON_ANSWER: Final = json.dumps(_MESSAGE, separators=(",", ":")).encode()


def request_body(*, events: int = 0, size: int = 700, paced: bool = False, trickle: bool = False) -> bytes:
    """A request of about `size` bytes; a stream's length and manner are told in its text, which every proxy keeps."""
    asked = f"events={events} paced={int(paced)} trickle={int(trickle)} "
    message = {"role": "user", "content": [{"type": "text", "text": asked}]}
    body: dict[str, object] = {"model": MODEL, "max_tokens": 1024, "stream": bool(events), "messages": [message]}
    missing = max(0, size - len(json.dumps(body)))
    message["content"] = [{"type": "text", "text": asked + ("word " * (missing // 5))}]
    return json.dumps(body).encode()


def events_asked(body: bytes) -> int:
    """How many events a request wants; 0 for a whole message."""
    found = _ASKED.search(body) if _STREAM.search(body) else None
    return int(found[1]) if found else 0


def is_paced(body: bytes) -> bool:
    """Whether an event shall come every two milliseconds instead of as fast as they can be written."""
    return _PACED in body


def trickles(body: bytes) -> bool:
    """Whether the stream shall go on until the caller leaves."""
    return _TRICKLES in body


@cache
def stream(events: int) -> tuple[bytes, ...]:
    """The events of a stream. Raises ValueError if that are too few to be one."""
    if events <= _FRAME_EVENTS:
        raise ValueError(f"a stream has more than {_FRAME_EVENTS} events")
    begun = {**_MESSAGE, "content": [], "stop_reason": None, "usage": {**_USAGE, "output_tokens": 1}}
    opening = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    stopping = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": events}}
    return (
        _event({"type": "message_start", "message": begun}),
        _event(opening),
        *(_event(_delta(number)) for number in range(events - _FRAME_EVENTS)),
        _event({"type": "content_block_stop", "index": 0}),
        _event(stopping),
        _event({"type": "message_stop"}),
    )


def expected(body: bytes) -> bytes:
    """The body of the answer to a request."""
    events = events_asked(body)
    return b"".join(stream(events)) if events else JSON_ANSWER


def _delta(number: int) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f" some word {number}"}}


def _event(data: Mapping[str, object]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
