"""Faults of the event stream: after a good 200, something in it is wrong.

On an answer that is not a stream they spoil the JSON body instead, where that means anything.
"""

import json
from collections.abc import Callable
from dataclasses import replace

from simulator.reply import Pause, Reply, Step
from simulator.scene import Scene
from simulator.sse import PING, error_frame

Fault = Callable[[Scene], Reply]
Steps = tuple[Step, ...]


def _on_steps(change: Callable[[Steps], Steps]) -> Fault:
    """Make a fault of a function on the body's steps."""

    def apply(scene: Scene) -> Reply:
        reply = scene.normal()
        return replace(reply, steps=change(reply.steps))

    return apply


def _on_frame(index: int, change: Callable[[bytes], bytes]) -> Fault:
    """Make a fault that changes one frame (the last one, if there are fewer)."""

    def on_steps(steps: Steps) -> Steps:
        at = min(index, len(steps) - 1)
        step = steps[at]
        return (*steps[:at], change(step) if isinstance(step, bytes) else step, *steps[at + 1 :])

    return _on_steps(on_steps)


def bad_json(*, frame: int = 3) -> Fault:
    """The data of one event (or the body) is cut in the middle of its JSON."""
    return _on_frame(frame, lambda data: data.rstrip()[: len(data.rstrip()) * 2 // 3] + b"\n\n")


def missing_event_line(*, frame: int | None = None) -> Fault:
    """One event, or every one, comes without its `event:` line."""
    if frame is not None:
        return _on_frame(frame, _without_event_line)
    return _on_steps(lambda steps: tuple(_without_event_line(s) if isinstance(s, bytes) else s for s in steps))


def _without_event_line(data: bytes) -> bytes:
    return data.split(b"\n", 1)[1] if data.startswith(b"event: ") else data


def huge_line(*, size: int = 1_000_000, frame: int = 3) -> Fault:
    """An unknown event with a single line of `size` bytes comes before that frame."""
    line = b"event: huge\ndata: " + json.dumps({"type": "huge", "filler": "x" * size}).encode() + b"\n\n"
    return _on_steps(lambda steps: (*steps[:frame], line, *steps[frame:]) if len(steps) > 1 else steps)


def crlf(*, mixed: bool = True) -> Fault:
    """Lines end with CR LF; in every second event only, when mixed. Legal, and a trap for parsers."""

    def on_steps(steps: Steps) -> Steps:
        return tuple(
            step.replace(b"\n", b"\r\n") if isinstance(step, bytes) and (not mixed or index % 2) else step
            for index, step in enumerate(steps)
        )

    return _on_steps(on_steps)


def non_utf8(*, frame: int = 3) -> Fault:
    """Bytes in one event that are no UTF-8."""
    return _on_frame(frame, lambda data: data.replace(b'"type"', b'"\xff\xfe\xc3": 1, "type"', 1))


def stream_error(*, type: str = "overloaded_error", message: str = "Overloaded", frames: int = 4) -> Fault:  # noqa: A002
    """An error event after that many frames, and nothing behind it."""
    error = error_frame(type=type, message=message)
    return _on_steps(lambda steps: (*steps[:frames], error) if len(steps) > 1 else steps)


def stream_error_first(*, type: str = "overloaded_error", message: str = "Overloaded") -> Fault:  # noqa: A002
    """200, and the very first event is the error."""
    return stream_error(type=type, message=message, frames=0)


def no_message_stop() -> Fault:
    """The stream ends politely, but one event short."""
    return _on_steps(lambda steps: steps[:-1] if len(steps) > 1 else steps)


def cut_after(*, frames: int = 4) -> Fault:
    """The stream ends politely after that many frames."""
    return _on_steps(lambda steps: steps[:frames] if len(steps) > 1 else steps)


def pings(*, count: int = 3, seconds: float = 15.0, frames: int = 1) -> Fault:
    """Only pings for a while, `seconds` apart, before the answer goes on."""
    rhythm: Steps = (Pause(seconds), PING) * count
    return _on_steps(lambda steps: (*steps[:frames], *rhythm, *steps[frames:]) if len(steps) > 1 else steps)


FAULTS: dict[str, Callable[..., Fault]] = {
    make.__name__: make
    for make in (
        bad_json,
        missing_event_line,
        huge_line,
        crlf,
        non_utf8,
        stream_error,
        stream_error_first,
        no_message_stop,
        cut_after,
        pings,
    )
}
