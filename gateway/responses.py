"""What goes back to the caller: an upstream's answer or one of ours, in Anthropic's form either way. Pure."""

import json
from collections.abc import AsyncIterator
from typing import Final, Protocol

import msgspec

from gateway.calls import OwnAnswer, UpstreamAnswer

ACTIVITY_HEADER: Final = "nubabel-activity"
ACCOUNT_HEADER: Final = "nubabel-account"
ATTEMPTS_HEADER: Final = "nubabel-attempts"

Headers = tuple[tuple[str, str], ...]


class Stream(Protocol):
    """The body of an answer that is still coming. Close it, or read it to its end."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Let go; what was generated so far is settled."""


class Saved(msgspec.Struct, frozen=True):
    """An upstream answer read whole."""

    status: int
    headers: Headers
    body: bytes = b""

    def __repr__(self) -> str:
        """Without what Claude said."""
        return f"Saved({self.status}, {self.headers!r}, {len(self.body)} bytes)"


class Response(msgspec.Struct, frozen=True):
    """An answer for the caller; `stream` if it is still coming, else `body`."""

    status: int
    headers: Headers
    body: bytes = b""
    stream: Stream | None = None

    def __repr__(self) -> str:
        """Without what Claude said."""
        return f"Response({self.status}, {self.headers!r}, {'a stream' if self.stream else len(self.body)})"

    @property
    def good(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's

    @property
    def missing(self) -> bool:
        """Whether what was asked for does not exist."""
        return self.status == 404  # noqa: PLR2004 - HTTP's


class Provenance(msgspec.Struct, frozen=True):
    """Where an answer comes from; told in headers of ours."""

    activity: str
    account: str = ""
    attempts: int = 0

    @property
    def headers(self) -> Headers:
        """The same as headers; what is unknown is left out."""
        named = (
            (ACTIVITY_HEADER, self.activity),
            (ACCOUNT_HEADER, self.account),
            (ATTEMPTS_HEADER, str(self.attempts)),
        )
        return tuple([pair for pair in named if pair[1]])


def whole(saved: Saved, provenance: Provenance) -> Response:
    """Pass an answer on as it came."""
    return Response(saved.status, (*saved.headers, *provenance.headers), saved.body)


def streamed(saved: Saved, stream: Stream, provenance: Provenance) -> Response:
    """Pass on the head of an answer whose body follows."""
    unbuffered = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
    return Response(saved.status, (*saved.headers, *unbuffered, *provenance.headers), stream=stream)


def failed(saved: Saved, answer: UpstreamAnswer, provenance: Provenance) -> Response:
    """Pass an upstream's error on, with the pool's own idea of when to come back."""
    ours = retry_headers(answer)
    replaced = {name for name, _ in ours}
    if "retry-after" in replaced:
        replaced.add("retry-after-ms")  # SDKs prefer it
    kept = tuple((name, value) for name, value in saved.headers if name not in replaced)
    return Response(saved.status, (*kept, *ours, *provenance.headers), saved.body)


def own(answer: OwnAnswer, provenance: Provenance) -> Response:
    """Answer in our own name; the activity's id, written as Anthropic's are, takes the place of its request id."""
    request_id = own_request_id(provenance.activity)
    body = envelope(answer.type, answer.message, request_id=request_id)
    fixed = (("content-type", "application/json"), ("request-id", request_id))
    return Response(answer.status, (*fixed, *retry_headers(answer), *provenance.headers), body)


def own_request_id(activity: str) -> str:
    """Give the request id of an answer of ours, by which the activity can be found."""
    return f"req_{activity.replace('-', '')}"


def envelope(type_: str, message: str, *, request_id: str = "") -> bytes:
    """Give an error in Anthropic's envelope."""
    error = {"type": "error", "error": {"type": type_, "message": message}}
    return json.dumps(error | ({"request_id": request_id} if request_id else {})).encode()


def error_event(type_: str, message: str) -> bytes:
    """Give an error as the last event of a stream."""
    return b"event: error\ndata: " + envelope(type_, message) + b"\n\n"


def retry_headers(answer: OwnAnswer | UpstreamAnswer) -> Headers:
    """Say when to come back (whole seconds, rounded up) and whether that makes sense at all."""
    after = () if answer.retry_after_ms is None else (("retry-after", str(-(-answer.retry_after_ms // 1_000))),)
    should = () if answer.should_retry is None else (("x-should-retry", str(answer.should_retry).lower()),)
    return (*after, *should)
