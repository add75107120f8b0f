"""Server-sent events as bytes. Pure."""

import json
from collections.abc import Iterable
from typing import Final

from notifications.live.frames import Frame

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)
RETRY_MS: Final = 2_000
"""So long a browser waits before it comes again."""


def greeting() -> bytes:
    return f"retry: {RETRY_MS}\n\n".encode()


def encoded(frames: Iterable[Frame]) -> bytes:
    """Each frame as one event. Its text is JSON, so it holds no line break."""
    return "".join(_event(frame) for frame in frames).encode()


def heartbeat(position: str) -> bytes:
    """A comment, and how far the listener has come: an event without data moves the id and is not shown."""
    return f": heartbeat\nid: {position}\n\n".encode()


def problem(code: str, message: str) -> bytes:
    """An error in the API's one shape."""
    return json.dumps({"error": {"code": code, "message": message, "details": {}}}).encode()


def _event(frame: Frame) -> str:
    place = f"id: {frame.id}\n" if frame.id else ""
    return f"{place}event: {frame.kind}\ndata: {frame.text}\n\n"
