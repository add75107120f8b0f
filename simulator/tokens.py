"""How many tokens a request has, by a rule simple enough to predict: four characters make one token.

Images count 1,500 tokens, documents by their length, and every message adds three for its frame.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 1500
MESSAGE_FRAME = 3

Json = Mapping[str, Any]


def of_text(text: str) -> int:
    """Tokens of a piece of text, rounded up."""
    return (len(text) + CHARACTERS_PER_TOKEN - 1) // CHARACTERS_PER_TOKEN


def _of_json(value: object) -> int:
    return of_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def _of_source(block: Json) -> int:
    source = block.get("source") or {}
    return of_text(str(source.get("data") or source.get("url") or source.get("file_id") or ""))


def of_block(block: object) -> int:
    """Tokens of one content block (or bare string)."""
    if isinstance(block, str):
        return of_text(block)
    if not isinstance(block, dict):
        return 0
    return _BY_TYPE.get(str(block.get("type")), _of_other)(block)


def _of_other(block: Json) -> int:
    return _of_json({name: value for name, value in block.items() if name != "cache_control"})


def of_content(content: object) -> int:
    """Tokens of a message's content: a string or a list of blocks."""
    if isinstance(content, list):
        return sum(map(of_block, content))
    return of_block(content)


_BY_TYPE: Mapping[str, Callable[[Json], int]] = {
    "text": lambda block: of_text(str(block.get("text", ""))),
    "image": lambda _block: IMAGE_TOKENS,
    "document": _of_source,
    "tool_result": lambda block: of_content(block.get("content") or ""),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One cacheable piece of the prompt, in the order the model reads it."""

    payload: object
    tokens: int
    cache_control: Json | None


def _segment(block: object, extra: int = 0) -> Segment:
    control = block.get("cache_control") if isinstance(block, dict) else None
    return Segment(block, of_block(block) + extra, control if isinstance(control, dict) else None)


def _blocks(content: object) -> list[Any]:
    return content if isinstance(content, list) else [content]


def segments(body: Json) -> Iterator[Segment]:
    """Take the prompt apart: tools, then system, then messages."""
    for tool in body.get("tools") or ():
        yield _segment(tool)
    if system := body.get("system"):
        yield from map(_segment, _blocks(system))
    for message in body.get("messages") or ():
        extra = MESSAGE_FRAME
        for block in _blocks(message.get("content")):
            yield _segment(block, extra)
            extra = 0


def of_request(body: Json) -> int:
    """Input tokens of a whole request, what count_tokens answers."""
    messages = body.get("messages") or ()
    total = sum(MESSAGE_FRAME + of_content(message.get("content")) for message in messages)
    if system := body.get("system"):
        total += of_content(system)
    if tools := body.get("tools"):
        total += sum(map(of_block, tools))
    return total
