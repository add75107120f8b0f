"""What a caller makes of the bytes he got: whole, broken, or something that must never be. Pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.chaos.judging import Seen, Word

ERRORS = 400


def of_answer(status: int, body: bytes, *, stream: bool, text: str) -> Seen:
    """Read an answer that ended politely. `text` is what the model said."""
    if status >= ERRORS:
        return Seen(Word.REFUSED if _is_envelope(body) else Word.GARBLED, status)
    return _of_stream(body, text) if stream else _of_message(body, text)


def _is_envelope(body: bytes) -> bool:
    try:
        said = json.loads(body)
        return bool(said["type"] == "error" and said["error"]["type"] and said["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return False


def _of_message(body: bytes, text: str) -> Seen:
    try:
        said = json.loads(body)
        good = said["content"][0]["text"] == text and said["stop_reason"] and said["usage"]["output_tokens"]
    except (ValueError, KeyError, TypeError, IndexError):
        good = False
    return Seen(Word.WHOLE if good else Word.GARBLED, stop_seen=True)


def _of_stream(body: bytes, text: str) -> Seen:
    events = list(events_of(body))
    names = [name for name, _ in events if name != "ping"]
    stops, errors = names.count("message_stop"), names.count("error")
    if stops + errors == 0:
        return Seen(Word.SILENT)
    if names.count("message_start") != 1 or stops + errors != 1 or names[-1] not in {"message_stop", "error"}:
        return Seen(Word.SPLICED, stop_seen=bool(stops))
    if errors:
        return Seen(Word.BROKEN)
    good = all(map(_is_readable, events)) and _text_of(events) == text
    return Seen(Word.WHOLE if good else Word.GARBLED, stop_seen=True)


def events_of(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the name and data of each event, as a client reads them: the last `event:` line names it."""
    text = body.replace(b"\r\n", b"\n")
    for block in filter(None, text.split(b"\n\n")):
        lines = block.split(b"\n")
        names = [line[6:].strip() for line in lines if line.startswith(b"event:")]
        data = b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
        yield (names[-1].decode(errors="replace") if names else ""), data


def _is_readable(event: tuple[str, bytes]) -> bool:
    """Whether a client can read the event: it decodes the bytes and the JSON of every one that has a name."""
    name, data = event
    try:
        return bool(name) and isinstance(json.loads(data.decode()), dict)
    except ValueError:
        return False


def _text_of(events: Sequence[tuple[str, bytes]]) -> str | None:
    try:
        deltas: list[dict[str, Any]] = [json.loads(data) for name, data in events if name == "content_block_delta"]
        return "".join(str(delta["delta"]["text"]) for delta in deltas)
    except (ValueError, KeyError, TypeError):
        return None
