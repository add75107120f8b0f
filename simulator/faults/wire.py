"""Faults below the API: what proxies, edges and broken networks do to an answer."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulator.latency import Pace, distribution, paced
from simulator.reply import Abort, Hang, Pause, Reply, Step
from simulator.scene import Scene

Fault = Callable[[Scene], Reply]

EDGE_PAGE = b"""<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>
<body><h1>Sorry, you have been blocked</h1><p>You are unable to access api.anthropic.com</p></body></html>"""


def _html(status: int, page: bytes) -> Fault:
    return lambda _scene: Reply(
        status, {"content-type": "text/html; charset=UTF-8", "server": "cloudflare"}, (page,), foreign=True
    )


def ok() -> Fault:
    """No fault: the ordinary answer, to space out a sequence."""
    return lambda scene: scene.normal()


def edge_block(*, status: int = 403) -> Fault:
    """An edge's HTML page instead of the API."""
    return _html(status, EDGE_PAGE)


def html_200() -> Fault:
    """200 with a web page."""
    return _html(200, b"<html><body>Welcome to the hotel's wireless network</body></html>")


def edge_error(*, status: int = 520) -> Fault:
    """A proxy's plain text page."""
    body = f"error code: {status}".encode()
    return lambda _scene: Reply(status, {"content-type": "text/plain; charset=UTF-8"}, (body,), foreign=True)


def empty_200() -> Fault:
    """200 with nothing in it."""
    return lambda _scene: Reply(200, {"content-type": "application/json"}, (b"",))


def wrong_content_type(*, content_type: str = "text/plain") -> Fault:
    """The right answer under a wrong label."""
    return lambda scene: scene.normal().with_headers({"content-type": content_type})


def redirect(*, location: str = "http://127.0.0.1:9/v1/messages", status: int = 307) -> Fault:
    """A redirect, which nobody holding a secret should follow."""
    return lambda _scene: Reply(status, {"location": location, "content-type": "text/html"}, (b"",), foreign=True)


def gzip_garbage() -> Fault:
    """Says gzip, is not."""
    return lambda scene: Reply(
        200,
        {"content-type": scene.normal().headers["content-type"], "content-encoding": "gzip"},
        (b"\x1f\x8b\x08\x00this is no gzip at all",),
    )


def wrong_length(*, extra: int = 64) -> Fault:
    """Promises more bytes than it sends, then closes."""

    def apply(scene: Scene) -> Reply:
        reply = scene.normal()
        length = str(len(reply.body) + extra)
        headers = {**reply.headers, "content-length": length}
        return replace(reply, headers=headers, chunked=False, steps=(*reply.steps, Abort()))

    return apply


def hang_before_headers() -> Fault:
    """Accepts the request and says nothing, until released; then serves."""

    def apply(scene: Scene) -> Reply:
        reply = scene.normal()
        return replace(reply, before=(Hang(), *reply.before))

    return apply


def hang_after_headers(*, frames: int = 0) -> Fault:
    """Sends the headers and `frames` pieces of the body, then nothing until released."""

    def apply(scene: Scene) -> Reply:
        reply = scene.normal()
        return replace(reply, steps=(*reply.steps[:frames], Hang(), *reply.steps[frames:]))

    return apply


def silence(*, seconds: float, frames: int = 1) -> Fault:
    """Pauses once in the body, then goes on."""

    def apply(scene: Scene) -> Reply:
        reply = scene.normal()
        return replace(reply, steps=(*reply.steps[:frames], Pause(seconds), *reply.steps[frames:]))

    return apply


def drip(*, chunk: int = 1, seconds: float = 0.01) -> Fault:
    """Sends the body a few bytes at a time."""

    def apply(scene: Scene) -> Reply:
        reply = scene.normal()
        steps: list[Step] = []
        for at in range(0, len(reply.body), chunk):
            steps += (reply.body[at : at + chunk], Pause(seconds))
        return replace(reply, steps=tuple(steps))

    return apply


def reset(*, at: int = 0) -> Fault:
    """Resets the connection after `at` bytes of the body (0: right after the headers)."""

    def apply(scene: Scene) -> Reply:
        reply = scene.normal()
        headers = reply.headers if reply.chunked else {**reply.headers, "content-length": str(len(reply.body))}
        return replace(reply, headers=headers, steps=(*cut(reply.steps, at), Abort()))

    return apply


def cut(steps: tuple[Step, ...], at: int) -> tuple[Step, ...]:
    """Keep the first `at` bytes, and the pauses among them."""
    kept: list[Step] = []
    for step in steps:
        if at <= 0:
            break
        if isinstance(step, bytes):
            kept.append(step[:at])
            at -= len(step)
        else:
            kept.append(step)
    return tuple(kept)


def refuse() -> Fault:
    """Drops the connection without a single byte of answer; nothing was served."""
    return lambda _scene: Reply(200, {}, before=(Abort(),))


def latency(*, first: Mapping[str, Any] | float = 0.0, between: Mapping[str, Any] | float = 0.0) -> Fault:
    """The ordinary answer, slow: seconds or a distribution, to the first byte and between a stream's events."""
    pace = Pace(distribution(first), distribution(between))
    return lambda scene: paced(scene.normal(), pace, scene.rng)


FAULTS: dict[str, Callable[..., Fault]] = {
    make.__name__: make
    for make in (
        ok,
        edge_block,
        html_200,
        edge_error,
        empty_200,
        wrong_content_type,
        redirect,
        gzip_garbage,
        wrong_length,
        hang_before_headers,
        hang_after_headers,
        silence,
        drip,
        reset,
        refuse,
        latency,
    )
}
