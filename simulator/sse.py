"""Server-sent events as Anthropic writes them: an `event:` line, one `data:` line, an empty line."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from simulator.compose import Block, Completion
from simulator.errors import envelope

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
FEWEST_CHARACTERS = 16
MOST_DELTAS = 48

Json = Mapping[str, Any]


def frame(data: Json) -> bytes:
    """Write one event; its name is the payload's type."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def error_frame(*, type: str, message: str) -> bytes:  # noqa: A002
    """Write the error event a stream may carry after its 200."""
    return frame(envelope(type=type, message=message, request_id=None))


def message_frames(message: Json, completion: Completion) -> tuple[bytes, ...]:
    """Write a whole answer as events: usage of the input in front, cumulative usage at the end."""
    opening = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    opening["usage"] = {**message["usage"], "output_tokens": 1}
    frames = [frame({"type": "message_start", "message": opening})]
    for index, block in enumerate(completion.content):
        frames.extend(_block_frames(index, block))
        if index == 0:
            frames.insert(2, PING)
    frames.append(frame(_message_delta(message, completion)))
    frames.append(frame({"type": "message_stop"}))
    return tuple(frames)


def _message_delta(message: Json, completion: Completion) -> Block:
    usage = message["usage"]
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    optional = ("server_tool_use", "output_tokens_details")
    cumulative = {name: usage[name] for name in names} | {name: usage[name] for name in optional if usage.get(name)}
    delta = {"stop_reason": completion.stop_reason, "stop_sequence": completion.stop_sequence}
    return {"type": "message_delta", "delta": delta, "usage": cumulative}


def _block_frames(index: int, block: Block) -> Iterator[bytes]:
    start, deltas = _TAKEN_APART.get(block["type"], _whole)(block)
    yield frame({"type": "content_block_start", "index": index, "content_block": start})
    for delta in deltas:
        yield frame({"type": "content_block_delta", "index": index, "delta": delta})
    yield frame({"type": "content_block_stop", "index": index})


def _pieces(text: str) -> Iterator[str]:
    size = max(FEWEST_CHARACTERS, -(-len(text) // MOST_DELTAS))
    return (text[at : at + size] for at in range(0, len(text), size))


def _text(block: Block) -> tuple[Block, list[Block]]:
    return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]


def _tool_use(block: Block) -> tuple[Block, list[Block]]:
    pieces = ["", *_pieces(json.dumps(block["input"]))]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def _thinking(block: Block) -> tuple[Block, list[Block]]:
    deltas: list[Block] = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"])]
    deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return {**block, "thinking": "", "signature": ""}, deltas


def _whole(block: Block) -> tuple[Block, list[Block]]:
    return block, []


_TAKEN_APART = {"text": _text, "tool_use": _tool_use, "server_tool_use": _tool_use, "thinking": _thinking}
